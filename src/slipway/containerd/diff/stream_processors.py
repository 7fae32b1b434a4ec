"""What `[stream_processors.ID]` of the configuration means: programs that turn one media type into another. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slipway.base.errors import InvalidArgument, NotImplementedByEngine
from slipway.containerd.configuration.model import StreamProcessorSettings
from slipway.contracts.oci.image import OCI_LAYER, is_layer_type


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamProcessor:
    """A program that reads what has one of the media types `accepts` and writes what has the media type `returns`.

    `path` is looked up on this daemon's PATH. `env` (NAME=VALUE) is all that it finds in its environment, beside PATH
    and STREAM_PROCESSOR_MEDIATYPE. Payloads of a call for its `id` are at its descriptor 3.
    """

    id: str
    accepts: tuple[str, ...]
    returns: str
    path: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()


def processors_from_settings(processors: Mapping[str, StreamProcessorSettings]) -> tuple[StreamProcessor, ...]:
    """Raises InvalidArgument, naming the key, for what no daemon could use."""
    return tuple(_processor(identifier, settings) for identifier, settings in processors.items())


def chain_for(processors: Sequence[StreamProcessor], media_type: str) -> tuple[StreamProcessor, ...]:
    """Through which of them a layer goes, one after the other: the first that accepts what the one before returned,
    also if we could read that ourselves.

    Raises NotImplementedByEngine where it ends with what is no layer, InvalidArgument where it never ends.
    """
    chain: list[StreamProcessor] = []
    current = media_type
    while (following := _accepting(processors, current)) is not None:
        if following in chain:
            raise InvalidArgument(f"stream_processors.{following.id}: it would get its own output again as {current!r}")
        chain.append(following)
        current = following.returns
        if current == OCI_LAYER:
            break
    if not is_layer_type(current):
        raise NotImplementedByEngine(f"media type {current!r} is no layer's", _hint(processors))
    return tuple(chain)


def _accepting(processors: Sequence[StreamProcessor], media_type: str) -> StreamProcessor | None:
    return next((processor for processor in processors if media_type in processor.accepts), None)


def _hint(processors: Sequence[StreamProcessor]) -> str:
    names = ", ".join(processor.id for processor in processors)
    return f"none of the stream processors takes it: {names}" if names else ""


def _processor(identifier: str, settings: StreamProcessorSettings) -> StreamProcessor:
    where = f"stream_processors.{identifier}"
    environment = _texts(settings.env, f"{where}: env")
    for entry in environment:
        if not entry.partition("=")[0] or "=" not in entry:
            raise InvalidArgument(f"{where}: env: {entry!r} is not like NAME=VALUE")
    return StreamProcessor(
        id=identifier,
        accepts=_texts(settings.accepts, f"{where}: accepts"),
        returns=_text(settings.returns, f"{where}: returns"),
        path=_text(settings.path, f"{where}: path"),
        args=_texts(settings.args, f"{where}: args"),
        env=environment,
    )


def _text(value: str, where: str) -> str:
    """Neither empty nor with a NUL, which no program can be given."""
    if not value or "\0" in value:
        raise InvalidArgument(f"{where}: expected text, got {value!r}")
    return value


def _texts(values: tuple[str, ...], where: str) -> tuple[str, ...]:
    if any("\0" in value for value in values):
        raise InvalidArgument(f"{where}: expected a list of texts, got {[*values]!r}")
    return values
