"""Why no test uses a property of the OCI runtime specification, or a flag of runc."""

_LAZY = "criu serves pages later by userfaultfd(2): handed on to criu, and never tried here"
_LABELS = "criu's matter, for AppArmor and SELinux, which this machine has not: handed on to criu"

UNUSED: dict[str, str] = {
    "checkpoint --lazy-pages": _LAZY,
    "checkpoint --status-fd": _LAZY,
    "restore --lazy-pages": _LAZY,
    "restore --lsm-profile": _LABELS,
    "restore --lsm-mount-context": _LABELS,
}
