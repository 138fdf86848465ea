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
import tempfile
import time
import traceback
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
    parser.add_argument("--json", type=Path)
    parser.add_argument("--resume", action="store_true", help="leave out what is in the JSON file")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the program says a lot about what is done to it
    rows = _known(options.json) if options.resume else {}
    is_good = True
    started, computed_s = time.monotonic(), _computed_s()
    print(f"seed {options.seed}, {'all' if options.all else 'quick'}")
    heads = f"{'points':>6} {'hits':>6} {'failures':>8} {'seconds':>8} {'cpu s':>6}"
    print(f"{'fault':12} {heads}  mutant", flush=True)
    for name in options.only:
        known = rows.get(name, {})
        if known.get("seed") == options.seed and known.get("is_full") == options.all:
            print(f"{name:12} known already", flush=True)
            is_good &= known["is_good"]
            continue
        before_s = _computed_s()
        report, seconds = _run(name, options.all, options.seed)
        cpu_s = _computed_s() - before_s
        _print(name, report, seconds, cpu_s)
        facts = {"seconds": round(seconds, 1), "cpu_seconds": round(cpu_s, 1)}
        facts |= {"seed": options.seed, "is_full": options.all}
        rows[name] = asdict(report) | facts | {"is_good": report.is_good}
        is_good &= report.is_good
        if options.json is not None:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(rows, indent=1))
    spent = f"{time.monotonic() - started:.0f} s, {_computed_s() - computed_s:.0f} s of processor"
    print(f"{'No harm was done' if is_good else 'HARM WAS DONE'}: {spent}")
    return 0 if is_good else 1


def _computed_s() -> float:
    """Return what this process and its children that have ended have computed, in seconds."""
    return sum(os.times()[:4])


def _known(file: Path | None) -> dict[str, Any]:
    if file is None or not file.is_file():
        return {}
    known: dict[str, Any] = json.loads(file.read_text())
    return known


def _run(name: str, is_full: bool, seed: int) -> tuple[Report, float]:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        scale = Scale(is_full, seed, Path(folder), is_full or name in _QUICK_MUTANTS)
        try:
            report = FAULTS[name](scale)
        except Exception:  # noqa: BLE001 - the other faults are tried all the same
            report = Report(failures=[f"the run itself broke: {traceback.format_exc()}"])
    return report, time.monotonic() - started


def _print(name: str, report: Report, seconds: float, cpu_s: float) -> None:
    if report.skipped:
        print(f"{name:12} skipped: {report.skipped}", flush=True)
        return
    mutant = {None: "-", "": "NOT CAUGHT"}.get(report.mutant, "caught")
    counts = f"{report.points:6} {report.hits:6} {len(report.failures):8}"
    counts += f" {seconds:8.1f} {cpu_s:6.0f}"
    print(f"{name:12} {counts}  {mutant}", flush=True)
    for note, value in report.notes.items():
        print(f"    {note}: {value}")
    for failure in report.failures[:10]:
        print(f"    FAILED {failure}")


if __name__ == "__main__":
    raise SystemExit(main())
