"""What is made immortal goes on working, and an interpreter that is not known is left alone."""

import subprocess
import sys

from tests.support.paths import CHECKOUT

PROGRAM = """
import gc, json, sys
sys.path.insert(0, sys.argv[1])
from slipway.linux.immortal import make_all_immortal
kept = {"a": [1, 2], "b": json.loads('{"x": "y"}')}
made = make_all_immortal()
kept["a"].append(3)
kept["c"] = [kept.pop("b")] * 1000
gc.collect()
del kept["c"]
print(kept, made > 0)
"""


def test_objects_can_still_be_changed_and_dropped() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(CHECKOUT / "src")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{{'a': [1, 2, 3]}} {(3, 12) <= sys.version_info[:2] <= (3, 14)}\n"
