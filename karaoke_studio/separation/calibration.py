"""Which way of computing is the quickest here that keeps a mode's promise: measured, then kept.

A *way* is a runtime and a precision. Each was tried on chunks of real music: how long a chunk takes
and how far the vocals are from upstream's. The result holds for one model on one machine with one
set of versions; anything else is another entry. No runtime is imported here.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from karaoke_studio.separation.converted import conversion_versions, installed_version
from karaoke_studio.separation.model_files import ModelFiles
from karaoke_studio.separation.model_store import ModelStore, model_sha256
from karaoke_studio.separation.ways import EXACT, FAST, TORCH_F32, TURBO
from karaoke_studio.staging import write_json_atomic

log = logging.getLogger(__name__)

#: Least level of the stems over their difference from upstream's, in dB.
PROMISES_DB = {EXACT: 110.0, FAST: 60.0, TURBO: 38.0}
#: `TURBO` overlaps its chunks by no more than this share.
TURBO_OVERLAP = 0.1
#: Of the record; another one measures anew.
_LAYOUT = 1
#: What tells how wide a processor counts.
_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimd")


@dataclass(frozen=True)
class Trial:
    """What one way came to.

    Attributes:
        way: one of `ways.WAYS`.
        seconds: that a chunk took; 0 where it did not run.
        snr_db: level of the vocals over their difference from upstream's; 0 where it did not run.
        problem: why it did not run, else "".
    """

    way: str
    seconds: float
    snr_db: float
    problem: str = ""

    def keeps(self, mode: str) -> bool:
        """Whether it may be used for a mode."""
        return not self.problem and self.seconds > 0 and self.snr_db >= PROMISES_DB[mode]


def choose_way(trials: Sequence[Trial], mode: str) -> str:
    """Return the quickest way that keeps the promise of a mode.

    The exact way needs no trial: it is always there.
    """
    able = [trial for trial in trials if trial.keeps(mode)]
    return min(able, key=lambda trial: trial.seconds).way if able else TORCH_F32


@functools.cache
def processor() -> dict[str, Any]:
    """Return the processor's name and the flags that decide its speed."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # only Linux has it
        text = ""
    for line in text.splitlines():
        field, _, value = line.partition(":")
        if field.strip() == "model name":
            name = value.strip()
        if field.strip() in {"flags", "Features"}:
            flags = set(value.split())
    return {"name": name, "flags": [flag for flag in _FLAGS if flag in flags]}


def calibration_key(files: ModelFiles, store: ModelStore, threads: int) -> str | None:
    """Return the name of an entry, None for a model whose files were never used.

    Args:
        files: of the model; they are not read, their hashes were kept when they were.
        store: keeps them.
        threads: of the processor, as they are used.
    """
    hashes = ["" if file is None else store.records.expected(file.path) for file in files.networks]
    known = [sha256 for sha256 in hashes if sha256 is not None]
    if len(known) < len(hashes):
        return None
    identity = {
        "layout": _LAYOUT,
        "model": model_sha256(known, files.weights, files.segment_s),
        "processor": processor(),
        "threads": threads,
        "versions": conversion_versions() | {"numpy": installed_version("numpy")},
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:40]


class CalibrationRecord:
    """The trials of every model that was measured here, in one small JSON file."""

    def __init__(self, data: Path) -> None:
        """Use the record of a data folder; it need not exist."""
        self._path = data / "calibration.json"

    def get(self, key: str) -> list[Trial] | None:
        """Return an entry's trials, None where it was not measured."""
        return self._load().get(key)

    def put(self, key: str, trials: Sequence[Trial]) -> None:
        """Keep an entry's trials.

        Raises:
            OSError: the disk is full.
        """
        known = self._load() | {key: list(trials)}
        entries = {name: [asdict(trial) for trial in of] for name, of in known.items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_json_atomic(self._path, {"version": 1, "entries": entries})

    def strike(self, key: str, way: str, problem: str) -> None:
        """Never use a way of an entry again.

        Raises:
            OSError: the disk is full.
        """
        trials = self.get(key) or []
        self.put(key, [Trial(way, 0, 0, problem) if one.way == way else one for one in trials])

    def _load(self) -> dict[str, list[Trial]]:
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))["entries"]
            return {
                str(name): [
                    Trial(
                        str(one["way"]),
                        float(one["seconds"]),
                        float(one["snr_db"]),
                        str(one["problem"]),
                    )
                    for one in of
                ]
                for name, of in entries.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            log.warning("what was measured cannot be read, it is measured again: %s", exc)
            return {}
