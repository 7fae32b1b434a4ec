"""WWW-Authenticate as registries write it."""

from slipway.clients.registry.challenges import challenges_from_header, choose_challenge, merged_scopes


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


def test_scopes_are_merged_by_what_they_are_for() -> None:
    assert merged_scopes("repository:a:pull", "") == ["repository:a:pull"]
    assert merged_scopes("repository:a:pull,push", "repository:a:pull") == ["repository:a:pull,push"]
    assert merged_scopes("repository:h:5000/a:pull", "repository:b:pull registry:catalog:*") == [
        "repository:h:5000/a:pull",
        "repository:b:pull",
        "registry:catalog:*",
    ]
    assert merged_scopes("aws") == ["aws"]
