"""Flags that several commands have in the same words."""

from slipway.docker.options.flags import Flag, boolean, text

_TEMPLATE_HELP = """'TEMPLATE':         Print output by the given Go template.
See https://docs.docker.com/go/formatting/ for what a template can say"""
_LIST_HELP = f"""Format the output by a template of one's own:
'table':            Print a table with column headers (default)
'table TEMPLATE':   Print a table by the given Go template
'json':             Print JSON, one object per line
{_TEMPLATE_HELP}"""
_INSPECT_HELP = f"""Format the output by a template of one's own:
'json':             Print JSON
{_TEMPLATE_HELP}"""


def list_format(short: str = "") -> Flag:
    return text("format", _LIST_HELP, short=short)


def inspect_format(short: str = "f") -> Flag:
    return text("format", _INSPECT_HELP, short=short)


def quiet(description: str) -> Flag:
    return boolean("quiet", description, short="q")


def no_truncation() -> Flag:
    return boolean("no-trunc", "Show everything in full length")


def without_question() -> Flag:
    return boolean("force", "Ask nothing", short="f")
