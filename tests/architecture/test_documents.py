"""What the documents name exists: paths, folders, links."""

import re
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT

DOCUMENTS = [p for p in ("README.md", "ARCHITECTURE.md", "docs/docker-run.md") if (CHECKOUT / p).exists()]
PATH = re.compile(
    r"`((?:src|tests|tools|bench|examples|bin|docs|protos)/[\w./*{},-]+|[a-z_]+(?:/[\w.-]+)+\.(?:py|md|toml))`"
)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_in_a_document_exists(document: str) -> None:
    text = (CHECKOUT / document).read_text()
    missing = sorted({name for name in PATH.findall(text) if not _exists(name)})
    missing += [link for link in LINK.findall(text) if not (CHECKOUT / document).parent.joinpath(link).exists()]
    assert not missing, f"{document} names what is not there: {missing}"


def _exists(name: str) -> bool:
    places = (CHECKOUT, CHECKOUT / "src" / "slipway", CHECKOUT / "src")
    return any(any(Path(place).glob(name.strip("/"))) for place in places if "{" not in name) or "{" in name
