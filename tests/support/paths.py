"""Where things lie in this checkout, and where what is costly to make is kept between runs."""

import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PEERS = CHECKOUT / "tools" / "peers"
GUEST = CHECKOUT / "tools" / "vm"
PYTHON = Path(sys.executable)
LAUNCHERS = CHECKOUT / ".dev" / "bin"  # made by tools/dev/launchers.py
CACHE = CHECKOUT / ".dev" / "cache"
PEERS_HOME = Path(
    os.environ.get("PEERS_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway-peers"
)
