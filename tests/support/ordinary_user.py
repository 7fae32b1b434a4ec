"""An ordinary user for tests of what needs no root: a number and, where a tool asks for more, a name and more ids."""

import os
import subprocess
from pathlib import Path
from typing import Any

USER = 12345
"""The user's id, and their group's."""
SUBORDINATE = 300_000
"""The first of 65,536 ids more, of users and of groups."""
FILES = {
    "/etc/passwd": f"root:x:0:0::/root:/bin/sh\nsomebody:x:{USER}:{USER}::/:/bin/sh\n",
    "/etc/subuid": f"somebody:{SUBORDINATE}:65536\n",
    "/etc/subgid": f"somebody:{SUBORDINATE}:65536\n",
}
"""What says so, in the places of files of the machine."""
IDENTITY = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--"]
"""Put before a command of root's, runs it as the user."""


def make_known(enter: list[str], folder: Path) -> None:
    """Show FILES, written to `folder`, in the mount namespace that the command `enter` goes into."""
    for place, text in FILES.items():
        file = folder / place.rpartition("/")[2]
        file.write_text(text)
        file.chmod(0o644)
        subprocess.run([*enter, "sh", "-c", f"touch {place} && mount --bind {file} {place}"], check=True)


def give(tree: Path) -> None:
    """Make a tree the user's."""
    for folder, _, names in os.walk(tree):
        for name in (folder, *(os.path.join(folder, name) for name in names)):
            os.chown(name, USER, USER, follow_symlinks=False)


def no_user_namespace(spec: dict[str, Any]) -> None:
    linux = spec["linux"]
    linux["namespaces"] = [item for item in linux["namespaces"] if item["type"] != "user"]
    del linux["uidMappings"], linux["gidMappings"]


def with_subordinates(spec: dict[str, Any]) -> None:
    for kind in ("uid", "gid"):
        spec["linux"][f"{kind}Mappings"].append({"containerID": 1, "hostID": SUBORDINATE, "size": 65536})


def more_groups(spec: dict[str, Any]) -> None:
    spec["process"]["user"]["additionalGids"] = [0]


def a_limit(spec: dict[str, Any]) -> None:
    spec["linux"]["resources"] = {"pids": {"limit": 10}}


def a_group(spec: dict[str, Any]) -> None:
    spec["linux"]["cgroupsPath"] = "/slipway-of-nobody"
