"""`runc spec`: write an example `config.json`."""

import os

from slipway.base import json_text
from slipway.base.errors import AlreadyExists
from slipway.base.files import write_all
from slipway.linux import cgroups
from slipway.runc.commands.context import Context
from slipway.runc.options.parse import SWITCH, TEXT, Flag, Options, check_arguments
from slipway.runc.spec.example import example_spec, make_rootless

INTERLEAVED = True
FLAGS = (Flag(TEXT, "bundle", "b"), Flag(SWITCH, "rootless"))

_CONFIGURATION = "config.json"


def run(_: Context, options: Options) -> int:
    check_arguments("spec", options, 0, 0)
    spec = example_spec(cgroup_namespace=cgroups.is_unified())
    if options.switch("rootless"):
        make_rootless(spec, os.geteuid(), os.getegid())
    bundle = options.text("bundle")
    if bundle:
        try:
            os.chdir(bundle)
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"chdir {bundle}") from None
    try:
        descriptor = os.open(_CONFIGURATION, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        raise AlreadyExists(f"File {_CONFIGURATION} exists. Remove it first") from None
    try:
        write_all(descriptor, json_text.dumps_indented(spec, "\t").encode())
    finally:
        os.close(descriptor)
    return 0
