"""containerd.services.content.v1: blobs by digest, and the writes that become blobs."""

from tests.compat.containerd.answers import FILTER, Api, Explained, story

WRITE = {"action": "WRITE"}
ABSENT = "sha256:" + "0" * 64
WRONG = ("", "x", "sha256:", "sha256:1", "sha256:" + "G" * 64, "md5:" + "1" * 32, "sha512:" + "1" * 64)
EXPECTED = Explained(
    theirs="ref:", ours="expected:", why="the original tells of no ingest which digest it is to have; ours does"
)


@story()
async def a_blob_is_written_in_pieces(api: Api) -> None:
    data, digest = api.blob("pieces")
    total = len(data)
    await api.write(
        {"action": "STAT", "ref": "r"},
        {"action": "WRITE", "data": data[:5]},
        {"action": "WRITE", "data": data[5:9], "offset": 5},
        {"action": "STAT"},
        {"action": "WRITE", "data": data[9:], "offset": 9, "total": total},
        {"action": "COMMIT", "offset": total, "total": total, "expected": digest, "labels": {"a": "b", "gone": ""}},
    )
    await api("content.Info", digest=digest)
    await api("content.Status", ref="r")
    await api.write({"action": "COMMIT", "ref": "in one", "data": data[1:], "total": total - 1})
    await api("content.List")


@story(EXPECTED)
async def an_unfinished_write_goes_on(api: Api) -> None:
    data, digest = api.blob("resumed")
    total = len(data)
    await api.write({"action": "STAT", "ref": "r", "total": total, "expected": digest}, {"data": data[:7], **WRITE})
    await api("content.Status", ref="r")
    await api("content.ListStatuses")
    await api.write(
        {"action": "STAT", "ref": "r", "total": total, "expected": digest},
        {"data": data[7:], "offset": 7, **WRITE},
        {"action": "COMMIT", "offset": total, "total": total, "expected": digest},
    )
    await api("content.ListStatuses")
    await api("content.Read", digest=digest)


@story()
async def offset_zero_starts_over(api: Api) -> None:
    data, digest = api.blob("again")
    await api.write({"ref": "r", "data": b"wrong from the start", **WRITE}, {"data": data, **WRITE}, {"action": "STAT"})
    await api.write({"action": "STAT", "ref": "r"}, {"action": "COMMIT", "offset": len(data), "expected": digest})
    await api("content.Info", digest=digest)


@story()
async def broken_promises_are_refused_and_the_bytes_stay(api: Api) -> None:
    data, digest = api.blob("promise")
    await api.write({"ref": "total", "data": data[:5], **WRITE}, {"action": "COMMIT", "offset": 5, "total": 99})
    await api.write({"ref": "early", "data": data[:5], "total": 4, **WRITE}, {"action": "COMMIT", "offset": 5})
    await api.write({"ref": "digest", "data": data[:5], **WRITE}, {"action": "COMMIT", "offset": 5, "expected": ABSENT})
    await api.write({"ref": "offset", "data": data[:5], **WRITE}, {"data": data[5:], "offset": 3, **WRITE})
    await api.write({"ref": "beyond", "data": data[:5], **WRITE}, {"action": "COMMIT", "offset": 9})
    await api("content.ListStatuses")
    await api.write({"ref": "digest", "action": "COMMIT", "offset": 5, "data": data[5:], "expected": digest})
    await api("content.Info", digest=digest)


@story()
async def a_write_needs_a_ref_and_keeps_it(api: Api) -> None:
    data, digest = api.blob("ref")
    await api.write({"action": "STAT"})
    await api.write({"data": data, **WRITE})
    await api.write({"ref": "r", "data": data, **WRITE}, {"action": "COMMIT", "ref": "other", "offset": len(data)})
    await api("content.Info", digest=digest)


@story()
async def what_is_there_is_not_written_again(api: Api) -> None:
    data, digest = api.blob("twice")
    await api.has(data)
    await api.write({"action": "STAT", "ref": "r", "expected": digest, "total": len(data)})
    await api("content.Status", ref="r")
    await api.write({"action": "STAT", "ref": "r"}, {"action": "COMMIT", "data": data, "expected": digest})
    await api("content.Status", ref="r")
    await api.write({"action": "STAT", "ref": "r"}, {"action": "COMMIT", "data": data})
    await api("content.ListStatuses")
    await api("content.List")


@story(Explained(theirs="locked for", ours="another writer has it", why="the original tells since when; its clock's"))
async def two_writers_of_one_ref(api: Api) -> None:
    async with api.writing({"action": "STAT", "ref": "r"}):
        await api.write({"action": "STAT", "ref": "other"})
        await api.write({"action": "STAT", "ref": "r"})


