"""Running one program of the host to its end."""

import os


def find_host_program(name: str) -> str:
    """The path of `name` by $PATH, of which only absolute folders count; "" if there is none."""
    folders = [folder for folder in os.environ.get("PATH", "").split(":") if folder.startswith("/")]
    paths = (f"{folder}/{name}" for folder in folders)
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), "")


def run_to_end(program: str, argv: list[str]) -> tuple[int, str]:
    """(exit status, negative for a signal; standard output and error together). Raises OSError if it cannot start."""
    reader, writer = os.pipe()
    try:
        actions = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, writer, 2)]
        pid = os.posix_spawn(program, argv, os.environ, file_actions=actions)
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    with open(reader, "rb") as output:
        text = output.read().decode("utf-8", "surrogateescape")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text
