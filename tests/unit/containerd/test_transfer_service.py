"""Transfers between what nobody moves images between."""

import asyncio
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from google.protobuf.any_pb2 import Any as AnyProto

from slipway.base.errors import EngineError, NotFound
from slipway.containerd.services.streams import StreamsService
from slipway.containerd.services.transfer import TransferService
from slipway.contracts.containerd_api.generated import transfer_pb2 as api
from slipway.contracts.containerd_api.status import status_from_error

CALL: Any = SimpleNamespace(headers={"containerd-namespace": "moby"})
REGISTRY = "containerd.types.transfer.OCIRegistry"
EMPTY = "google.protobuf.Empty"


def refusal(source: str, destination: str, *, progress: str = "") -> EngineError:
    request = api.TransferRequest(
        source=AnyProto(type_url=source),
        destination=AnyProto(type_url=destination),
        options=api.TransferOptions(progress_stream=progress),
    )
    with pytest.raises(EngineError) as refused:
        asyncio.run(TransferService(Mock(), StreamsService()).transfer(CALL, request))
    return refused.value


@pytest.mark.parametrize(
    ("source", "destination", "code", "said"),
    [
        ("nonsense", "other", 2, "type with url nonsense: not found"),
        (REGISTRY, "nonsense", 2, "type with url nonsense: not found"),
        ("", REGISTRY, 2, "type with url : not found"),
        (EMPTY, REGISTRY, 12, f"method Transfer not implemented for {EMPTY} to {REGISTRY}"),
        (REGISTRY, REGISTRY, 12, f"method Transfer not implemented for {REGISTRY} to {REGISTRY}"),
    ],
)
def test_a_pair_is_refused_by_its_types(source: str, destination: str, code: int, said: str) -> None:
    assert status_from_error(refusal(source, destination)) == (code, said)


def test_a_stream_that_is_missing_is_said_first() -> None:
    refused = refusal("nonsense", "nonsense", progress="told")
    assert isinstance(refused, NotFound)
    assert "'told'" in refused.message
