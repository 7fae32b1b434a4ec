"""What has no effect is refused by a sentence: nothing is taken in silence and dropped."""

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from slipway.base.errors import EngineError, NotFound
from slipway.contracts.containerd_api.types import Platform
from slipway.contracts.engine_api.host_config import LogConfig
from slipway.dockerd.api.containers import ContainerRoutes
from slipway.dockerd.api.images import ImageRoutes, credentials_from_header
from slipway.dockerd.api.prune_gate import PruneGate
from slipway.dockerd.api.routing import Router
from slipway.dockerd.command_line import DaemonSettings, settings_from_arguments
from slipway.dockerd.containers.streams.log_files import check_log_options
from slipway.dockerd.images.platform_check import check_platform
from slipway.transport.aio.http_messages import BodyStream, Request, Response

ARM = '{"os":"linux","architecture":"riscv64"}'


class NothingIsCalled:
    """A backend of which a test expects no call."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called")


class Images:
    """Images of one foreign platform."""

    async def check_platform(self, reference: str, platform: Platform) -> None:
        raise NotFound(f"{reference} is not for {platform.architecture}")


def ask(routes: Any, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
    stream = BodyStream(lambda: None, lambda: None)
    if body:
        stream.feed(body)
    stream.feed_end()
    headers = {"content-type": "application/json"}
    request = Request(method=method, target=path.encode(), headers=headers, body=stream, keeps_alive=True)
    answer = asyncio.run(Router(routes, {}).handle(request))
    assert isinstance(answer, Response)
    return answer.status, orjson.loads(answer.body)["message"] if answer.body else ""


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("DELETE", f"/images/nginx?platforms={ARM}", 501, "removing single platforms of an image is not supported"),
        ("POST", "/images/load?platform=" + ARM, 501, "loading images for the platform linux/riscv64"),
        ("POST", "/images/load?platform=x&platform=y", 400, "multiple platform parameters not supported"),
        ("POST", "/images/create?fromSrc=-&platform=linux/riscv64", 501, "importing images for the platform"),
    ],
)
def test_platforms_that_nothing_serves_are_refused(method: str, path: str, status: int, sentence: str) -> None:
    backend: Any = NothingIsCalled()
    told = ask(ImageRoutes(backend, dict, list).routes(), method, path)
    assert told[0] == status
    assert told[1].startswith(sentence)


@pytest.mark.parametrize("path", ["/images/nginx/json", "/images/nginx/history", "/images/nginx/get", "/images/get"])
def test_an_image_of_another_platform_is_not_found(path: str) -> None:
    backend: Any = Images()
    told = ask(ImageRoutes(backend, dict, list).routes(), "GET", f"{path}?names=nginx&platform={ARM}")
    assert told == (404, "nginx is not for riscv64")


@pytest.mark.parametrize(("wanted", "is_there"), [("arm64", True), ("amd64", False)])
def test_an_image_is_for_the_platform_of_its_configuration(wanted: str, is_there: bool) -> None:
    content: Any = SimpleNamespace(document={"os": "linux", "architecture": "arm64", "variant": "v8"})
    platform = Platform(os="linux", architecture=wanted)
    check_platform(content, "nginx", None)
    if is_there:
        check_platform(content, "nginx", platform)
        return
    with pytest.raises(NotFound, match=r"^image with reference nginx was found but .* platform \(linux/amd64\)$"):
        check_platform(content, "nginx", platform)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("checkpoint=a", (400, "checkpoint is only supported in experimental mode")),
        ("checkpoint-dir=/a", (403, "custom checkpointdir is not supported")),
    ],
)
def test_a_start_from_a_checkpoint_is_refused(query: str, told: tuple[int, str]) -> None:
    backend: Any = NothingIsCalled()
    assert ask(ContainerRoutes(backend, PruneGate()).routes(), "POST", f"/containers/web/start?{query}") == told


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"mode": "non-blocking"}, "log opt 'mode=non-blocking' is not supported by this engine yet"),
        ({"max-buffer-size": "4m"}, "log opt 'max-buffer-size=4m' is not supported by this engine yet"),
        ({"compress": "true"}, "log opt 'compress=true' is not supported by this engine yet"),
        ({"tag": "{{.Name}}"}, "log opt 'tag={{.Name}}' is not supported by this engine yet"),
        ({"labels-regex": "^a"}, "log opt 'labels-regex=^a' is not supported by this engine yet"),
        ({"env-regex": "^a"}, "log opt 'env-regex=^a' is not supported by this engine yet"),
        ({"nosuch": "1"}, "unknown log opt 'nosuch' for json-file log driver"),
    ],
)
def test_log_options_without_effect_are_refused(options: Mapping[str, str], sentence: str) -> None:
    with pytest.raises(EngineError) as refused:
        check_log_options(LogConfig(type="json-file", config=options))
    assert refused.value.message == sentence


def test_log_options_that_ask_for_what_is_done_anyway_are_taken() -> None:
    check_log_options(LogConfig(type="json-file", config={"mode": "blocking", "compress": "false", "max-size": "1m"}))


def settings(folder: Path, *arguments: str, table: Mapping[str, object] | None = None) -> DaemonSettings:
    file = folder / "daemon.json"
    file.write_bytes(orjson.dumps(table or {}))
    return settings_from_arguments(["--config-file", str(file), *arguments])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--log-driver", "syslog"], "failed to set log opts: logger: no log driver named 'syslog' is registered"),
        (["--log-opt", "tag=x"], "failed to set log opts: log opt 'tag=x' is not supported by this engine yet"),
        (["--log-opt", "max-size=x"], "failed to set log opts: invalid size: 'x'"),
        (["-H", "tcp://127.0.0.1:2375"], "listen on tcp://127.0.0.1:2375: whoever can reach it is root"),
        (["--tls"], "TLS is not supported by this engine yet"),
        (["-H", "tcp://127.0.0.1:2375", "--tls=true"], "TLS is not supported by this engine yet"),
    ],
)
def test_the_daemon_does_not_start_with_what_it_cannot_do(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    with pytest.raises(EngineError) as refused:
        settings(tmp_path, *arguments)
    assert refused.value.message.startswith(sentence)


def test_the_file_is_held_to_the_same(tmp_path: Path) -> None:
    for table in ({"log-driver": "gelf"}, {"hosts": ["tcp://0.0.0.0:2375"]}, {"log-opts": {"max-file": 3}}):
        with pytest.raises(EngineError):
            settings(tmp_path, table=table)


def test_tcp_is_listened_on_where_that_is_said_to_be_wanted(tmp_path: Path) -> None:
    host = "tcp://127.0.0.1:2375"
    assert settings(tmp_path, "-H", host, "--tls=false").instance.hosts == (host,)
    assert settings(tmp_path, table={"hosts": [host], "tls": False}).instance.hosts == (host,)


def test_credentials_have_names_without_regard_to_case() -> None:
    found = credentials_from_header(base64.urlsafe_b64encode(b'{"Username":"ada","PASSWORD":"x"}').decode())
    assert found is not None
    assert (found.username, found.password) == ("ada", "x")
