"""Counting gRPC calls, under the names of the original's library (go-grpc-middleware's Prometheus provider)."""

from collections.abc import Iterable
from typing import Final

from slipway.containerd.metrics.model import Family, Sample
from slipway.transport.aio.grpc_method import Method

# Prometheus' default buckets, which that library takes, too: seconds.
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# https://grpc.github.io/grpc/core/md_doc_statuscodes.html, in Go's spelling.
CODES: Final = (
    *("OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists"),
    *("PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented"),
    *("Internal", "Unavailable", "DataLoss", "Unauthenticated"),
)
_KINDS: Final = ("unary", "server_stream", "client_stream", "bidi_stream")
_COUNTERS: Final = (
    ("started", "Total number of RPCs started on the server."),
    ("msg_received", "Total number of RPC stream messages received on the server."),
    ("msg_sent", "Total number of gRPC stream messages sent by the server."),
)


class _Counts:
    """The numbers of one method."""

    __slots__ = ("buckets", "codes", "msg_received", "msg_sent", "seconds", "started")

    def __init__(self) -> None:
        self.started = self.msg_received = self.msg_sent = 0
        self.codes = [0] * len(CODES)
        self.buckets = [0] * len(BUCKETS)
        self.seconds = 0.0


class CallCounters:
    """See grpc_server.CallObserver. On the event loop only."""

    def __init__(self, *, histogram: bool) -> None:
        self._histogram = histogram
        self._counts: dict[str, tuple[Method, _Counts]] = {}

    def expect(self, methods: Iterable[Method]) -> None:
        """Show these with zeros before they are called."""
        self._counts |= {method.path: (method, _Counts()) for method in methods}

    def started(self, method: Method) -> None:
        self._counts[method.path][1].started += 1

    def received(self, method: Method) -> None:
        self._counts[method.path][1].msg_received += 1

    def sent(self, method: Method) -> None:
        self._counts[method.path][1].msg_sent += 1

    def handled(self, method: Method, code: int, seconds: float) -> None:
        counts = self._counts[method.path][1]
        counts.codes[code] += 1
        counts.seconds += seconds
        for at, bound in enumerate(BUCKETS):
            counts.buckets[at] += seconds <= bound

    def families(self) -> list[Family]:
        """The state at this moment."""
        methods = [(_labels(method), counts) for method, counts in self._counts.values()]
        families = [
            Family(
                name=f"grpc_server_{name}_total",
                kind="counter",
                help=text,
                samples=[Sample(labels, getattr(counts, name)) for labels, counts in methods],
            )
            for name, text in _COUNTERS
        ]
        handled = [
            Sample((("grpc_code", code), *labels), counts.codes[at])
            for labels, counts in methods
            for at, code in enumerate(CODES)
        ]
        text = "Total number of RPCs completed on the server, regardless of success or failure."
        families.append(Family(name="grpc_server_handled_total", kind="counter", help=text, samples=handled))
        return [*families, self._times(methods)] if self._histogram else families

    def _times(self, methods: list[tuple[tuple[tuple[str, str], ...], _Counts]]) -> Family:
        text = "Histogram of response latency (seconds) of gRPC that had been application-level handled by the server."
        family = Family(name="grpc_server_handling_seconds", kind="histogram", help=text)
        for labels, counts in methods:
            total = sum(counts.codes)
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), (*counts.buckets, total), strict=True):
                family.samples.append(Sample((*labels, ("le", bound.removesuffix(".0"))), count, "_bucket"))
            family.samples.append(Sample(labels, counts.seconds, "_sum"))
            family.samples.append(Sample(labels, total, "_count"))
        return family


def _labels(method: Method) -> tuple[tuple[str, str], ...]:
    service, _, name = method.path.removeprefix("/").rpartition("/")
    kind = _KINDS[method.many_replies + 2 * method.many_requests]
    return (("grpc_method", name), ("grpc_service", service), ("grpc_type", kind))