@story(Explained(theirs="locked for", ours="action: COMMIT", why="an abort takes the ref there, but not its lock"))
async def an_ingest_is_aborted(api: Api) -> None:
    await api("content.Abort", ref="none")
    await api("content.Abort", ref="")
    await api.write({"ref": "r", "data": b"12345", **WRITE})
    await api("content.Abort", ref="r")
    await api("content.Abort", ref="r")
    await api("content.Status", ref="r")
    async with api.writing({"ref": "r", "data": b"12345", **WRITE}):
        await api("content.Abort", ref="r")
        await api("content.Status", ref="r")
        data, digest = api.blob("after abort")
        await api.write({"ref": "r", "action": "COMMIT", "data": data, "expected": digest})
    await api("content.ListStatuses")


@story(FILTER)
async def filters_choose_ingests(api: Api) -> None:
    for ref in ("layer-1", "layer-2", "config"):
        await api.write({"ref": ref, "data": b"123", "total": 9, **WRITE})
    for filters in ([], ["ref==config"], ["ref~=^layer"], ["ref==config", "ref==layer-1"], ["total==9"], ["ref=="]):
        await api("content.ListStatuses", filters=filters)
    await api("content.Status", ref="")


@story()
async def ranges_are_read(api: Api) -> None:
    data, digest = api.blob("range")
    await api.has(data)
    size = len(data)
    for offset, length in (
        (0, 0),
        (0, 3),
        (3, 0),
        (3, 4),
        (size - 1, 5),
        (size, 0),
        (size, 5),
        (0, size + 9),
        (-1, 3),
        (0, -1),
        (2, -5),
        (size + 1, 0),
        (size + 1, 1),
    ):
        await api("content.Read", digest=digest, offset=offset, size=length)
    await api("content.Read", digest=ABSENT)


@story()
async def an_empty_blob(api: Api) -> None:
    empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    await api.write({"action": "COMMIT", "ref": "empty", "expected": empty})
    await api("content.Info", digest=empty)
    await api("content.Read", digest=empty)
    await api("content.Read", digest=empty, offset=1)


@story()
async def a_large_blob_comes_in_pieces(api: Api) -> None:
    """The replies' places and sizes are compared, not their bytes."""
    data = api.blob("large")[0] * 50_000
    await api.has(data)
    (info,) = (await api("content.List"))[0].info
    replies = await api("content.Read", digest=info.digest, offset=10)
    api.answers.clear()
    api.say(f"{info.size}: {[(reply.offset, len(reply.data)) for reply in replies]}")


@story(FILTER)
async def labels_of_blobs_change_by_their_masks(api: Api) -> None:
    data, digest = api.blob("labels")
    await api.has(data, labels={"a": "1", "b": "2"})
    given = {"digest": digest, "labels": {"a": "3", "c": "4"}, "size": 99}
    for paths in (["labels.a"], ["labels.b"], ["labels.c"], ["labels"], []):
        await api("content.Update", info=given, update_mask={"paths": paths})
    await api("content.Update", info={"digest": digest})
    for path in ("digest", "size", "created_at", "", "nonsense"):
        await api("content.Update", info=given, update_mask={"paths": [path]})
    await api("content.Update", info={"digest": digest, "labels": {"k": "v" * 4096}})
    await api("content.Update", info={"digest": ABSENT, "labels": {"a": "b"}})
    await api("content.Update", info={"digest": digest, "labels": {"a": "1", "x.y": "2"}})
    for text in (
        "labels.a==1",
        "labels.x.y==2",
        f"digest=={digest}",
        f"size=={len(data)}",
        "size>1",
        "size~=^1",
        "none",
    ):
        await api("content.List", filters=[text])


@story()
async def what_is_no_digest_is_refused(api: Api) -> None:
    for digest in WRONG:
        await api("content.Info", digest=digest)
        await api("content.Delete", digest=digest)
        await api("content.Read", digest=digest)
        await api("content.Update", info={"digest": digest, "labels": {"a": "b"}})
    await api("content.Info", digest=ABSENT)
    await api("content.Delete", digest=ABSENT)


@story()
async def a_blob_is_deleted(api: Api) -> None:
    data, digest = api.blob("deleted")
    await api.has(data)
    await api("content.Delete", digest=digest)
    await api("content.Info", digest=digest)
    await api("content.Delete", digest=digest)
    await api("content.List")


@story()
async def another_namespace_s_blob_needs_no_bytes(api: Api) -> None:
    data, digest = api.blob("shared")
    headers = {"containerd-namespace": f"{api.namespace}-b"}
    await api.has(data)
    await api("content.Info", headers=headers, digest=digest)
    await api.enter(f"{api.namespace}-b")
    await api.write(
        {"action": "STAT", "ref": "r", "total": len(data), "expected": digest},
        {"action": "COMMIT", "offset": len(data), "total": len(data), "expected": digest, "labels": {"x": "y"}},
    )
    await api("content.Info", digest=digest)
