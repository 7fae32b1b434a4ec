"""Settings as the text of a configuration file."""

from typing import Any, Final

from slipway.containerd.configuration import names
from slipway.containerd.configuration.model import Settings
from slipway.service.configuration import table_from_settings, toml_from_table

READ_BY_ALL: Final = 2
"""The newest version that containerd 1.7 reads; 2.x reads it as well."""
_RUNTIME: Final = "io.containerd.runtime.v2.task"
_SHIM: Final = "io.containerd.shim.v1.manager"


def text_of(settings: Settings, version: int) -> str:
    """The whole file, every key present, for version 2 or 3."""
    table = table_from_settings(settings)
    plugins: dict[str, Any] = table["plugins"]
    if version < names.NEWEST:
        if not plugins[_SHIM]["env"]:  # a table of version 3
            del plugins[_SHIM]
    elif plugins[_RUNTIME].pop("sched_core"):
        plugins[_SHIM]["env"].append("SCHED_CORE=1")
    del table["plugin_dir"]  # containerd 1.7's alone
    transfer = plugins["io.containerd.transfer.v1.local"]
    if not transfer["unpack_config"]:  # to the original, an empty list is to unpack nothing
        del transfer["unpack_config"]
    plugins[names.OURS] = {key: table.pop(key) for key in names.OUR_KEYS}
    table["plugins"] = {names.name_in(name, version): value for name, value in plugins.items()}
    for key in ("disabled_plugins", "required_plugins"):
        table[key] = [names.name_in(name, version) for name in table[key]]
    return toml_from_table(table | {"version": version}) + "\n"
