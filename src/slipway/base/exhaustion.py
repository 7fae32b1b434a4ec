"""What a machine can run out of: an error that says so is no bug of ours, and one sentence tells all of it.

No typing here: the shim imports this module.
"""

import errno

_ERRNOS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
_SQLITE_CODES = (8, 10, 13, 14)  # SQLITE_READONLY, _IOERR, _FULL, _CANTOPEN: sqlite.org/rescode.html
_PRIMARY = 0xFF


def is_exhausted(error: BaseException) -> bool:
    """Whether descriptors, memory or disk have run out, or the disk fails: by `error` itself, or by what caused it."""
    if error.__cause__ is not None and is_exhausted(error.__cause__):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & _PRIMARY in _SQLITE_CODES
    return isinstance(error, OSError) and error.errno in _ERRNOS


def sentence(error: OSError) -> str:
    """File and cause, as messages have them."""
    cause = (error.strerror or str(error)).lower()
    return f"{error.filename}: {cause}" if error.filename else cause
