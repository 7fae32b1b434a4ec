"""Python 3.13 and 3.14, in the trees of tools/peers: forks of what the template loads share more of its memory."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.paths import CHECKOUT

pytestmark = [pytest.mark.root, pytest.mark.peers]

# What a forked child has of its own after it has read a specification and planned a container, in kB.
CHILD = """
import gc, json, os, sys
sys.path.insert(0, sys.argv[1])
from slipway.contracts.oci.runtime import spec_from_json
from slipway.linux.immortal import make_all_immortal
from slipway.runc.plan.container import plan_container
from slipway.runc.preload import preload
from slipway.runc.spec.example import example_spec
from slipway.runc.spec.validate import check_spec

preload()
source = example_spec()
def work():
    spec = spec_from_json(source)
    check_spec(spec)
    plan_container(spec, "/bundle", rootfs="/bundle/rootfs", has_kcore=True)
def own():
    reader, writer = os.pipe()
    if os.fork() == 0:
        gc.disable()
        work()
        with open("/proc/self/smaps_rollup", "rb") as file:
            (line,) = [line for line in file if line.startswith(b"Private_Dirty:")]
        os.write(writer, line.split()[1])
        os._exit(0)
    os.wait()
    return int(os.read(reader, 100))
for _ in range(20):
    work()
gc.collect()
counted = own()
made = make_all_immortal()
gc.freeze()
print(json.dumps([counted, own(), made]))
"""


@pytest.mark.parametrize("suite", sorted(peers.SUITES))
def test_forks_write_to_fewer_pages_of_the_template(suite: str, short_folder: Path) -> None:
    share = short_folder / "share"
    argv, environment = peers.enter(
        suite, "python3", "-I", "-S", "-c", CHILD, str(CHECKOUT / "src"), share=share, bind=(CHECKOUT,)
    )
    try:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        counted, uncounted, made = json.loads(done.stdout)
        assert made > 10_000
        assert uncounted < 0.75 * counted
    finally:
        peers.forget_share(suite, share)
