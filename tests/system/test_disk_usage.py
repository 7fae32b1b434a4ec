"""`docker system df` sees what containers and volumes hold, on both engines."""

import json

import pytest

from tests.support.docker import Docker

THEIRS = ("their-client", pytest.param("original", marks=pytest.mark.matrix))


def test_containers_and_volumes_are_measured(any_engine: Docker) -> None:
    any_engine(
        "run", "--name", "box", "-v", "measured:/v", "busybox", "sh", "-c", "head -c 1000000 /dev/zero > /v/file"
    )
    try:
        rows = any_engine("system", "df", "--format", "{{.Type}}:{{.TotalCount}}:{{.Active}}").splitlines()
        assert "Containers:1:0" in rows
        assert any(row.startswith("Local Volumes:") and row.endswith(":1") for row in rows), "of which one is in use"
        assert "Images:0:0" not in rows
    finally:
        any_engine("rm", "-f", "box")
        any_engine("volume", "rm", "measured")


@pytest.mark.parametrize("any_engine", THEIRS, indirect=True)
def test_a_volume_s_size_and_users_are_told(any_engine: Docker) -> None:
    any_engine(
        "run", "--name", "box", "-v", "measured:/v", "busybox", "sh", "-c", "head -c 1000000 /dev/zero > /v/file"
    )
    try:
        volumes = json.loads(any_engine("system", "df", "-v", "--format", "{{json .Volumes}}"))
        assert [(each["Size"], each["Links"]) for each in volumes if each["Name"] == "measured"] == [("1MB", "1")]
    finally:
        any_engine("rm", "-f", "box")
        any_engine("volume", "rm", "measured")
