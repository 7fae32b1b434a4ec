"""What a machine can run out of: an OSError that says so is no bug of ours, and a sentence tells all of it."""

import errno
from typing import Final

EXHAUSTED: Final = frozenset(
    (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
)


def is_exhausted(error: BaseException) -> bool:
    """Whether descriptors, memory or disk have run out, or the disk fails (errno(3))."""
    return isinstance(error, OSError) and error.errno in EXHAUSTED
