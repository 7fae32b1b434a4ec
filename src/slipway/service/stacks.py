"""Where a daemon is: the stacks of its threads and of its event loop's tasks, as text."""

import asyncio
import io
import sys
import threading
import traceback


def stacks_of(loop: asyncio.AbstractEventLoop) -> str:
    """Every thread's stack, then every task's. Reads source files: not for the loop's own thread.

    The loop goes on meanwhile, so that what is said of two tasks may be a moment apart.
    """
    text = io.StringIO()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for identifier, frame in sys._current_frames().items():
        text.write(f"thread {names.get(identifier, identifier)}:\n")
        text.writelines(traceback.format_stack(frame))
        text.write("\n")
    for task in asyncio.all_tasks(loop):
        task.print_stack(file=text)
        text.write("\n")
    return text.getvalue()
