"""The one thread that reads every container's output, edge by edge. Logs are written here, never on the loop."""

import logging
import os
import select
import threading
from collections import deque

from slipway.dockerd.logs.output import PEEK_SIZE, Output

log = logging.getLogger(__name__)

EDGES = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR | select.EPOLLET
ROUNDS = 16  # portions of one fifo before the others get their turn


class OutputPump:
    """Add outputs from any thread; the pump's thread reads them until their end."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._peek = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._epoll.register(self._wake_read, select.EPOLLIN)
        self._outputs: dict[int, Output] = {}
        self._hung_up: set[int] = set()
        self._orders: deque[tuple[str, Output]] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="output pump", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread. Fifos keep what was not taken: the next dockerd goes on there."""
        self._stopping = True
        self._wake()
        self._thread.join()

    def add(self, output: Output) -> None:
        """Read `output` from now on."""
        self._order("add", output)

    def look_again(self, output: Output) -> None:
        """A subscriber that was full has room, or the other side may have closed without a word."""
        self._order("look", output)

    def finish(self, output: Output) -> None:
        """Take what is there and end, whether the other side is closed or not."""
        self._order("finish", output)

    def drop(self, output: Output) -> None:
        """End now, whatever is there: nobody wants it."""
        self._order("drop", output)

    def _order(self, word: str, output: Output) -> None:
        self._orders.append((word, output))
        self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"x")
        except BlockingIOError:
            return  # a full pipe wakes as well

    def _run(self) -> None:
        busy: dict[int, Output] = {}
        while not self._stopping:
            for descriptor, events in self._epoll.poll(0 if busy else -1):
                if descriptor == self._wake_read:
                    os.read(self._wake_read, PEEK_SIZE)
                elif (output := self._outputs.get(descriptor)) is not None:
                    if events & (select.EPOLLHUP | select.EPOLLERR):
                        self._hung_up.add(descriptor)
                    busy[descriptor] = output
            self._follow_orders(busy)
            busy = {descriptor: output for descriptor, output in busy.items() if self._process(descriptor, output)}

    def _follow_orders(self, busy: dict[int, Output]) -> None:
        while self._orders:
            word, output = self._orders.popleft()
            descriptor = output.descriptor
            if descriptor < 0:
                continue
            if word == "drop":
                output.finish()
                self._forget_if_ended(descriptor, output)
                busy.pop(descriptor, None)
                continue
            if word == "add":
                self._outputs[descriptor] = output
                self._epoll.register(descriptor, EDGES)
            if word == "finish":
                self._hung_up.add(descriptor)
            busy[descriptor] = output

    def _process(self, descriptor: int, output: Output) -> bool:
        """Take some portions; whether to come back without waiting for an edge."""
        try:
            for _ in range(ROUNDS):
                if output.is_blocked():
                    return False  # `look_again` follows when there is room
                if not output.process(self._peek, hung_up=descriptor in self._hung_up):
                    self._forget_if_ended(descriptor, output)
                    return False
        except Exception:
            log.exception("cannot read a container's output")
            self._renew_peek()
            output.finish()
            self._forget_if_ended(descriptor, output)
            return False
        return True

    def _forget_if_ended(self, descriptor: int, output: Output) -> None:
        # Closing a descriptor takes it out of epoll; its number may be another's soon.
        if output.descriptor < 0:
            self._outputs.pop(descriptor, None)
            self._hung_up.discard(descriptor)

    def _renew_peek(self) -> None:
        for descriptor in self._peek:
            os.close(descriptor)
        self._peek = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
