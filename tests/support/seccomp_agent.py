"""A seccomp agent: takes the descriptors that a runtime sends, and decides on the system calls announced there."""

import errno
import fcntl
import json
import os
import select
import socket
import struct
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Source: linux/seccomp.h. struct seccomp_notif is 80 bytes, struct seccomp_notif_resp 24.
_RECEIVE = 0xC0502100
_SEND = 0xC0182101
_CONTINUE = 1
_REQUEST = struct.Struct("=QIIiIQ6Q")


class SeccompAgent:
    """In a `with`: listens at `path`. `answers`: system call number -> errno, or 0 for "done"; others go on.

    `states` are the documents received, `calls` the numbers of the system calls that were announced.
    """

    def __init__(self, path: Path, answers: Mapping[int, int]) -> None:
        self.states: list[dict[str, Any]] = []
        self.calls: list[int] = []
        self.descriptors_per_connection: list[int] = []
        self._answers = answers
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._stop, self._stopping = os.pipe()
        self._listeners: list[int] = []
        self._held = -1
        self._holding, self._released = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def hold(self, call: int) -> None:
        """Leave the next such call unanswered until `release`."""
        self._held = call

    def wait_held(self, timeout: float) -> None:
        """Until a call is held up."""
        assert self._holding.wait(timeout), "no such call came"

    def release(self) -> None:
        self._released.set()

    def __enter__(self) -> "SeccompAgent":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._stopping)
        self._thread.join(30)
        for descriptor in (self._stop, *self._listeners):
            os.close(descriptor)
        self._server.close()

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._server, select.POLLIN)
        poll.register(self._stop, select.POLLIN)
        while True:
            for descriptor, event in poll.poll():
                if descriptor == self._stop:
                    return
                if descriptor == self._server.fileno():
                    poll.register(self._accept(), select.POLLIN)
                elif event & select.POLLIN:
                    self._answer(descriptor)
                else:
                    poll.unregister(descriptor)  # nobody is under the filter any more

    def _accept(self) -> int:
        connection, _ = self._server.accept()
        with connection:
            text, descriptors, _, _ = socket.recv_fds(connection, 65536, 4)
            while more := connection.recv(65536):
                text += more
        self.states.append(json.loads(text))
        self.descriptors_per_connection.append(len(descriptors))
        self._listeners += descriptors
        return descriptors[0]

    def _answer(self, listener: int) -> None:
        request = bytearray(_REQUEST.size)
        try:
            fcntl.ioctl(listener, _RECEIVE, request)
            key, _, _, number = _REQUEST.unpack(request)[:4]
            self.calls.append(number)
            if number == self._held:
                self._holding.set()
                self._released.wait(60)
            error = self._answers.get(number)
            answer = struct.pack("=QqiI", key, 0, -(error or 0), _CONTINUE if error is None else 0)
            fcntl.ioctl(listener, _SEND, answer)
        except OSError as failure:
            if failure.errno != errno.ENOENT:  # the caller is gone meanwhile
                raise
