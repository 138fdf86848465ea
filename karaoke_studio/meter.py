"""From stages to one honest percentage: weighted by measured seconds, and never going back."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from karaoke_studio.job import Stage
from karaoke_studio.progress import Progress, Report
from karaoke_studio.staging import write_json_atomic

log = logging.getLogger(__name__)

#: Seconds of work per second of song, until this machine has been measured.
_DEFAULTS = {
    "importing": 0.003,
    "separating centre": 0.006,
    "separating": 0.02,
    "separating network": 0.5,
    "loading_model": 0.02,
    "encoding flac": 0.006,
    "encoding wav": 0.004,
    "encoding": 0.025,
    "publishing": 0.0005,
}
#: Weight of a new measurement against what was known.
_LEARNING = 0.3
#: No time left is told before so much time and so much of the work is over.
_ETA_AFTER_S, _ETA_AFTER_FRACTION = 0.5, 0.04


class Speeds:
    """Seconds per second of song that each stage takes on this machine, kept in a file.

    Thread: any; songs that are made at the same time share one.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[str, float] = {}
        if file is not None:
            try:
                data = json.loads(file.read_text(encoding="utf-8"))
                self._known = {str(k): float(v) for k, v in data.items() if 0 < v < math.inf}
            except FileNotFoundError:
                pass
            except (OSError, ValueError, TypeError, AttributeError) as exc:
                log.warning("measured speeds could not be read: %s", exc)

    def get(self, name: str) -> float:
        """Return a stage's speed: measured, else the default of the longest known beginning."""
        words = name.split()
        starts = (" ".join(words[:count]) for count in range(len(words), 0, -1))
        return self._known.get(name) or next(_DEFAULTS[s] for s in starts if s in _DEFAULTS)

    def is_measured(self, name: str) -> bool:
        """Whether a stage has been measured on this machine."""
        return name in self._known

    def learn(self, seconds: dict[str, float], duration_s: float) -> None:
        """Take the measured seconds of a finished job into account."""
        with self._lock:
            for name, spent in seconds.items():
                new = max(spent, 1e-4) / max(duration_s, 1.0)
                old = self._known.get(name, new)
                self._known[name] = old + _LEARNING * (new - old)
            if self._file is None:
                return
            try:
                write_json_atomic(self._file, self._known)
            except OSError as exc:
                log.warning("measured speeds could not be kept: %s", exc)


class Meter:
    """Follows one job through its stages and reports.

    Attributes:
        seconds: speed name → seconds spent in that stage.
    """

    def __init__(
        self,
        stages: Sequence[tuple[Stage, str]],
        speeds: Speeds,
        report: Report,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names = dict(stages)
        total = sum(speeds.get(name) for _, name in stages)
        self._weights = {stage: speeds.get(name) / total for stage, name in stages}
        self._report = report
        self._clock = clock
        self._started_s = self._entered_s = clock()
        self._stage: Stage | None = None
        self._done = 0.0
        self._overall = 0.0
        self._stopped_s: float | None = None
        self.seconds: dict[str, float] = {}

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, without what was forgiven."""
        return (self._stopped_s or self._clock()) - self._started_s

    def enter(self, stage: Stage) -> None:
        """Begin a stage; the one before it is over."""
        self._leave()
        self._stage = stage
        self._entered_s = self._clock()
        self.update(0.0)

    def update(self, fraction: float) -> None:
        """Report that a fraction (0…1) of the current stage is done."""
        if self._stage is None:
            return
        fraction = min(1.0, max(0.0, fraction))
        overall = self._done + self._weights[self._stage] * fraction
        self._overall = max(self._overall, min(1.0, overall))
        self._report(Progress(self._stage, fraction, self._overall, self._eta_s()))

    def forgive(self, seconds: float) -> None:
        """Leave out time that is not the job's: the start of a child process."""
        self._started_s += seconds
        self._entered_s += seconds

    def finish(self) -> None:
        """Report that everything is done."""
        stage = self._stage
        self._leave()
        self._stopped_s = self._clock()
        self._overall = 1.0
        if stage is not None:
            self._report(Progress(stage, 1.0, 1.0, 0.0))

    def _leave(self) -> None:
        if self._stage is None:
            return
        name = self._names[self._stage]
        spent = max(0.0, self._clock() - self._entered_s)
        self.seconds[name] = self.seconds.get(name, 0.0) + spent
        self._done = min(1.0, max(self._done, self._overall))
        later = list(self._weights)
        # what is over counts whole, whatever its own reports said
        over = later[: later.index(self._stage) + 1]
        self._done = max(self._done, sum(self._weights[stage] for stage in over))
        self._stage = None

    def _eta_s(self) -> float | None:
        elapsed = self.elapsed_s
        if elapsed < _ETA_AFTER_S or self._overall < _ETA_AFTER_FRACTION:
            return None
        return max(0.0, elapsed * (1 - self._overall) / self._overall)
