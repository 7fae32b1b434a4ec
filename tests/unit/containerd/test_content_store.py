"""The content store: commit, resume, share between namespaces, refuse, and what is left on disk."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Unavailable
from slipway.containerd.content.interface import NEVER_RESUMED
from slipway.containerd.content.store import FileContentStore
from slipway.containerd.leases.model import Lease, LeaseResource
from slipway.containerd.leases.store import LeaseStore
from slipway.containerd.metadata.model import Scope
from tests.unit.containerd.conftest import SteppingClock

DATA = b"hello, blob"
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


def put(store: FileContentStore, scope: Scope, data: bytes = DATA, **labels: str) -> str:
    with store.writer(scope, "a ref") as writer:
        writer.write(data)
        return writer.commit(size=len(data), labels=labels).digest


def test_a_committed_blob_is_read_back(content: FileContentStore, scope: Scope) -> None:
    assert put(content, scope, x="y") == DIGEST
    assert content.read(scope, DIGEST) == DATA
    info = content.info(scope, DIGEST)
    assert (info.size, dict(info.labels)) == (len(DATA), {"x": "y"})
    with content.reader(scope, DIGEST) as reader:
        assert reader.read_at(7, 100) == b"blob"


def test_a_blob_is_one_readonly_file_and_the_ingest_is_gone(
    content: FileContentStore, scope: Scope, tmp_path: Path
) -> None:
    put(content, scope)
    (blob,) = [path for path in (tmp_path / "content").rglob("*") if path.is_file()]
    assert blob.name == DIGEST.removeprefix("sha256:")
    assert blob.stat().st_mode & 0o777 == 0o444
    with pytest.raises(NotFound):
        content.status(scope, "a ref")


def test_an_interrupted_write_goes_on_where_it_ended(content: FileContentStore, scope: Scope) -> None:
    with content.writer(scope, "r", total=len(DATA), expected=DIGEST) as writer:
        writer.write(DATA[:5])
    status = content.status(scope, "r")
    assert (status.offset, status.total, status.expected) == (5, len(DATA), DIGEST)
    assert [found.ref for found in content.statuses(scope)] == ["r"]
    with content.writer(scope, "r") as writer:
        assert writer.offset == 5
        writer.write(DATA[5:])
        assert writer.commit(expected=DIGEST).size == len(DATA)


def test_truncate_starts_over(content: FileContentStore, scope: Scope) -> None:
    with content.writer(scope, "r") as writer:
        writer.write(b"wrong")
        writer.truncate()
        writer.write(DATA)
        assert writer.commit().digest == DIGEST


@pytest.mark.parametrize("promise", [{"size": 3}, {"expected": "sha256:" + "0" * 64}])
def test_a_broken_promise_is_refused_and_the_bytes_stay_for_a_resume(
    content: FileContentStore, scope: Scope, promise: dict[str, object]
) -> None:
    with content.writer(scope, "r") as writer:
        writer.write(DATA)
        with pytest.raises(FailedPrecondition, match=r"unexpected commit|failed size validation"):
            writer.commit(**promise)  # type: ignore[arg-type]
    assert content.status(scope, "r").offset == len(DATA)


def test_one_writer_per_ref(content: FileContentStore, scope: Scope) -> None:
    with content.writer(scope, "r"):
        with pytest.raises(Unavailable, match="locked"):
            content.writer(scope, "r")
        content.writer(Scope("other"), "r").close()
    content.abort(scope, "r")
    with pytest.raises(NotFound):
        content.abort(scope, "r")


def test_an_abort_takes_the_ref_from_its_writer(content: FileContentStore, scope: Scope) -> None:
    """What the writer of before has written does not become part of the next one's blob, nor its commit a blob."""
    with content.writer(scope, "r") as before, content.writer(scope, "other"):
        before.write(b"of before")
        content.abort(scope, "r")
        with content.writer(scope, "r") as writer:
            assert writer.offset == 0
            writer.write(DATA)
            before.write(b", and more")
            with pytest.raises(NotFound, match="aborted"):
                before.commit()
            with pytest.raises(Unavailable, match="locked"):
                content.writer(scope, "r")
            assert writer.commit(expected=DIGEST).digest == DIGEST
    assert content.read(scope, DIGEST) == DATA


