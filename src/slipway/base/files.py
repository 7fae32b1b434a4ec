"""Files that are whole or absent: the one place that writes state by temporary name, fsync and rename."""

import os


def write_atomically(path: str, data: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Replace `path` by a file of `data`. A crash leaves the old file or the new one, never a part.

    `durable=False` skips both fsyncs: for run state that does not outlive the kernel. A temporary file `.NAME.PID.tmp`
    may be left by a crash. Raises OSError.
    """
    directory, _, name = path.rpartition("/")
    temporary = f"{directory or '.'}/.{name}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        try:
            write_all(descriptor, data)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except BaseException:
        unlink_if_present(temporary)
        raise
    if durable:
        sync_directory(directory or ".")


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte of `data`, however short the single writes are."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def read_whole(path: str, *, limit: int = 16 * 1024 * 1024) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; a larger one raises OSError(EFBIG)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        chunks = []
        left = limit + 1
        while left and (chunk := os.read(descriptor, min(left, 1 << 20))):
            chunks.append(chunk)
            left -= len(chunk)
        if not left:
            raise OSError(27, os.strerror(27), path)
        return b"".join(chunks)
    finally:
        os.close(descriptor)


def make_folders(path: str, mode: int) -> None:
    """Make a directory and those above it that are missing, each open to nobody else than `mode` says.

    os.makedirs gives only the last one its mode, the others what the caller's umask leaves. What exists stays as it is.
    """
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folders(os.path.dirname(path), mode)
        make_folders(path, mode)


def unlink_if_present(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def sync_directory(path: str) -> None:
    """Make the names in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
