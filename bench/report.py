"""The table for people and the JSON for machines, each with the machine it was measured on."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from bench.rows import Row


def machine() -> dict[str, str]:
    """What the numbers depend on."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    memory = Path("/proc/meminfo").read_text().split()[1]
    return {
        "cpu": f"{os.cpu_count()} x {cpu.partition(':')[2].strip()}",
        "memory": f"{int(memory) / 1e6:.0f} GB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "cgroup": "v2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "v1",
    }


def table(rows: Sequence[Row]) -> str:
    """GitHub's Markdown: a row per measurement, the ratio, and whether the goal is reached."""
    lines = ["| | ours | original | ratio | goal |", "|---|---:|---:|---:|---|"]
    for row in rows:
        ours, original = (_value(row, who) for who in ("ours", "original"))
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        lines.append(f"| {row.name} | {ours} | {original} | {ratio} | {_verdict(row)} |")
    return "\n".join(lines)


def _value(row: Row, who: str) -> str:
    return f"{row.values[who]:.1f} {row.unit}" if who in row.values else "not measured"


def _verdict(row: Row) -> str:
    reached = misses_goal(row)
    if reached is None:
        return ""
    goal = f"<= {row.goal:g}x" if row.goal is not None else f"<= {row.limit:g} {row.unit}"
    return f"{goal} {'missed' if reached else 'reached'}"


def misses_goal(row: Row) -> bool | None:
    """None when the row has no goal or was not measured on both."""
    if row.goal is not None and row.ratio is not None:
        return row.ratio > row.goal
    if row.limit is not None and "ours" in row.values:
        return row.values["ours"] > row.limit
    return None


def write_json(path: Path, rows: Sequence[Row], rounds: int, notes: Sequence[str]) -> None:
    measured = [
        {"name": r.name, "unit": r.unit, "values": r.values, "ratio": r.ratio, "goal": r.goal, "limit": r.limit}
        | {"samples": r.samples}
        for r in rows
    ]
    document = {"machine": machine(), "rounds": rounds, "notes": list(notes), "rows": measured}
    path.write_text(json.dumps(document, indent=1) + "\n")
