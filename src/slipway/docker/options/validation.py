"""Checks of single flag values, made while the command line is read. ValueError carries the original's words."""

from slipway.docker.options.quantities import bytes_from_text

_SYSCTLS = frozenset(
    f"kernel.{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)
_ULIMITS = frozenset(
    [
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ]
)
_ALPHANUMERIC = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_RATE_HINT = "The correct format is <device-path>:<number>{unit}. Number must be a positive integer"


def attach_stream(text: str) -> str:
    name = text.lower()
    if name not in ("stdin", "stdout", "stderr"):
        raise ValueError("valid streams are STDIN, STDOUT and STDERR")
    return name


def device_cgroup_rule(text: str) -> str:
    kind, _, rest = text.partition(" ")
    numbers, _, access = rest.partition(" ")
    major, colon, minor = numbers.partition(":")
    is_valid = (
        kind in ("a", "c", "b")
        and colon
        and all(part == "*" or (part.isascii() and part.isdigit()) for part in (major, minor))
        and 1 <= len(access) <= 3
        and set("rwm").issuperset(access)
    )
    if not is_valid:
        raise ValueError(f"invalid device cgroup format '{text}'")
    return text


def environment_variable(text: str) -> str:
    if text.startswith("=") or not text:
        raise ValueError(f"invalid environment variable: {text}")
    return text


def label(text: str) -> str:
    key = text.partition("=")[0].lstrip(" \t")
    if not key:
        raise ValueError(f"invalid label '{text}': empty name")
    if " " in key or "\t" in key:
        raise ValueError(f"label '{key}' contains whitespaces")
    return text


def sysctl(text: str) -> str:
    key, equals, _ = text.partition("=")
    if not equals or not key or not (key in _SYSCTLS or key.startswith(("net.", "fs.mqueue."))):
        raise ValueError(f"sysctl '{text}' is not allowed")
    return text


def ip_address(text: str) -> str:
    """The address in its canonical form."""
    address = canonical_address(text.strip())
    if address is None:
        raise ValueError(f"IP address is not correctly formatted: {text}")
    return address


def canonical_address(text: str) -> str | None:
    """None where `text` is no IP address. By the C library's parser: `ipaddress` costs 8 ms to import."""
    import _socket

    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            return _socket.inet_ntop(family, _socket.inet_pton(family, text))
        except (OSError, UnicodeError, ValueError):
            continue
    return None


def extra_host(text: str) -> str:
    """host:ip or host=ip; the address perhaps in brackets, or `host-gateway`."""
    name, separator, address = text.partition("=")
    if not separator:
        name, separator, address = text.partition(":")
    if not separator or not name or ":" in name:
        from slipway.docker.output.quoting import go_quote

        raise ValueError(f"bad format for add-host: {go_quote(text)}")
    if address != "host-gateway":
        if len(address) > 2 and address[0] == "[" and address[-1] == "]":
            address = address[1:-1]
        if canonical_address(address.strip()) is None:
            raise ValueError(f'invalid IP address in add-host: "{address}"')
    return f"{name}:{address}"


def dns_search(text: str) -> str:
    domain = text.strip(" ")
    if domain == ".":
        return domain
    labels = domain.rstrip(".").split(".")
    has_letter = any(character.isascii() and character.isalpha() for character in domain)
    if not has_letter or len(domain) >= 255 or not all(map(_is_domain_label, labels)):
        raise ValueError(f"{domain} is not a valid domain")
    return domain.rstrip(".") if domain.endswith(".") else domain


def _is_domain_label(part: str) -> bool:
    return (
        bool(part)
        and part[0] in _ALPHANUMERIC
        and part[-1] in _ALPHANUMERIC
        and _ALPHANUMERIC.union("-").issuperset(part)
    )


def link(text: str) -> str:
    if not text:
        raise ValueError("empty string specified for links")
    parts = text.split(":")
    if len(parts) > 2:
        raise ValueError(f"bad format for links: {text}")
    return text


def is_mac_address(text: str) -> bool:
    """Six (or 8, or 20) octets, or the dotted form, as Go's net.ParseMAC."""
    text = text.strip()
    separator = text[4:5] if text[4:5] == "." else text[2:3]
    width, sizes = (4, (3, 4, 10)) if separator == "." else (2, (6, 8, 20))
    if separator not in (":", "-", ".") or not separator:
        return False
    parts = text.split(separator)
    return len(parts) in sizes and all(len(part) == width and _HEXADECIMAL.issuperset(part) for part in parts)


def ulimit(text: str) -> "dict[str, object]":
    """name=soft[:hard]."""
    name, equals, limits = text.partition("=")
    if not equals:
        raise ValueError(f"invalid ulimit argument: {text}")
    if name not in _ULIMITS:
        raise ValueError(f"invalid ulimit type: {name}")
    parts = limits.split(":")
    if len(parts) > 2:
        raise ValueError(f"too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`")
    values = [_limit(part) for part in parts]
    soft, hard = values[0], values[-1]
    if hard != -1 and (soft == -1 or soft > hard):
        if soft == -1:
            raise ValueError(
                f"ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: {hard}"
            )
        raise ValueError(f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}")
    return {"Name": name, "Hard": hard, "Soft": soft}


def _limit(text: str) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits or not digits.isascii() or not digits.isdigit():
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def weighted_device(text: str) -> "dict[str, object]":
    path, number = _device_and_number(text)
    if not number.isascii() or not number.isdigit() or not (number == "0" or 10 <= int(number) <= 1000):
        raise ValueError(f"invalid weight for device: {text}")
    return {"Path": path, "Weight": int(number)}


def byte_rate(text: str) -> "dict[str, object]":
    path, number = _device_and_number(text)
    try:
        return {"Path": path, "Rate": bytes_from_text(number)}
    except ValueError:
        hint = _RATE_HINT.format(unit="[<unit>]")
        raise ValueError(
            f"invalid rate for device: {text}. {hint}. Unit is optional and can be kb, mb, or gb"
        ) from None


def operation_rate(text: str) -> "dict[str, object]":
    path, number = _device_and_number(text)
    if not number.isascii() or not number.isdigit():
        raise ValueError(f"invalid rate for device: {text}. {_RATE_HINT.format(unit='')}")
    return {"Path": path, "Rate": int(number)}


def _device_and_number(text: str) -> tuple[str, str]:
    path, colon, number = text.partition(":")
    if not colon or not path:
        raise ValueError(f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise ValueError(f"bad format for device path: {text}")
    return path, number
