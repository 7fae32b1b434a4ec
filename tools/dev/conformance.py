"""`./dev conformance`: docs/conformance/system.md, made from the scenarios and the list of what does not pass yet."""

import argparse
import re
from pathlib import Path

from tests.support.pending import names
from tests.system.harness import Scenario
from tests.system.scenarios import SUBJECTS
from tools.dev import conformance_containerd, conformance_oci
from tools.dev.environment import CHECKOUT

TARGET = CHECKOUT / "docs" / "conformance" / "system.md"
COLUMNS = {
    "our client, our engine": "test_our_client_on_our_engine",
    "Docker's client, our engine": "test_docker_s_client_on_our_engine",
}
HEAD = """# What a user sees, beside the original

Made by `./dev conformance` from `tests/system/scenarios` and `tests/pending.txt`; not written by hand. Docker's
client plays each scenario on the original Docker Engine 28.5, and both clients play it on ours. Output (ids, times and
addresses masked) and exit status must be equal. "yes": they are. "not yet": the test is expected to fail, and must
leave the list when it passes.
"""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev conformance", description=__doc__)
    parser.add_argument(
        "--oci", action="store_true", help="docs/conformance/oci-runtime.md, from a run of runc's tests"
    )
    parser.add_argument(
        "--containerd", action="store_true", help="docs/conformance/containerd.md, from a run of containerd's tests"
    )
    arguments = parser.parse_args(argv[1:])
    if arguments.oci:
        return conformance_oci.write()
    if arguments.containerd:
        return conformance_containerd.write()
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(document())
    print(f"wrote {TARGET.relative_to(CHECKOUT)}")
    return 0


def document() -> str:
    """The page as it should be now."""
    pending = names()
    parts = [HEAD]
    for subject, scenarios in SUBJECTS.items():
        parts.append(f"\n## {subject}\n\n| scenario | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}\n")
        parts += [_row(scenario, pending) for scenario in scenarios]
    return "".join(parts)


def _row(scenario: Scenario, pending: set[str]) -> str:
    verdicts = [
        _verdict(f"system/test_scenarios.py::{test}[{identifier(scenario)}]", pending) for test in COLUMNS.values()
    ]
    return f"| {scenario.name} | {' | '.join(verdicts)} |\n"


def _verdict(test: str, pending: set[str]) -> str:
    return "not yet" if test in pending else "yes"


def identifier(scenario: Scenario) -> str:
    """The scenario's name as pytest shows it."""
    return re.sub(r"[^\w']+", "-", scenario.name).strip("-")


def is_current() -> bool:
    return Path(TARGET).exists() and TARGET.read_text() == document()
