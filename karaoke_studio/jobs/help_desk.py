"""Answers questions about the program itself in a thread of its own."""

from __future__ import annotations

import logging
import threading

from PySide6.QtCore import QObject, Signal

from karaoke_studio.doctor import report_health, sentences
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.licences import Part, list_parts, read_papers
from karaoke_studio.paths import DataFolder
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import Workers

log = logging.getLogger(__name__)


class HelpDesk(QObject):
    """Health of this computer, licences of the parts.

    Signals:
        diagnosed(text): what works here; "" where it could not be found out.
        parts_found(list of Part), papers_read(Part, text).

    Thread: GUI; the work is done in a lane that `close` ends.
    """

    diagnosed = Signal(str)
    parts_found = Signal(object)
    papers_read = Signal(object, str)

    def __init__(self, data: DataFolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._data = data
        self._lane = Lane("help-desk", self)
        self._stop = threading.Event()

    def ask_diagnosis(self) -> None:
        """Begin to find out what works on this computer."""
        self._lane.put(self._diagnose)

    def ask_parts(self) -> None:
        """Begin to list what the program is made of."""
        self._lane.put(lambda: self.parts_found.emit(list_parts()))

    def ask_papers(self, part: Part) -> None:
        """Begin to read a part's licences."""
        self._lane.put(lambda: self.papers_read.emit(part, read_papers(part)))

    def close(self) -> None:
        """Stop, and wait for the end."""
        self._stop.set()
        self._lane.close()

    def _diagnose(self) -> None:
        # children of its own: those of the jobs may be busy for minutes
        workers = Workers.create(self._data.logs)
        report = ""
        try:
            report = "\n".join(sentences(report_health(self._data, workers, self._stop)))
        except Cancelled:
            return
        except OSError as exc:
            log.warning("this computer could not be looked at: %s", exc)
        finally:
            workers.close()
        self.diagnosed.emit(report)
