"""`./dev bench [--json FILE] [--rounds N] [--only GROUP,...] [--only-original]`: the speed table, ours beside the
original 28.5."""

import argparse
import sys
from pathlib import Path

from tools.dev import packages, suite


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write rows, samples and machine to FILE")
    parser.add_argument("--rounds", type=int, default=20, help="measurements behind each median (default 20)")
    parser.add_argument("--only-original", action="store_true", help="measure the original alone")
    from bench import contestants, equal, report, rows

    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=rows.GROUPS,
        metavar="GROUP,...",
        help=f"of {', '.join(rows.GROUPS)}",
    )
    options = parser.parse_args(argv[1:])
    if unknown := set(options.only) - set(rows.GROUPS):
        parser.error(f"unknown group {', '.join(sorted(unknown))} (hint: {', '.join(rows.GROUPS)})")

    packages.ensure(packages.RUNNING, packages.MEASURING)
    suite.make("peers/install", contestants.SUITE)
    with contestants.both(only_original=options.only_original) as engines:
        notes = [f"client: {' '.join(engines[0].client.program)}, image: busybox, one file system, alternating"]
        if differing := equal.differences(engines):
            print("the engines do not make equal containers; their times cannot be compared:", file=sys.stderr)
            print("\n".join(f"  {line}" for line in differing), file=sys.stderr)
            notes += differing
        measured = rows.measure_all(engines, options.rounds, options.only)
    print(f"\n{', '.join(report.machine().values())}; medians of {options.rounds}\n\n{report.table(measured)}")
    if options.json:
        report.write_json(options.json, measured, options.rounds, notes)
    return 1 if differing else 0
