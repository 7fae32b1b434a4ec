"""How many blobs a transfer moves at once."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final

PARALLEL: Final = 3  # the original's max_concurrent_downloads and max_concurrent_uploaded_layers


def places(limit: int) -> AbstractAsyncContextManager[Any]:
    """To be entered for each blob: waits while `limit` others are under way.

    Nothing waits where it is 0 or less, as the original reads those keys.
    """
    return asyncio.Semaphore(limit) if limit > 0 else nullcontext()
