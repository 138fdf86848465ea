"""Runs faults and prints a table: `python -m tests.faults [--all] [--only NAME …] [--seed N]`.

Exit status 1 when a fault did harm, never struck, or its mutant (a variant of the program that is
broken on purpose) was not caught. After every fault the figures are written as JSON; `--resume`
leaves out what that file already tells of the same seed and length.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

# before anybody imports Qt
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from tests.faults import (
    cancels,
    changes,
    children,
    databases,
    disks,
    hostile,
    kills,
    memory,
    mutations,
    names,
    operations,
    places,
    power,
    resumes,
    schemas,
    surroundings,
    threads,
    two,
)
from tests.faults.report import Fault, Report, Scale

Row = dict[str, Any]

FAULTS: dict[str, Fault] = {
    "kills": kills.run,
    "changes": changes.run,
    "children": children.run,
    "power": power.run,
    "operations": operations.run,
    "disks": disks.run,
    "places": places.run,
    "cancels": cancels.run,
    "mutations": mutations.run,
    "hostile": hostile.run,
    "databases": databases.run,
    "schemas": schemas.run,
    "two": two.run,
    "names": names.run,
    "surroundings": surroundings.run,
    "memory": memory.run,
    "threads": threads.run,
    "resumes": resumes.run,
}
#: Whose mutants also run in the quick run; the rest at night.
_QUICK_MUTANTS = ("operations", "databases")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="the long run")
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2, help="faults at the same time")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--resume", action="store_true", help="leave out what is in the JSON file")
    options = parser.parse_args()
    rows = _known(options) if options.resume else {}
    started = time.monotonic()
    print(f"seed {options.seed}, {'all' if options.all else 'quick'}")
    heads = f"{'points':>6} {'hits':>6} {'failures':>8} {'seconds':>8} {'cpu s':>6}"
    print(f"{'fault':12} {heads}  mutant", flush=True)
    for name in options.only:
        if name in rows:
            _print(name, rows[name])
    left = [name for name in options.only if name not in rows]
    for name, row in _rows(left, options):
        rows[name] = row
        _print(name, row)
        if options.json is not None:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(rows, indent=1))
    is_good = all(rows[name]["is_good"] for name in options.only)
    spent = sum(rows[name]["cpu_seconds"] for name in options.only)
    words = f"{time.monotonic() - started:.0f} s, {spent:.0f} s of processor"
    print(f"{'No harm was done' if is_good else 'HARM WAS DONE'}: {words}")
    return 0 if is_good else 1


def _known(options: argparse.Namespace) -> dict[str, Row]:
    """Return what an earlier run found with the same seed."""
    if options.json is None or not options.json.is_file():
        return {}
    rows: dict[str, Row] = json.loads(options.json.read_text())
    wanted = (options.seed, options.all)
    return {name: row for name, row in rows.items() if (row["seed"], row["is_full"]) == wanted}


def _rows(names: list[str], options: argparse.Namespace) -> Iterator[tuple[str, Row]]:
    """Run faults, each in a process of its own where there are several; yield what they found."""
    if len(names) == 1:
        yield names[0], _run_here(names[0], options)
        return
    with ThreadPoolExecutor(options.jobs) as pool:
        coming = {pool.submit(_run_apart, name, options): name for name in names}
        for done in as_completed(coming):
            yield coming[done], done.result()


def _run_apart(name: str, options: argparse.Namespace) -> Row:
    """Run one fault in a process of its own: what it does to the program it does to no other."""
    with tempfile.TemporaryDirectory(prefix="faults-row-") as folder:
        file = Path(folder) / "row.json"
        command = [sys.executable, "-m", "tests.faults", "--only", name, "--json", str(file)]
        command += ["--seed", str(options.seed), *(["--all"] if options.all else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if file.is_file():
            row: Row = json.loads(file.read_text())[name]
            return row
    broken = Report(failures=[f"the run itself ended with {done.returncode}: {done.stderr[-500:]}"])
    return _row(broken, 0.0, 0.0, options)


def _run_here(name: str, options: argparse.Namespace) -> Row:
    logging.disable(logging.CRITICAL)  # the program says a lot about what is done to it
    started, computed_s = time.monotonic(), _computed_s()
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        with_mutant = options.all or name in _QUICK_MUTANTS
        try:
            report = FAULTS[name](Scale(options.all, options.seed, Path(folder), with_mutant))
        except Exception:  # noqa: BLE001 - the other faults are tried all the same
            report = Report(failures=[f"the run itself broke: {traceback.format_exc()}"])
    return _row(report, time.monotonic() - started, _computed_s() - computed_s, options)


def _row(report: Report, seconds: float, cpu_s: float, options: argparse.Namespace) -> Row:
    facts = {"seconds": round(seconds, 1), "cpu_seconds": round(cpu_s, 1)}
    facts |= {"seed": options.seed, "is_full": options.all, "is_good": report.is_good}
    return asdict(report) | facts


def _computed_s() -> float:
    """Return what this process and its children that have ended have computed, in seconds."""
    return sum(os.times()[:4])


def _print(name: str, row: Row) -> None:
    if row["skipped"]:
        print(f"{name:12} skipped: {row['skipped']}", flush=True)
        return
    mutant = {None: "-", "": "NOT CAUGHT"}.get(row["mutant"], "caught")
    counts = f"{row['points']:6} {row['hits']:6} {len(row['failures']):8}"
    counts += f" {row['seconds']:8.1f} {row['cpu_seconds']:6.0f}"
    print(f"{name:12} {counts}  {mutant}", flush=True)
    for note, value in row["notes"].items():
        print(f"    {note}: {value}", flush=True)
    for failure in row["failures"][:10]:
        print(f"    FAILED {failure}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
