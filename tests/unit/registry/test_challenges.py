"""WWW-Authenticate as registries write it."""

from slipway.clients.registry.challenges import challenges_from_header, choose_challenge


def test_a_bearer_challenge_has_its_parameters() -> None:
    line = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'
    (challenge,) = challenges_from_header(line)
    assert challenge.scheme == "bearer"
    assert challenge.parameters == {
        "realm": "https://auth.docker.io/token",
        "service": "registry.docker.io",
        "scope": "repository:a/b:pull,push",
    }


def test_two_challenges_on_one_line_are_told_apart() -> None:
    challenges = challenges_from_header('Basic realm="x", Bearer realm="https://t/"')
    assert [each.scheme for each in challenges] == ["basic", "bearer"]


def test_quoted_pairs_are_unescaped() -> None:
    (challenge,) = challenges_from_header(r'Basic realm="a \"b\""')
    assert challenge.parameters["realm"] == 'a "b"'


def test_bearer_comes_before_basic() -> None:
    chosen = choose_challenge(('Basic realm="x"', 'Bearer realm="https://t/"'))
    assert chosen is not None
    assert chosen.scheme == "bearer"


def test_a_bearer_challenge_without_realm_is_not_chosen() -> None:
    assert choose_challenge(("Bearer", "Negotiate abc")) is None


def test_nonsense_ends_quickly() -> None:
    assert challenges_from_header('=,"' * 100_000) == []