def test_a_blob_that_is_there_is_not_written_again(content: FileContentStore, scope: Scope) -> None:
    put(content, scope)
    with pytest.raises(AlreadyExists):
        put(content, scope)
    with pytest.raises(AlreadyExists):
        content.writer(scope, "r2", expected=DIGEST)


def test_another_namespace_shares_the_bytes_but_not_the_row(content: FileContentStore, scope: Scope) -> None:
    put(content, scope, x="y")
    other = Scope("other")
    with pytest.raises(NotFound):
        content.info(other, DIGEST)
    with content.writer(other, "r", expected=DIGEST) as writer:
        assert (writer.offset, writer.digest) == (len(DATA), DIGEST)
        writer.commit(expected=DIGEST)
    assert not content.info(other, DIGEST).labels
    content.delete(scope, DIGEST)
    assert not content.remove_unknown_blobs()
    assert content.read(other, DIGEST) == DATA


def test_a_deleted_blob_loses_its_file_with_the_next_collection(content: FileContentStore, scope: Scope) -> None:
    put(content, scope)
    reader = content.reader(scope, DIGEST)
    content.delete(scope, DIGEST)
    assert content.remove_unknown_blobs() == [DIGEST]
    with reader:
        assert reader.read_at(0, 100) == DATA
    with pytest.raises(NotFound):
        content.reader(scope, DIGEST)


@pytest.mark.parametrize(
    "digest", ["", "sha256:", "sha256:../../etc/passwd", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 32]
)
def test_what_is_no_digest_never_becomes_a_path(content: FileContentStore, scope: Scope, digest: str) -> None:
    for call in (content.info, content.reader, content.delete):
        with pytest.raises(InvalidArgument):
            call(scope, digest)


@pytest.mark.parametrize("ref", ["../../x", "/etc/passwd", "a/b\0c", "x" * 5000, "layer-sha256:abc"])
def test_any_text_is_a_ref(content: FileContentStore, scope: Scope, ref: str) -> None:
    content.writer(scope, ref).close()
    assert content.status(scope, ref).ref == ref
    content.abort(scope, ref)


def test_a_lease_holds_what_is_made_under_it(content: FileContentStore, leases: LeaseStore, scope: Scope) -> None:
    leases.create(scope, Lease(id="l"))
    put(content, Scope("default", "l"))
    assert LeaseResource("content", DIGEST) in leases.resources(scope, "l")


def test_a_lease_that_does_not_exist_is_refused(content: FileContentStore) -> None:
    with pytest.raises(NotFound, match="lease"):
        put(content, Scope("default", "none"))


def test_what_exists_is_held_by_the_lease_of_who_finds_it(
    content: FileContentStore, leases: LeaseStore, scope: Scope
) -> None:
    put(content, scope)
    leases.create(scope, Lease(id="l"))
    with pytest.raises(AlreadyExists):
        content.writer(Scope("default", "l"), "r", expected=DIGEST)
    assert leases.resources(scope, "l") == [LeaseResource("content", DIGEST)]


def test_a_shared_blob_that_went_meanwhile_is_not_committed(content: FileContentStore, scope: Scope) -> None:
    """It got a row without a file."""
    put(content, scope)
    other = Scope("other")
    with content.writer(other, "r", expected=DIGEST) as writer:
        content.delete(scope, DIGEST)
        content.remove_unknown_blobs()
        with pytest.raises(Unavailable, match="removed meanwhile"):
            writer.commit()
    with pytest.raises(NotFound):
        content.info(other, DIGEST)


def test_where_content_is_isolated_a_digest_alone_gives_nobody_a_blob(
    reopen: Callable[..., FileContentStore], scope: Scope
) -> None:
    content, other = reopen(shares=False), Scope("other")
    put(content, scope)
    with content.writer(other, "r", expected=DIGEST) as writer:
        assert writer.offset == 0
        with pytest.raises(FailedPrecondition):
            writer.commit(expected=DIGEST)
    put(content, other)
    content.delete(scope, DIGEST)
    content.remove_unknown_blobs()
    assert content.read(other, DIGEST) == DATA


