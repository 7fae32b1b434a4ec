"""What people type for an image, what machines store, and what they hear when it is no reference."""

import pytest

from slipway.base.errors import InvalidArgument
from slipway.base.references import complete_reference, parse_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "complete", "familiar"),
    [
        ("nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27", "nginx:1.27"),
        ("user/app", "docker.io/user/app:latest", "user/app:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("index.docker.io/library/nginx:a", "docker.io/library/nginx:a", "nginx:a"),
        ("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("127.0.0.1:5000/a/b__c", "127.0.0.1:5000/a/b__c:latest", "127.0.0.1:5000/a/b__c:latest"),
        ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
        ("Host/app", "Host/app:latest", "Host/app:latest"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}", f"nginx@{DIGEST}"),
        (f"nginx:1@{DIGEST}", f"docker.io/library/nginx@{DIGEST}", f"nginx@{DIGEST}"),
    ],
)
def test_names_have_a_complete_and_a_familiar_spelling(text: str, complete: str, familiar: str) -> None:
    reference = complete_reference(text)
    assert (reference.complete, reference.familiar) == (complete, familiar)
    assert complete_reference(familiar) == complete_reference(complete)


@pytest.mark.parametrize(
    "text",
    ["", "a b", ":tag", "nginx:", "nginx@", "-nginx", "nginx/", "a//b", "nginx:tag:tag", "a@b", f"x@{DIGEST[:-1]}",
     "x:" + "t" * 129, "über", "nginx\n", "../etc", "docker.io/", "a:b/c@d", "x" * 5000],
)  # fmt: skip
def test_what_is_no_reference_is_refused_in_dockers_words(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid reference format$"):
        parse_reference(text)


def test_capitals_bare_ids_and_long_names_have_messages_of_their_own() -> None:
    with pytest.raises(InvalidArgument, match=r"repository name \(library/Nginx\) must be lowercase"):
        parse_reference("Nginx")
    with pytest.raises(InvalidArgument, match="cannot specify 64-byte hexadecimal strings"):
        parse_reference("a" * 64)
    with pytest.raises(InvalidArgument, match="must not be more than 255 characters"):
        parse_reference("a" * 256)


def test_a_tag_replaces_a_digest_and_is_checked() -> None:
    reference = parse_reference(f"nginx@{DIGEST}")
    assert reference.with_tag("x").familiar == "nginx:x"
    with pytest.raises(InvalidArgument, match="invalid tag format"):
        reference.with_tag("a b")
