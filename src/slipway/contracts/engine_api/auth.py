"""A login to a registry, as the X-Registry-Auth header and the body of POST /auth have it."""

from dataclasses import dataclass

from slipway.contracts.engine_api.schema import member


@dataclass(frozen=True, kw_only=True)
class AuthConfig:
    """Credentials of one registry. `auth` is the base64 of user:password; `registry_token` a bearer token as it is."""

    username: str = member("", json="username")
    password: str = member("", json="password")
    auth: str = member("", json="auth")
    server_address: str = member("", json="serveraddress")
    identity_token: str = member("", json="identitytoken")
    registry_token: str = member("", json="registrytoken")
