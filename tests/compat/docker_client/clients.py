"""The two clients, as command lines."""

import sys
from pathlib import Path

_SOURCE = Path(__file__).parents[3] / "src"
_START = (
    f"import sys; sys.path.insert(0, {str(_SOURCE)!r}); sys.argv[0] = 'docker'; "
    "from slipway.launch.docker import main; main()"
)
OUR_CLIENT = [sys.executable, "-I", "-S", "-c", _START]
DOCKERS_OWN = ["/usr/local/bin/docker"]
