"""Help, JSON and port columns as people know them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from slipway.docker.options.flags import boolean, text, texts
from slipway.docker.output.containers import ports_text
from slipway.docker.output.help import command_help
from slipway.docker.output.json_layout import compact_json, indent_json
from slipway.docker.output.text import ellipsis

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(documents)
def test_json_is_laid_out_as_by_anyone_else(document: object) -> None:
    compact = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    assert indent_json(compact) == json.dumps(document, indent=4, ensure_ascii=False)
    assert compact_json(json.dumps(document, indent=2, ensure_ascii=False)) == compact


def test_help_aligns_names_and_wraps_descriptions() -> None:
    flags = [
        boolean("all", "Show everything", short="a"),
        text("format", "A description that is long enough to need a second line for its last words", default="x"),
        texts("filter", "Filter", short="f"),
        text("secret", is_hidden=True),
    ]
    expected = """Usage:  docker thing [OPTIONS]

Things

Aliases:
  docker thing, docker things

Options:
  -a, --all             Show everything
  -f, --filter list     Filter
      --format string   A description that is long enough to need a
                        second line for its last words (default "x")
"""
    assert (
        command_help("docker thing [OPTIONS]", "Things", aliases="docker thing, docker things", flags=flags) == expected
    )


def port(private: int, public: int = 0, address: str = "", kind: str = "tcp") -> dict[str, object]:
    found: dict[str, object] = {"PrivatePort": private, "Type": kind}
    return found | ({"IP": address, "PublicPort": public} if address else {})


def test_ports_become_ranges_where_they_can() -> None:
    ports = [port(80, 80, "0.0.0.0"), port(81, 81, "0.0.0.0"), port(443), port(444), port(53, kind="udp")]
    assert ports_text(ports) == "53/udp, 0.0.0.0:80-81->80-81/tcp, 443-444/tcp"
    assert ports_text([port(80, 8080, "0.0.0.0"), port(90)]) == "90/tcp, 0.0.0.0:8080->80/tcp"
    assert ports_text([port(1), port(2), port(4)]) == "1-2/tcp, 4/tcp"


def test_ellipsis() -> None:
    assert ellipsis("/docker-entrypoint.sh nginx", 20) == "/docker-entrypoint.…"
    assert ellipsis("short", 20) == "short"
    assert ellipsis("日本語日本語", 6) == "日本…"
