"""What a process document of `exec` takes from the container where it says nothing, as the original has it. Pure."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.base.json_text import Json

_INHERITED = (
    "apparmorProfile",
    "capabilities",
    "execCPUAffinity",
    "ioPriority",
    "rlimits",
    "scheduler",
    "selinuxLabel",
)


def inheritance(process: "Json") -> "dict[str, Json]":
    """The part of a container's own process that is to be kept for later documents."""
    if not isinstance(process, dict):
        return {}
    kept = {name: process[name] for name in _INHERITED if process.get(name) is not None}
    user = process.get("user")
    if isinstance(user, dict) and user.get("umask") is not None:
        kept["user"] = {"umask": user["umask"]}
    return kept


def completed(document: "Json", inherited: "Json") -> "Json":
    """The document with what it leaves out. Anything that is no object is left to the decoder's judgement."""
    if not isinstance(document, dict) or not isinstance(inherited, dict):
        return document
    user = document.get("user")
    whole = {**document}
    for name in _INHERITED:
        if name in inherited and whole.get(name) in (None, "", []):
            whole[name] = inherited[name]
    umask = inherited.get("user")
    if isinstance(umask, dict) and (user is None or (isinstance(user, dict) and user.get("umask") is None)):
        whole["user"] = {**(user or {}), **umask}
    return whole
