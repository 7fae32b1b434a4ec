"""`./dev protos`: generate the protobuf modules anew."""

import subprocess
import sys

from tools.dev.environment import CHECKOUT


def main(argv: list[str]) -> int:
    script = next(iter(sorted((CHECKOUT / "tools" / "protos").glob("generate*"))))
    return subprocess.run([sys.executable, str(script), *argv[1:]], cwd=CHECKOUT, check=False).returncode
