"""Runs faults and prints a table: `python -m tests.faults [--all] [--only NAME …] [--seed N]`.

Exit status 1 when a fault did harm, never struck, or its mutant (a variant of the program that is
broken on purpose) was not caught.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.faults import databases, kills, mutations, operations, power
from tests.faults.report import Fault, Report, Scale

FAULTS: dict[str, Fault] = {
    "kills": kills.run,
    "power": power.run,
    "operations": operations.run,
    "databases": databases.run,
    "mutations": mutations.run,
}
#: Whose mutants also run in the quick run.
_QUICK_MUTANTS = ("kills", "operations", "databases")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="the long run")
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the program says a lot about what is done to it
    rows: dict[str, dict] = {}
    is_good = True
    print(f"seed {options.seed}")
    print(f"{'fault':12} {'points':>6} {'hits':>5} {'failures':>8} {'seconds':>8}  mutant")
    for name in options.only:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            with_mutant = options.all or name in _QUICK_MUTANTS
            scale = Scale(options.all, options.seed, Path(folder), with_mutant)
            started = time.monotonic()
            report = FAULTS[name](scale)
            seconds = time.monotonic() - started
        _print(name, report, seconds)
        rows[name] = asdict(report) | {"seconds": round(seconds, 1), "seed": options.seed}
        is_good &= report.is_good
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1))
    return 0 if is_good else 1


def _print(name: str, report: Report, seconds: float) -> None:
    if report.skipped:
        print(f"{name:12} skipped: {report.skipped}", flush=True)
        return
    mutant = {None: "-", "": "NOT CAUGHT"}.get(report.mutant, "caught")
    counts = f"{report.points:6} {report.hits:5} {len(report.failures):8} {seconds:8.1f}"
    print(f"{name:12} {counts}  {mutant}", flush=True)
    for note, value in report.notes.items():
        print(f"    {note}: {value}")
    for failure in report.failures[:10]:
        print(f"    FAILED {failure}")


if __name__ == "__main__":
    raise SystemExit(main())
