"""Two pieces of work beside each other, ended together."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

First = TypeVar("First")
Second = TypeVar("Second")


async def concurrently(first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second]) -> tuple[First, Second]:
    """Both results. When one fails the other is cancelled and waited for; then the failure itself is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            one = group.create_task(first)
            other = group.create_task(second)
    except BaseExceptionGroup as failures:
        failure = failures.exceptions[0]
        for further in failures.exceptions[1:]:
            failure.add_note(f"beside it: {further}")
        raise failure from None
    return one.result(), other.result()
