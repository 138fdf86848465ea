"""What each step of a preparation brings against a known defect, and how long it takes.

Clean recordings are synthesised, made worse in a known way, and prepared by one step. Told is the
signal-to-distortion ratio against the clean one before and after, how much the step changes a
recording that is clean already, and seconds for a minute of stereo at 44.1 kHz.

    python -m benchmarks.preparation [--json FILE] [--quick] [--check]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from karaoke_studio.audio.raw import RawFile
from karaoke_studio.preparation.chain import prepare
from karaoke_studio.preparation.validation import Preparation
from tests.helpers.defects import DEFECTS
from tests.helpers.signals import FloatArray, sdr_db, sung_mix

RATE = 44_100
#: Seconds for a minute that all steps together may take.
GOAL_S = 5.0
_VALUES: dict[str, Any] = {"highpass": 60.0}
ALL = Preparation(
    declip=True,
    declick=True,
    dehum=True,
    highpass=60.0,
    denoise=True,
    dereverb=True,
    gate=True,
    drc=True,
    trim_silence=True,
    channels=1,
    rate=16_000,
    lufs=-16.0,
)


def prepared(samples: FloatArray, wanted: Preparation, folder: Path) -> tuple[FloatArray, float]:
    """Return (channels, frames) as a preparation leaves them, and the seconds that it took."""
    channels = len(samples)
    original, target = folder / "in.f32", folder / "out.f32"
    with RawFile.create(original, channels) as file:
        file.write(0, samples.T)
    song = {"sample_rate": RATE, "channels": channels}
    started = time.perf_counter()
    made = prepare(original, target, song, wanted, lambda _share: None, lambda: None)
    spent = time.perf_counter() - started
    with RawFile.open(target, made["channels"]) as file:
        return file.read(0, file.frames).T, spent


def recordings(seconds: float) -> dict[str, FloatArray]:
    """Return a voice alone and a voice with a band."""
    voice, band = sung_mix(seconds, RATE)
    return {"voice": voice, "band": voice + band}


def measure(seconds: float, folder: Path) -> list[dict[str, Any]]:
    """Return a row for each defect and recording."""
    rows = []
    for name, clean in recordings(seconds).items():
        for defect, (step, spoil) in DEFECTS.items():
            spoilt = spoil(clean, RATE)
            wanted = Preparation(**{step: _VALUES.get(step, True)})
            made, spent = prepared(spoilt, wanted, folder)
            untouched, _ = prepared(clean, wanted, folder)
            rows.append(
                {
                    "recording": name,
                    "defect": defect,
                    "step": step,
                    "before_db": round(sdr_db(spoilt, clean), 1),
                    # a filter turns phases: what it leaves is told from what it leaves of the clean
                    "after_db": round(sdr_db(made, untouched if step == "highpass" else clean), 1),
                    "clean_db": round(sdr_db(untouched, clean), 1),
                    "s_a_minute": round(spent * 60 / seconds, 2),
                }
            )
    return rows


def measure_all(seconds: float, folder: Path) -> tuple[float, float]:
    """Return the seconds that all steps take for a minute of a bad recording: clock, processor."""
    clean = recordings(seconds)["band"]
    for _, spoil in DEFECTS.values():
        clean = spoil(clean, RATE)
    before = time.process_time()
    spent = prepared(clean, ALL, folder)[1]
    return spent * 60 / seconds, (time.process_time() - before) * 60 / seconds


def show(rows: list[dict[str, Any]], all_s: float, cpu_s: float) -> None:
    """Print the table."""
    print("| recording | defect | step | before | after | gain dB | clean | s a minute |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        gain = row["after_db"] - row["before_db"]
        clean = "same" if row["clean_db"] > 150 else row["clean_db"]
        cells = (
            row["recording"],
            row["defect"],
            row["step"],
            row["before_db"],
            row["after_db"],
            f"**{gain:+.1f}**",
            clean,
            row["s_a_minute"],
        )
        print("|", " | ".join(map(str, cells)), "|")
    told = f"{all_s:.1f} s a minute (goal {GOAL_S:g}), {cpu_s:.1f} s of the processor"
    print(f"\nAll steps together: {told}.")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="8 seconds instead of 30")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    chosen = parser.parse_args()
    seconds = 8.0 if chosen.quick else 30.0
    np.seterr(all="raise", under="ignore")
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(seconds, Path(folder))
        all_s, cpu_s = measure_all(seconds, Path(folder))
    show(rows, all_s, cpu_s)
    if chosen.json:
        facts = {
            "rows": rows,
            "all_s_a_minute": all_s,
            "cpu_s_a_minute": cpu_s,
            "cores": os.cpu_count(),
        }
        chosen.json.write_text(json.dumps(facts, indent=1))
    is_better = all(row["after_db"] > row["before_db"] for row in rows)
    return 1 if chosen.check and not (is_better and all_s < GOAL_S) else 0


if __name__ == "__main__":
    sys.exit(main())
