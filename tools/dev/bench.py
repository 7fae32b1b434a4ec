"""`./dev bench [--json FILE] [--rounds N] [--only GROUP,...] [--only-original]`: the speed table, ours beside the
original 28.5."""

import argparse
import sys
from pathlib import Path

from tools.dev import packages, suite

RUNTIMES = "runtimes"
"""The group of runc without an engine."""

ENGINE_PULL = "docker-pull"
"""The pull of a large image by both engines."""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write rows, samples and machine to FILE")
    parser.add_argument("--rounds", type=int, default=20, help="measurements behind each median (default 20)")
    parser.add_argument("--only-original", action="store_true", help="measure the original alone")
    from bench import contestants, daemons, equal, report, rows, runtimes

    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=(*rows.GROUPS, ENGINE_PULL, RUNTIMES, *daemons.GROUPS),
        metavar="GROUP,...",
        help=f"of {', '.join((*rows.GROUPS, ENGINE_PULL))}; {RUNTIMES}: runc alone, beside runc and crun; "
        f"{', '.join(daemons.GROUPS)}: containerd alone",
    )
    options = parser.parse_args(argv[1:])
    with_engines = {*rows.GROUPS, ENGINE_PULL}
    known = {*with_engines, RUNTIMES, *daemons.GROUPS}
    if unknown := set(options.only) - known:
        parser.error(f"unknown group {', '.join(sorted(unknown))} (hint: {', '.join(sorted(known))})")

    packages.ensure(packages.RUNNING, packages.MEASURING)
    suite.make("peers/install", contestants.SUITE)
    notes, differing, measured = [], [], []
    if with_engines & set(options.only):
        with contestants.both(only_original=options.only_original) as engines:
            notes = [f"client: {' '.join(engines[0].client.program)}, image: busybox, one file system, alternating"]
            differing = equal.differences(engines)
            measured = rows.measure_all(engines, options.rounds, options.only)
            if ENGINE_PULL in options.only and not options.only_original:
                measured.append(daemons.engine_pulls(engines))
    if differing:
        print("the engines do not make equal containers; their times cannot be compared:", file=sys.stderr)
        print("\n".join(f"  {line}" for line in differing), file=sys.stderr)
    if RUNTIMES in options.only and not options.only_original:
        measured += runtimes.measure_runtimes(options.rounds)
    if set(daemons.GROUPS) & set(options.only) and not options.only_original:
        measured += daemons.measure_daemons(options.rounds, options.only)
    print(f"\n{', '.join(report.machine().values())}; medians of {options.rounds}\n\n{report.table(measured)}")
    if options.json:
        report.write_json(options.json, measured, options.rounds, [*notes, *differing])
    return 1 if differing else 0
