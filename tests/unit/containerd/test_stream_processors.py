"""Which programs a layer goes through, and what becomes of them."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from slipway.base.errors import EngineError, InvalidArgument, NotImplementedByEngine, Unavailable
from slipway.base.interruption import Interruption
from slipway.containerd.configuration.model import Settings
from slipway.containerd.diff.processing import processed
from slipway.containerd.diff.stream_processors import StreamProcessor, chain_for, processors_from_settings
from slipway.contracts.oci.image import OCI_LAYER, OCI_LAYER_GZIP
from slipway.service.configuration import settings_from_table
from tests.support.waiting import wait_until

TYPE = f"{OCI_LAYER}+made-up"
Blob = Callable[[bytes], int]


def processor(script: str, *, accepts: str = TYPE, returns: str = OCI_LAYER, name: str = "p") -> StreamProcessor:
    return StreamProcessor(id=name, accepts=(accepts,), returns=returns, path="sh", args=("-c", script))


@pytest.fixture
def blob(tmp_path: Path) -> Iterator[Blob]:
    opened = []

    def make(data: bytes) -> int:
        (tmp_path / "blob").write_bytes(data)
        opened.append(os.open(tmp_path / "blob", os.O_RDONLY))
        return opened[-1]

    yield make
    for descriptor in opened:
        os.close(descriptor)


def output(chain: list[StreamProcessor], source: int, payloads: dict[str, bytes] | None = None) -> bytes:
    with processed(chain, TYPE, source, payloads or {}, Interruption()) as descriptor:
        return Path(f"/proc/self/fd/{descriptor}").read_bytes()


def raise_malformed(chain: list[StreamProcessor], source: int) -> None:
    """As an unpacker that has read a little."""
    with processed(chain, TYPE, source, {}, Interruption()) as descriptor:
        os.read(descriptor, 1)
        raise InvalidArgument("malformed tar")


def test_what_nothing_accepts_is_no_layer() -> None:
    assert chain_for((), OCI_LAYER_GZIP) == ()
    with pytest.raises(NotImplementedByEngine, match="media type 'x/y' is no layer's"):
        chain_for((), "x/y")
    with pytest.raises(NotImplementedByEngine, match="none of the stream processors takes it: p"):
        chain_for((processor(""),), "x/y")


def test_they_follow_one_another_and_come_before_what_we_read_ourselves() -> None:
    first, second = processor("", returns="x/y", name="first"), processor("", accepts="x/y", name="second")
    assert chain_for((second, first), TYPE) == (first, second)
    own = processor("", accepts=OCI_LAYER_GZIP, name="own")
    assert chain_for((own,), OCI_LAYER_GZIP) == (own,)
    to_gzip = processor("", returns=OCI_LAYER_GZIP, name="to gzip")
    assert chain_for((to_gzip,), TYPE) == (to_gzip,)
    with pytest.raises(InvalidArgument, match="would get its own output again"):
        chain_for((first, processor("", accepts="x/y", returns=TYPE, name="back")), TYPE)


def test_each_reads_what_the_one_before_wrote(blob: Blob) -> None:
    data = os.urandom(1 << 20)
    chain = [processor("od -An -v -tx1", returns="x/y", name="to hex"), processor("tr -d ' \\n'", name="join")]
    assert bytes.fromhex(output(chain, blob(data)).decode()) == data


def test_nothing_of_ours_is_in_their_environment(blob: Blob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/x")
    told = StreamProcessor(id="p", accepts=(TYPE,), returns=OCI_LAYER, path="env", args=("-0",), env=("KEYS=/etc/a=b",))
    found = set(output([told], blob(b"")).decode().split("\0")) - {""}
    expected = {f"PATH={os.environ['PATH']}", "KEYS=/etc/a=b", f"STREAM_PROCESSOR_MEDIATYPE={TYPE}"}
    assert found == expected


def test_they_have_their_payload_and_no_other_descriptors_of_ours(blob: Blob) -> None:
    assert output([processor("cat /dev/fd/3")], blob(b""), {"p": b"key", "other": b"x"}) == b"key"
    told = output([processor("ls -l /proc/self/fd")], blob(b"")).decode()
    assert [line.split()[-3] for line in told.splitlines() if line.endswith("/blob")] == ["0"]
    assert "memfd" not in told


def test_they_have_bounds(blob: Blob) -> None:
    interruption = Interruption()
    with (
        suppress(EngineError),
        processed([processor("echo $$; exec sleep 9")], TYPE, blob(b""), {}, interruption) as read,
    ):
        limits = Path(f"/proc/{int(os.read(read, 20))}/limits").read_text().splitlines()
        interruption.happen()
    found = {line[:26].rstrip(): line[26:].split()[:2] for line in limits}
    assert found["Max data size"] == [str(2 << 30)] * 2
    assert (found["Max open files"], found["Max core file size"]) == (["1024"] * 2, ["0"] * 2)


def test_one_that_fails_is_told_with_its_last_words(blob: Blob) -> None:
    chain = [processor("echo far too long >&2; head -c 4000 /dev/zero | tr '\\0' . >&2; echo end >&2; exit 3")]
    with pytest.raises(Unavailable) as failed:
        output(chain, blob(b""))
    assert str(failed.value).startswith("stream processor p: exit status 3: ....")
    assert str(failed.value).endswith(".end")
    assert len(str(failed.value)) < 2100


def test_the_first_that_failed_is_why_what_follows_did(blob: Blob) -> None:
    chain = [processor("exit 1", returns="x/y", name="first"), processor("exit 2", accepts="x/y", name="second")]
    with pytest.raises(Unavailable, match="stream processor first: exit status 1"):
        raise_malformed(chain, blob(b""))


def test_what_cannot_be_read_is_not_the_fault_of_one_that_wrote_it(blob: Blob) -> None:
    with pytest.raises(InvalidArgument, match="malformed tar"):
        raise_malformed([processor("exec cat /dev/zero")], blob(b""))


def test_one_that_is_not_there_is_one_sentence(blob: Blob) -> None:
    missing = StreamProcessor(id="p", accepts=(TYPE,), returns=OCI_LAYER, path="no-such-program")
    with pytest.raises(Unavailable, match="stream processor p: no-such-program: No such file or directory"):
        output([processor("exec cat", returns="x/y"), missing], blob(b"x"))


def test_an_interruption_ends_all_that_they_started(blob: Blob, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    chain = [
        processor(f"sleep 1000 & echo $! >>{pids}; wait", returns="x/y"),
        processor(f"echo $$ >>{pids}; exec cat", accepts="x/y"),
    ]
    interruption, failed = Interruption(), []

    def wait_for_them() -> None:
        try:
            with processed(chain, TYPE, blob(b""), {}, interruption) as descriptor:
                os.read(descriptor, 1)
        except EngineError as error:
            failed.append(str(error))

    waiting = threading.Thread(target=wait_for_them)
    waiting.start()
    found = wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2 and pids.read_text(), "both")
    interruption.happen()
    waiting.join(5)
    assert failed == ["stream processors: the caller has gone"]
    wait_until(lambda: not [pid for pid in found.split() if _runs(pid)], "the end of all")
    with pytest.raises(EngineError, match="the caller has gone"), processed(chain, TYPE, blob(b""), {}, interruption):
        pass


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def processors_from_table(table: dict[str, object]) -> tuple[StreamProcessor, ...]:
    """As a daemon has them, from the configuration file on."""
    settings = settings_from_table(Settings, {"stream_processors": table}, where="file")
    return processors_from_settings(settings.stream_processors)


def test_settings() -> None:
    table = {"accepts": [TYPE], "returns": OCI_LAYER, "path": "/bin/p", "args": ["-d"], "env": ["A=b"]}
    assert processors_from_table({"x.y": table}) == (
        StreamProcessor(id="x.y", accepts=(TYPE,), returns=OCI_LAYER, path="/bin/p", args=("-d",), env=("A=b",)),
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"acepts": []}, "file: unknown key 'stream_processors.p.acepts'"),
        ({"path": ""}, "stream_processors.p: path: expected text, got ''"),
        ({"returns": 1}, "file: stream_processors.p.returns: expected text, got 1"),
        ({"args": "-d"}, "file: stream_processors.p.args: expected a list, got '-d'"),
        ({"args": ["-d", "a\0b"]}, r"stream_processors.p: args: expected a list of texts, got ['-d', 'a\x00b']"),
        ({"path": "/bin/p\0"}, r"stream_processors.p: path: expected text, got '/bin/p\x00'"),
        ({"env": ["A"]}, "stream_processors.p: env: 'A' is not like NAME=VALUE"),
    ],
)
def test_settings_that_no_daemon_could_use(change: dict[str, object], sentence: str) -> None:
    table = {"accepts": [TYPE], "returns": OCI_LAYER, "path": "/bin/p"} | change
    with pytest.raises(InvalidArgument) as refused:
        processors_from_table({"p": table})
    assert str(refused.value).startswith(sentence)
