"""The song that is being made: who it is, how far it is, and its waveforms filling in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from karaoke_studio.audio import rubber_band
from karaoke_studio.audio.peaks import Peaks
from karaoke_studio.jobs.job_view import JobDescription
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.playback.player import LiveSong
from karaoke_studio.progress import Progress
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Label
from karaoke_studio.ui.cover import Cover
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.timeline.live import LiveLanes
from karaoke_studio.ui.timeline.timeline import Timeline
from karaoke_studio.ui.transport import Transport
from karaoke_studio.ui.tune_controls import TuneControls

_COVER = 64
_OPENS = "It opens by itself when it is ready to sing."
_OPENS_IN_SILENCE = "It opens by itself when it is ready, unless another song is playing."
#: What hatched stretches sound like.
_SINGS = "Sing already. Grey stripes are the song as it is; the split follows."
_SINGS_DRAFT = (
    "Sing already. Coloured stripes are a draft, grey ones the song as it is; "
    "the better split follows."
)
_SINGS_AT_ONCE = "Sing already, to the song as it is; the split follows."
_ALL_THERE = "All of it is there; it is being put into the library."
_NOT_YET = "In a moment: the song is being opened"


class SongInWork(QWidget):
    """Follows the job that runs; the window decides when it is seen.

    Signals:
        changed: there is a song to show now, or another wish to see it.
        ended: there is none any more.
        live_changed: another song can be heard, or none.
    """

    changed = Signal()
    ended = Signal()
    live_changed = Signal()

    def __init__(self, look: Look, disk: Disk, queue: JobQueue, volume: float) -> None:
        super().__init__()
        self.setObjectName("song_in_work")
        self._disk = disk
        self._job_id = self._watched_id = ""
        self._is_described = False
        self._asked = 0
        self._frames = 0
        self._lanes: LiveLanes | None = None
        self._live: LiveSong | None = None
        #: Told before the song's own peaks were read.
        self._early: list[dict[str, Any]] = []
        self.cover = Cover(look, disk, _COVER)
        self.title = Label(size=theme.TITLE, strong=True)
        self.title.setObjectName("song_in_work_title")
        self.artist = Label(tone="muted")
        self.stage = Label(tone="muted")
        self.stage.setObjectName("song_in_work_stage")
        self.share = Label(strong=True, tone="accent", tabular=True)
        self.share.setObjectName("song_in_work_share")
        for label in (self.stage, self.share):
            label.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.timeline = Timeline(look, has_spectrogram=False)
        self.timeline.setObjectName("song_in_work_timeline")
        self.hint = Label(_OPENS, tone="muted")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.transport = Transport(look, volume)
        self.transport.next_button.hide()
        self.transport.places_button.hide()
        self.transport.leave_out_beats()
        self.tune = TuneControls(look)
        for panel in (self.transport, self.tune):
            for part in (panel, *panel.findChildren(QWidget)):
                part.setObjectName(f"work_{part.objectName()}")
        self._lay_out()
        self._show_live(None)
        queue.job_started.connect(self._on_started)
        queue.job_described.connect(self._on_described)
        queue.job_waves.connect(self._on_waves)
        queue.job_live.connect(self._on_live)
        queue.job_progressed.connect(self._on_progressed)
        queue.job_finished.connect(self._on_over)
        for over in (queue.job_failed, queue.job_cancelled):
            over.connect(self._on_failed)
        disk.peaks_read.connect(self._on_peaks_read)

    def _lay_out(self) -> None:
        names = QVBoxLayout()
        names.setSpacing(2)
        names.addWidget(self.title)
        names.addWidget(self.artist)
        progress = QVBoxLayout()
        progress.setSpacing(2)
        progress.addWidget(self.stage)
        progress.addWidget(self.share)
        head = QHBoxLayout()
        head.setSpacing(theme.L)
        head.addWidget(self.cover, 0, Qt.AlignmentFlag.AlignVCenter)
        head.addLayout(names, 1)
        head.addLayout(progress)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.XL, theme.L, theme.XL, theme.L)
        column.setSpacing(theme.M)
        column.addLayout(head)
        column.addWidget(self.timeline, 1)
        column.addWidget(self.transport)
        below = QHBoxLayout()
        below.setSpacing(theme.XL)
        below.addWidget(self.tune)
        below.addWidget(self.hint, 1)
        column.addLayout(below)

    def is_filled(self) -> bool:
        """Whether there is a song to show."""
        return bool(self._job_id) and self._is_described

    def job_id(self) -> str:
        """Return the job that is shown, "" where there is none."""
        return self._job_id if self._is_described else ""

    @Slot(str)
    def watch(self, job_id: str) -> None:
        """Be wanted in front of the song that is open, or no more when it was already."""
        self._watched_id = "" if job_id == self._watched_id else job_id
        self._show_hint()
        self.changed.emit()

    def live(self) -> LiveSong | None:
        """Return the song that can be heard, None where there is none yet."""
        return self._live

    def set_position(self, frame: int) -> None:
        """Move playhead and time."""
        if self._live is not None:
            rate = self._live.sample_rate
            self.timeline.set_position(frame)
            self.transport.set_time(frame / rate, self._live.frames / rate)

    def show_loop(self, stretch: tuple[int, int] | None, *, is_on: bool) -> None:
        """Show which stretch is repeated, and whether."""
        self.timeline.show_loop(stretch, is_on=is_on)
        self.transport.set_looping(is_on)

    def _show_hint(self) -> None:
        lanes = self._lanes
        if self._live is None:
            self.hint.setText(_OPENS_IN_SILENCE if self._watched_id else _OPENS)
        elif lanes is None:
            self.hint.setText(_SINGS_AT_ONCE)
        elif lanes.share_ready == 1.0:
            self.hint.setText(_ALL_THERE)
        else:
            self.hint.setText(_SINGS_DRAFT if lanes.has_draft else _SINGS)

    def _show_live(self, live: LiveSong | None) -> None:
        self._live = live
        transport = self.transport
        for part in (transport.play_button, transport.previous_button, transport.loop_button):
            part.set_available(live is not None, _NOT_YET)
        transport.switch.setEnabled(live is not None)
        self.tune.setEnabled(live is not None and rubber_band.library() is not None)
        transport.set_time(0, 0 if live is None else live.frames / live.sample_rate)
        self.show_loop(None, is_on=False)
        self._show_hint()
        self.live_changed.emit()

    @Slot(str, object)
    def _on_live(self, job_id: str, live: LiveSong) -> None:
        if job_id == self._job_id:
            self._show_live(live)

    def leave(self) -> None:
        """Be wanted no more."""
        if self._watched_id:
            self.watch(self._watched_id)

    def was_watched(self, job_id: str) -> bool:
        """Return whether a song was last wanted in front."""
        return bool(job_id) and job_id == self._watched_id

    @Slot(str)
    def _on_started(self, job_id: str) -> None:
        self._job_id, self._is_described = job_id, False
        self._asked, self._lanes = 0, None
        self._early.clear()
        self._show_live(None)
        self.stage.setText("")
        self.share.setText("")
        self.timeline.show_song(0, 44_100)

    @Slot(str, object)
    def _on_described(self, job_id: str, facts: JobDescription) -> None:
        if job_id != self._job_id:
            return
        self._is_described = True
        self.title.setText(facts.title)
        self.artist.setText(facts.artist or "Unknown artist")
        self.cover.show_cover(facts.cover_path, facts.title)
        self.changed.emit()

    @Slot(str, object)
    def _on_waves(self, job_id: str, facts: dict[str, Any]) -> None:
        if job_id != self._job_id:
            return
        if "original" in facts:
            self._lanes = None
            self._early.clear()
            self._frames = facts["frames"]
            position, loop = self.timeline.position(), self.timeline.loop()
            self.timeline.show_song(facts["frames"], facts["sample_rate"])
            self.timeline.set_position(position)
            self.timeline.show_loop(loop, is_on=loop is not None)
            self._asked = self._disk.ask_peaks(Path(facts["original"]))
        elif self._lanes is None:
            self._early.append(facts)
        else:
            self._lanes.add(facts)
            self.timeline.show_lanes(self._lanes)
            self._show_hint()

    @Slot(int, object)
    def _on_peaks_read(self, number: int, peaks: Peaks | None) -> None:
        if number != self._asked or peaks is None or peaks.frames != self._frames:
            return
        self._lanes = LiveLanes(peaks)
        for facts in self._early:
            self._lanes.add(facts)
        self._early.clear()
        self.timeline.show_lanes(self._lanes)
        self._show_hint()

    @Slot(str, object)
    def _on_progressed(self, job_id: str, progress: Progress) -> None:
        if job_id != self._job_id:
            return
        self.stage.setText(text.stage(progress.stage))
        left = "" if progress.eta_s is None else text.time_left(progress.eta_s)
        self.share.setText(text.joined(text.percent(progress.overall_fraction), left))

    @Slot(str)
    @Slot(str, object)
    def _on_over(self, job_id: str, _facts: object = None) -> None:
        if job_id != self._job_id:
            return
        self._job_id, self._is_described = "", False
        self._asked, self._lanes = 0, None
        self.timeline.show_song(0, 44_100)
        self.ended.emit()

    @Slot(str)
    @Slot(str, object)
    def _on_failed(self, job_id: str, _facts: object = None) -> None:
        if job_id == self._job_id:
            self._on_over(job_id)
            self.forget_live()

    def forget_live(self) -> None:
        """Let go of a song that has been made: its take is heard now, or nobody heard it."""
        if not self._job_id:
            self._show_live(None)
