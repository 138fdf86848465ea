"""Songs made one after the other for a terminal, and what it shows of them."""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from karaoke_studio import notes
from karaoke_studio.cli_common import print_json, stop_on_signals
from karaoke_studio.errors import (
    EXIT_CANCELLED,
    EXIT_FAILED,
    EXIT_OK,
    KaraokeError,
    MissingFile,
    ProcessingFailed,
)
from karaoke_studio.job import JobResult, Stage
from karaoke_studio.progress import Cancelled, Progress
from karaoke_studio.walk import is_folder, only_new, songs_in
from karaoke_studio.worker.host import Workers

log = logging.getLogger(__name__)

#: Makes one song: its absolute path, the children, where its progress is shown, the stop-event.
Make = Callable[[Path, Workers, "Line", threading.Event], JobResult]


def walked(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield files, and all songs of folders, each once; a folder without songs as it is."""
    seen: set[Path] = set()
    for path in paths:
        yield from only_new(list(songs_in(path)) or [path], seen)


def require_file(path: Path) -> None:
    """Refuse a folder: `walked` found no songs in it.

    Raises:
        MissingFile: it is one.
    """
    if is_folder(path):
        raise MissingFile(f"There are no songs in the folder {path.name}.")


_STAGE_WORDS = {
    Stage.IMPORTING: "reading",
    Stage.LOADING_MODEL: "loading the engine",
    Stage.SEPARATING: "separating",
    Stage.ENCODING: "writing",
    Stage.PUBLISHING: "finishing",
}


@dataclass(frozen=True)
class Outcome:
    """How one song ended; `status` as in `--json`."""

    path: Path
    name: str
    result: JobResult | None = None
    error: KaraokeError | None = None

    @property
    def status(self) -> str:
        """The word for it: completed, failed or cancelled."""
        if self.result is not None:
            return "completed"
        return "failed" if self.error is not None else "cancelled"

    def to_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        if self.result is not None:
            return self.result.to_json() | {"input": str(self.path)}
        error = {"code": Cancelled.code, "message": "The song was cancelled.", "hint": ""}
        if self.error is not None:
            error = self.error.to_json()
        return {"input": str(self.path), "status": self.status, "error": error}


class Screen:
    """Progress on stderr: one line per song on a terminal, plain lines when piped."""

    def __init__(self, stream: TextIO, *, is_quiet: bool) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self.is_quiet = is_quiet
        self._lock = threading.Lock()

    def line(self, name: str) -> Line:
        """Return the line of one song."""
        return Line(self, name)

    def finish(self, outcome: Outcome) -> None:
        """Say how a song ended; failures are told even when quiet."""
        name = outcome.name
        if outcome.result is not None:
            if self.is_quiet:
                return
            result = outcome.result
            speed = result.duration_s / max(result.processing_time_s, 1e-3)
            text = (
                f"{name}: done in {result.processing_time_s:.1f} s ({speed:.0f}x, {result.engine})"
            )
            self.write(text, final=True)
            for note in result.notes:
                self.write(f"  {notes.describe(note)}", final=True)
            video = [] if result.video_path is None else [result.video_path]
            for path in (*result.stem_paths.values(), *video):
                self.write(f"  {path}", final=True)
        elif outcome.error is not None:
            error = outcome.error
            self.write(f"{name}: {error.message} {error.hint}".rstrip(), final=True)
        else:
            self.write(f"{name}: cancelled", final=True)

    def progress(self, text: str, *, is_milestone: bool) -> None:
        """Show how far a song is."""
        if not self.is_quiet and (self._is_terminal or is_milestone):
            self.write(text, final=not self._is_terminal)

    def say(self, text: str) -> None:
        """Write a sentence that stays."""
        if not self.is_quiet:
            self.write(text, final=True)

    def write(self, text: str, *, final: bool) -> None:
        """Write a line; on a terminal one that is not final is written over by the next."""
        text = "".join(c if c.isprintable() else "?" for c in text)
        with self._lock:
            if self._is_terminal:
                self._stream.write(f"\r\x1b[K{text}" + ("\n" if final else ""))
            else:
                self._stream.write(text + "\n")
            self._stream.flush()


class Line:
    """The progress of one song."""

    def __init__(self, screen: Screen, name: str) -> None:
        self._screen = screen
        self._name = name
        self._stage: Stage | None = None
        self._shown_s = 0.0

    def show(self, progress: Progress) -> None:
        """Take a report of the job."""
        is_milestone = progress.stage is not self._stage
        now = time.monotonic()
        if not is_milestone and now - self._shown_s < 0.1:
            return
        self._stage, self._shown_s = progress.stage, now
        left = "" if progress.eta_s is None else f", about {progress.eta_s:.0f} s left"
        percent = f"{100 * progress.overall_fraction:3.0f} %"
        text = f"{self._name}: {percent} {_STAGE_WORDS[progress.stage]}{left}"
        self._screen.progress(text, is_milestone=is_milestone)

    def say(self, text: str) -> None:
        """Write a sentence about the song that stays."""
        self._screen.say(f"{self._name}: {text}")


class Batch:
    """Songs one after the other, the children that make them, a stop-event that signals set.

    Args:
        make: makes one song; raises `Cancelled` or `KaraokeError`.
        songs: each song's path and what it is called on the screen.
        logs: where the children write theirs.
        jobs: how many songs at the same time.
        as_json: print an object per song.
        is_quiet: show no progress.
    """

    def __init__(
        self,
        make: Make,
        songs: Iterable[tuple[Path, str]],
        logs: Path,
        *,
        jobs: int = 1,
        as_json: bool = False,
        is_quiet: bool = False,
    ) -> None:
        self._make = make
        self._songs = songs
        self._logs = logs
        self._jobs = jobs
        self._as_json = as_json
        self._stop = threading.Event()
        self._screen = Screen(sys.stderr, is_quiet=is_quiet)

    def run(self) -> int:
        """Make all songs and return the exit status."""
        with stop_on_signals() as self._stop:
            statuses = self._make_all()
        if self._stop.is_set():
            return EXIT_CANCELLED
        return EXIT_OK if all(status == "completed" for status in statuses) else EXIT_FAILED

    def _make_all(self) -> list[str]:
        idle: queue.SimpleQueue[Workers] = queue.SimpleQueue()
        sets = [Workers.create(self._logs) for _ in range(self._jobs)]
        for workers in sets:
            workers.transfer.start()
            idle.put(workers)
        try:
            # jobs run in threads, so that Ctrl-C reaches this one at once
            with ThreadPoolExecutor(len(sets), thread_name_prefix="song") as pool:
                return [
                    self._tell(outcome)
                    for outcome in pool.map(lambda song: self._outcome(song, idle), self._songs)
                ]
        finally:
            for workers in sets:
                workers.close()

    def _outcome(self, song: tuple[Path, str], idle: queue.SimpleQueue[Workers]) -> Outcome:
        path, name = song
        if self._stop.is_set():
            return Outcome(path, name)
        workers = idle.get()
        try:
            line = self._screen.line(name)
            return Outcome(path, name, self._make(path.absolute(), workers, line, self._stop))
        except Cancelled:
            return Outcome(path, name)
        except KaraokeError as exc:
            return Outcome(path, name, error=exc)
        except Exception:  # the worker loop is one of the two marked borders
            log.exception("a song broke")
            fault = f"{name} could not be made because of a fault in the program."
            hint = f"The log in {self._logs} says more."
            return Outcome(path, name, error=ProcessingFailed(fault, hint=hint))
        finally:
            idle.put(workers)

    def _tell(self, outcome: Outcome) -> str:
        self._screen.finish(outcome)
        if self._as_json:
            print_json(outcome.to_json())
        return outcome.status