def test_a_name_that_is_too_long_is_refused_and_one_that_cannot_be_read_hurts_nobody(
    content: FileContentStore, scope: Scope, tmp_path: Path
) -> None:
    """All lists, the collection and the next start read the names of all namespaces."""
    with pytest.raises(InvalidArgument, match="longer than"):
        content.writer(scope, "x" * 70_000)
    content.writer(scope, "sound").close()
    content.writer(Scope("other"), "long").close()
    for ingest in (tmp_path / "content/ingest").iterdir():
        if ingest.joinpath("ref").read_text() == "other/long":
            ingest.joinpath("ref").write_text("other/" + "x" * 70_000)
    content.remove_stale_ingests(set())
    assert [status.ref for status in content.statuses(scope)] == ["sound"]
    content.drop_never_resumed()
    assert len(list((tmp_path / "content/ingest").iterdir())) == 1


def test_unfinished_writes_go_when_nobody_goes_on_with_them(
    content: FileContentStore, scope: Scope, clock: SteppingClock, tmp_path: Path
) -> None:
    folder = tmp_path / "content/ingest"
    for ref in ("left", "leased", "fresh"):
        with content.writer(scope, ref) as writer:
            writer.write(b"x")
    (folder / "half").mkdir()  # a crash came before it was an ingest
    for ingest in folder.iterdir():
        age(ingest, 2)
    with content.writer(scope, "fresh") as writer, content.writer(scope, "open") as held:
        writer.write(b"y")
        clock.seconds = int(time.time())
        age(Path(held._path), 2)  # type: ignore[union-attr]
        content.remove_stale_ingests({("default", "leased")})
    assert [status.ref for status in content.statuses(scope)] == ["fresh", "leased", "open"]
    assert len(list(folder.iterdir())) == 3


def age(ingest: Path, days: int) -> None:
    for path in (ingest, *ingest.iterdir()):
        os.utime(path, (time.time() - days * 86400,) * 2)


def test_an_unfinished_write_of_what_is_there_goes_at_once(content: FileContentStore, scope: Scope) -> None:
    content.writer(scope, "r", expected=DIGEST).close()
    put(content, scope)
    content.remove_stale_ingests(set())
    assert not content.statuses(scope)


def test_after_a_power_cut_no_unfinished_write_is_trusted(content: FileContentStore, scope: Scope) -> None:
    """Of its bytes the last may be zeros: they would be gone on with, and the registry be blamed."""
    with content.writer(scope, "r", total=len(DATA), expected=DIGEST) as writer:
        writer.write(DATA[:5])
    content.drop_ingests()
    assert not content.statuses(scope)
    with content.writer(scope, "r") as writer:
        assert writer.offset == 0


def test_what_a_daemon_would_not_have_gone_on_with_goes_with_it(
    content: FileContentStore, scope: Scope, tmp_path: Path
) -> None:
    for ref in (f"layer-{DIGEST}", f"{NEVER_RESUMED}1", "a client's"):
        content.writer(scope, ref).close()
    (tmp_path / "content/ingest/half").mkdir()
    content.drop_never_resumed()
    assert [status.ref for status in content.statuses(scope)] == ["a client's", f"layer-{DIGEST}"]
    assert len(list((tmp_path / "content/ingest").iterdir())) == 2


def test_what_is_half_removed_is_no_ingest_and_goes(
    content: FileContentStore, scope: Scope, tmp_path: Path, reopen: Callable[[], FileContentStore]
) -> None:
    """A kill in the middle left some of its files: the next writer of that name could not be told of."""
    content.writer(scope, "r").close()
    (ingest,) = (tmp_path / "content/ingest").iterdir()
    ingest.rename(ingest.with_name(f"removing-{ingest.name}"))
    assert not content.statuses(scope)
    content.writer(scope, "r").close()
    content.abort(scope, "r")
    ingest.mkdir()
    ingest.rename(ingest.with_name(f"removing-{ingest.name}"))
    reopen()
    assert not list((tmp_path / "content/ingest").iterdir())


def test_labels_change_by_mask(content: FileContentStore, scope: Scope) -> None:
    put(content, scope, a="1", b="2")
    assert content.update(scope, DIGEST, {"a": "9"}, ["labels.a"]).labels == {"a": "9", "b": "2"}
    with pytest.raises(InvalidArgument):
        content.update(scope, DIGEST, {}, ["size"])
    assert [info.digest for info in content.list(scope, ["labels.a==9"])] == [DIGEST]
    assert not content.list(scope, ["labels.a==1"])
