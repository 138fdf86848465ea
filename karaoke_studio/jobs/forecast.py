"""When the queue will be done, from lengths of songs and measured speeds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from karaoke_studio.job import JobSpec, JobState, NetworkChoice
from karaoke_studio.jobs.lengths import Lengths
from karaoke_studio.meter import Speeds
from karaoke_studio.progress import Progress
from karaoke_studio.stages import expected_s
from karaoke_studio.worker.host import Worker

#: Length of a song that nobody has looked into.
USUAL_LENGTH_S = 240.0
#: How often the time left is told anew, at most.
INTERVAL_MS = 250

#: State, spec and engine of each job.
Jobs = Callable[[], Iterable[tuple[JobState, JobSpec, str]]]


class Forecast(QObject):
    """Adds up what is left of the song that is made, and what the next ones will take.

    Signals:
        time_left_changed: seconds till the queue is done; None while an engine in it has never
            been measured on this machine.

    Thread: GUI.
    """

    time_left_changed = Signal(object)

    def __init__(self, jobs: Jobs, speeds: Speeds, worker: Worker, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs, self._speeds = jobs, speeds
        self._lengths = Lengths(worker, self)
        self._lengths.known.connect(self.learn_length)
        self._length_s: dict[str, float] = {}
        self._left_s: dict[str, float | None] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._tell)

    def ask_length(self, job_id: str, path: Path) -> None:
        """Find out how long a song is."""
        if job_id not in self._length_s:
            self._lengths.ask(job_id, path)

    @Slot(str, float)
    def learn_length(self, job_id: str, seconds: float) -> None:
        """Take a song's length into account."""
        self._length_s[job_id] = seconds
        self.begin()

    def learn_progress(self, job_id: str, progress: Progress) -> None:
        """Take what is left of a running song into account."""
        self._left_s[job_id] = progress.eta_s
        self.begin()

    def forget(self, job_id: str, *, length: bool) -> None:
        """Forget how far a song is, and its length too once nobody can ask for it again."""
        self._left_s.pop(job_id, None)
        if length:
            self._length_s.pop(job_id, None)
        self.begin()

    def begin(self) -> None:
        """Tell soon, once for a whole burst of changes."""
        if not self._timer.isActive():
            self._timer.start()

    def seconds(self) -> float | None:
        """Return the seconds till the queue is done; songs that are held do not count."""
        usual = statistics.fmean(self._length_s.values()) if self._length_s else USUAL_LENGTH_S
        total = 0.0
        # the same for a whole album, and asked for several times a second
        rates: dict[tuple[str, NetworkChoice], float | None] = {}
        for state, spec, engine in self._jobs():
            part: float | None = 0.0
            if state in {JobState.QUEUED, JobState.RUNNING}:
                part = self._left_s.get(spec.job_id)
                if part is None:
                    way = (engine, spec.network)
                    if way not in rates:
                        rates[way] = expected_s(spec, engine, 1.0, self._speeds)
                    rate = rates[way]
                    length_s = self._length_s.get(spec.job_id, usual)
                    part = None if rate is None else rate * length_s
            if part is None:
                return None
            total += part
        return total

    @Slot()
    def _tell(self) -> None:
        self.time_left_changed.emit(self.seconds())

    def close(self) -> None:
        """Tell nothing any more."""
        self._timer.stop()
        self._lengths.close()
