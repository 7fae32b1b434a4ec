"""Logs as json files on this machine, and the one thread that writes them."""

from collections.abc import Callable, Iterator

from slipway.base.files import unlink_if_present
from slipway.dockerd.logs.json_file import JsonFileWriter
from slipway.dockerd.logs.json_file_reader import JsonFileReader, read_all
from slipway.dockerd.logs.model import Entry, Rotation, Selection, StreamPlan
from slipway.dockerd.logs.process_streams import FifoStreams
from slipway.dockerd.logs.progress import settle
from slipway.dockerd.logs.pump import OutputPump


class LocalLogs:
    """Implements interface.Logs. `now` gives an entry its time, in nanoseconds."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._pump = OutputPump()
        self._now = now

    def start(self) -> None:
        """Begin to read what is opened."""
        self._pump.start()

    def stop(self) -> None:
        """Waits for the thread. Fifos keep what was not taken: the next dockerd goes on there."""
        self._pump.stop()

    def streams(self) -> FifoStreams:
        return FifoStreams(self._pump, self._now)

    def remove_fifos(self, plan: StreamPlan) -> None:
        streams = plan.streams()
        for path in (streams.stdin, streams.stdout, streams.stderr, plan.progress_path):
            if path:
                unlink_if_present(path)

    def settle(self, plan: StreamPlan, log_path: str) -> dict[str, int]:
        return settle(plan.progress_path, log_path)

    def writer(self, path: str, rotation: Rotation, attributes: bytes) -> JsonFileWriter:
        return JsonFileWriter(path, rotation, attributes)

    def reader(self, path: str, selection: Selection) -> JsonFileReader:
        return JsonFileReader(path, selection)

    def entries(self, path: str, selection: Selection) -> Iterator[tuple[Entry, dict[str, str]]]:
        return read_all(path, selection)
