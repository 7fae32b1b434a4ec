"""Before a process of ours sees a container's files it gives up every way to load code from them."""

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from slipway.runc.process.handshake import Channel


def shut_interpreter(channel: "Channel") -> None:
    """No import, no traceback, no collection from here on: what a child needs was loaded before its fork.

    An import or a codec lookup would run the container's files with our privileges; Python's traceback printer would
    open them by the names of ours. An exception that nobody caught becomes one line to the parent.
    """
    sys.path[:] = []
    sys.meta_path[:] = []
    sys.path_hooks[:] = []
    sys.path_importer_cache.clear()

    def report(kind: "type[BaseException]", error: BaseException, _: "TracebackType | None") -> None:
        number = getattr(error, "errno", None)
        channel.send(b"f", f"{kind.__name__} {number or 0}".encode())
        os._exit(255)

    sys.excepthook = report
    sys.unraisablehook = lambda _: None
    sys.warnoptions[:] = []
    gc.disable()
