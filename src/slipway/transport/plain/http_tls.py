"""TLS under a plain HTTP connection. Imported only when an address asks for it: `ssl` costs 10 ms."""

import socket
import ssl


class TlsFiles:
    """Paths of PEM files, "" for none. `verify=False` (docker --tls) encrypts without checking who answers."""

    __slots__ = ("authority", "certificate", "key", "verify")

    def __init__(self, authority: str, certificate: str, key: str, *, verify: bool) -> None:
        self.authority = authority
        self.certificate = certificate
        self.key = key
        self.verify = verify


def wrap(descriptor: int, host: str, files: TlsFiles) -> ssl.SSLSocket:
    """A TLS client on a connected socket's descriptor, which it owns from now on. Raises OSError (ssl.SSLError)."""
    plain = socket.socket(fileno=descriptor)
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not files.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif files.authority:
            context.load_verify_locations(files.authority)
        else:
            context.load_default_certs()
        if files.certificate:
            context.load_cert_chain(files.certificate, files.key or None)
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def close_writing(connection: object) -> None:
    """Send close_notify and go on reading: TLS's half-close (RFC 8446, 6.1). `unwrap` would wait for the peer's."""
    if not isinstance(connection, ssl.SSLSocket):
        raise TypeError("not a TLS connection")
    connection.setblocking(False)
    try:
        connection.unwrap()
    except ssl.SSLWantReadError:
        return
    finally:
        connection.setblocking(True)
