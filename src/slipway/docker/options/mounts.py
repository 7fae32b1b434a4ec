"""--mount type=bind,source=/a,target=/b,...: one mount of the create request."""

from slipway.docker.options.comma_fields import fields_from_text
from slipway.docker.options.quantities import boolean_from_text, bytes_from_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FLAGS_WITHOUT_VALUE = ("readonly", "ro", "volume-nocopy", "bind-nonrecursive")
_RECURSION = {
    "enabled": "",
    "disabled": "NonRecursive",
    "writable": "ReadOnlyNonRecursive",
    "readonly": "ReadOnlyForceRecursive",
}
_OPTIONS_OF_TYPE = {"volume": "VolumeOptions", "image": "ImageOptions", "bind": "BindOptions", "tmpfs": "TmpfsOptions"}


class _Builder:
    """Collects the members of one mount. Members that stay empty are left out, as Go's omitempty does."""

    def __init__(self) -> None:
        self.mount: dict[str, Any] = {"Type": "volume"}
        self.options: dict[str, dict[str, Any]] = {}

    def option(self, kind: str) -> "dict[str, Any]":
        return self.options.setdefault(kind, {})

    def set(self, key: str, value: str, field: str) -> None:
        if key in ("type", "consistency"):
            self.mount[key.capitalize()] = value.lower()
        elif key in ("source", "src"):
            self.mount["Source"] = value
        elif key in ("target", "dst", "destination"):
            self.mount["Target"] = value
        elif key in ("readonly", "ro"):
            self.mount["ReadOnly"] = _boolean(key, value)
        elif key.startswith("bind-"):
            self.set_bind(key, value, field)
        elif key.startswith("volume-"):
            self.set_volume(key, value, field)
        elif key == "image-subpath":
            self.option("image")["Subpath"] = value
        elif key == "tmpfs-size":
            self.option("tmpfs")["SizeBytes"] = _size(key, value)
        elif key == "tmpfs-mode":
            self.option("tmpfs")["Mode"] = _mode(key, value)
        else:
            raise ValueError(f"unexpected key '{key}' in '{field}'")

    def set_bind(self, key: str, value: str, field: str) -> None:
        bind = self.option("bind")
        if key == "bind-propagation":
            bind["Propagation"] = value.lower()
        elif key == "bind-nonrecursive":
            bind["NonRecursive"] = _boolean(key, value)
        elif key == "bind-recursive":
            if value not in _RECURSION:
                raise ValueError(
                    f'invalid value for {key}: {value} (must be "enabled", "disabled", "writable", or "readonly")'
                )
            if _RECURSION[value]:
                bind[_RECURSION[value]] = True
            elif not bind:
                del self.options["bind"]  # "enabled" is the default: nothing is sent for it
        else:
            raise ValueError(f"unexpected key '{key}' in '{field}'")

    def set_volume(self, key: str, value: str, field: str) -> None:
        volume = self.option("volume")
        driver = volume.setdefault("DriverConfig", {})
        if key == "volume-subpath":
            volume["Subpath"] = value
        elif key == "volume-nocopy":
            volume["NoCopy"] = _boolean(key, value)
        elif key == "volume-label":
            _add_pair(volume.setdefault("Labels", {}), value)
        elif key == "volume-driver":
            driver["Name"] = value
        elif key == "volume-opt":
            _add_pair(driver.setdefault("Options", {}), value)
        else:
            raise ValueError(f"unexpected key '{key}' in '{field}'")

    def finish(self) -> "dict[str, Any]":
        kind = self.mount.get("Type", "")
        if not kind:
            raise ValueError("type is required")
        if not self.mount.get("Target"):
            raise ValueError("target is required")
        for owner in _OPTIONS_OF_TYPE:
            if owner in self.options and owner != kind:
                raise ValueError(f"cannot mix '{owner}-*' options with mount type '{kind}'")
        self.check_recursion()
        mount = {name: value for name, value in self.mount.items() if value}
        for owner, options in self.options.items():
            mount[_OPTIONS_OF_TYPE[owner]] = _without_empty(options)
        return mount

    def check_recursion(self) -> None:
        bind = self.options.get("bind", {})
        if bind.get("ReadOnlyNonRecursive") and not self.mount.get("ReadOnly"):
            raise ValueError("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction")
        if bind.get("ReadOnlyForceRecursive"):
            if not self.mount.get("ReadOnly"):
                raise ValueError("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction")
            if bind.get("Propagation") != "rprivate":
                raise ValueError(
                    "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate'"
                    " to be specified in conjunction"
                )


def mount_from_text(text: str) -> "dict[str, Any]":
    """The API's Mount. A relative source stays as it is: who knows the working directory makes it absolute."""
    builder = _Builder()
    for field in fields_from_text(text):
        key, equals, value = field.partition("=")
        key = key.lower()
        if not equals:
            if key not in _FLAGS_WITHOUT_VALUE:
                raise ValueError(f"invalid field '{field}' must be a key=value pair")
            value = "true"
        builder.set(key, value, field)
    return builder.finish()


def _boolean(key: str, value: str) -> bool:
    try:
        return boolean_from_text(value)
    except ValueError:
        raise ValueError(f"invalid value for {key}: {value}") from None


def _size(key: str, value: str) -> int:
    try:
        return bytes_from_text(value)
    except ValueError:
        raise ValueError(f"invalid value for {key}: {value}") from None


def _mode(key: str, value: str) -> int:
    if not value or not set("01234567").issuperset(value) or int(value, 8) >= 1 << 32:
        raise ValueError(f"invalid value for {key}: {value}")
    return int(value, 8)


def _add_pair(target: "dict[str, str]", text: str) -> None:
    key, _, value = text.partition("=")
    if key:
        target[key] = value


def _without_empty(options: "dict[str, Any]") -> "dict[str, Any]":
    """DriverConfig stays, even empty: it is a pointer in the daemon's type."""
    return {name: value for name, value in options.items() if value or name == "DriverConfig"}
