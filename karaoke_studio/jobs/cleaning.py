"""Recordings cleaned beside everything else: a try that can be compared, then the file itself."""

from __future__ import annotations

import logging
import shutil
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from karaoke_studio.errors import KaraokeError, error_from_os
from karaoke_studio.job import OutputSpec
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.playback.take_reader import TakeFiles
from karaoke_studio.preparation.validation import Preparation
from karaoke_studio.preparing import Prepared, run_preparation
from karaoke_studio.progress import Cancelled, StopEvent
from karaoke_studio.worker.host import Worker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trial:
    """A recording before and after, as the player takes them: equally long."""

    before: TakeFiles
    after: TakeFiles
    made: Prepared


#: Prepares one recording; see `preparing.run_preparation`.
Run = Callable[
    [Path, Preparation, OutputSpec, Worker, Callable[[float], None], StopEvent], Prepared
]
_Errand = Callable[[StopEvent], None]


class Cleaner(QObject):
    """Cleans one recording at a time; a new wish ends the one before.

    Args:
        scratch: folder for what is only tried; emptied at the end.
        logs: where the child process writes its log.

    Signals:
        progressed: 0…1.
        tried: a Trial.
        saved: what was made as a file, Prepared.
        failed: KaraokeError.

    Thread: GUI; the work is done in a lane that `close` ends.
    """

    progressed = Signal(float)
    tried = Signal(object)
    saved = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        scratch: Path,
        logs: Path | None,
        parent: QObject | None = None,
        run: Run = run_preparation,
    ) -> None:
        super().__init__(parent)
        self._scratch, self._run = scratch, run
        self._worker = Worker("transfer", log_folder=logs)
        self._lane = Lane("cleaning", self)
        self._stop = threading.Event()
        #: The recording as it is, made playable: file → take.
        self._before: tuple[Path, TakeFiles] | None = None

    def start(self) -> None:
        """Get the child ready: a wish comes soon."""
        self._lane.put(self._worker.start)

    def try_out(self, path: Path, wanted: Preparation) -> None:
        """Make what can be compared: the same length and rate, whatever is asked for."""
        wish = replace(wanted, trim_silence=False, rate=None, channels=None)
        self._begin(lambda stop: self._try(path, wish, stop))

    def save(self, path: Path, wanted: Preparation, output: OutputSpec) -> None:
        """Make the file."""
        self._begin(lambda stop: self._save(path, wanted, output, stop))

    def cancel(self) -> None:
        """Let go of what is under way."""
        self._stop.set()

    def forget(self) -> None:
        """Remove what was tried; nobody plays it any more."""
        self.cancel()
        self._lane.put(self._empty)

    def close(self) -> None:
        """End the work, and remove what was tried."""
        self.forget()
        self._lane.close()
        self._worker.close()

    # -- in the lane

    def _begin(self, errand: _Errand) -> None:
        self._stop.set()
        stop = self._stop = threading.Event()
        self._lane.put(lambda: self._do(errand, stop))

    def _do(self, errand: _Errand, stop: StopEvent) -> None:
        try:
            errand(stop)
        except Cancelled:
            return
        except OSError as exc:
            self.failed.emit(error_from_os(exc, exc.filename or self._scratch, writing=True))
        except KaraokeError as exc:
            log.info("a recording was not cleaned: %s", exc.code)
            self.failed.emit(exc)

    def _try(self, path: Path, wanted: Preparation, stop: StopEvent) -> None:
        self._scratch.mkdir(parents=True, exist_ok=True)
        if self._before is None or self._before[0] != path:
            made = self._make(path, Preparation(), stop, 0.0, 0.3)
            self._before = path, _take(made)
        made = self._make(path, wanted, stop, 0.3, 1.0)
        self.tried.emit(Trial(self._before[1], _take(made), made))

    def _make(
        self, path: Path, wanted: Preparation, stop: StopEvent, first: float, last: float
    ) -> Prepared:
        # a file that is played stays as it is
        output = OutputSpec(self._scratch, name=uuid.uuid4().hex)

        def report(share: float) -> None:
            self.progressed.emit(first + (last - first) * share)

        return self._run(path, wanted, output, self._worker, report, stop)

    def _save(self, path: Path, wanted: Preparation, output: OutputSpec, stop: StopEvent) -> None:
        try:
            output.folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise error_from_os(exc, output.folder, writing=True) from exc
        self.saved.emit(self._run(path, wanted, output, self._worker, self.progressed.emit, stop))

    def _empty(self) -> None:
        self._before = None
        shutil.rmtree(self._scratch, ignore_errors=True)


def _take(made: Prepared) -> TakeFiles:
    """Return a file of ours as a take of one stem."""
    import soundfile as sf  # not needed before: the window opens sooner without it

    facts = sf.info(made.path)
    return TakeFiles({"instrumental": made.path}, facts.samplerate, facts.channels, facts.frames)
