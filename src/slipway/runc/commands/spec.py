"""`runc spec`: write an example `config.json`."""

import os

from slipway.base import json_text
from slipway.base.errors import AlreadyExists, NotImplementedByEngine
from slipway.runc.commands.context import Context
from slipway.runc.options.parse import SWITCH, TEXT, Flag, Options, check_arguments
from slipway.runc.spec.example import example_spec

INTERLEAVED = True
FLAGS = (Flag(TEXT, "bundle", "b"), Flag(SWITCH, "rootless"))


def run(_: Context, options: Options) -> int:
    check_arguments("spec", options, 0, 0)
    if options.switch("rootless"):
        raise NotImplementedByEngine("spec --rootless is not implemented")
    path = os.path.join(options.text("bundle") or ".", "config.json")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        raise AlreadyExists("File config.json exists. Remove it first") from None
    try:
        os.write(descriptor, json_text.dumps_indented(example_spec(), 8).encode())
    finally:
        os.close(descriptor)
    return 0
