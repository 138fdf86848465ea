"""The queue: what is being made, how long it takes, and what went wrong."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QEasingCurve, Qt, QTimer, QVariantAnimation, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobState
from karaoke_studio.jobs.queue import JobDescription, JobView
from karaoke_studio.progress import Progress
from karaoke_studio.ui import messages, text, theme
from karaoke_studio.ui.controls import Button, Kind, Label, SmoothBar, motion_ms, separator
from karaoke_studio.ui.cover import Cover
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.theme import Look

#: How many waiting songs get a row of their own; the rest is counted.
ROW_LIMIT = 16
#: A finished row says so for this long.
DONE_MS = 2500
_ROW, _COVER = 36, 28
_CARD, _CARD_COVER = 64, 40
_ROOMY_WIDTH = 920
#: Qt's largest height of a widget.
_UNLIMITED = 16_777_215
_RUNS = QVariantAnimation.State.Running


class RowState(Enum):
    """What a row shows."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


_BUSY = frozenset({RowState.WAITING, RowState.RUNNING})


class JobRow(QWidget):
    """One song on its way.

    Signals:
        cancel_requested, retry_requested, dismiss_requested: job id.
    """

    cancel_requested = Signal(str)
    retry_requested = Signal(str)
    dismiss_requested = Signal(str)

    def __init__(self, look: Look, disk: Disk, job: JobView) -> None:
        super().__init__()
        title = job.title
        self.job_id = job.job_id
        self._file_name, self._is_described = job.path.name, False
        self._look, self._is_card = look, False
        self.state = RowState.WAITING
        self.setObjectName("job_row")
        self.setFixedHeight(_ROW)
        self.cover = Cover(look, disk, _COVER)
        self.title = Label(title)
        self.title.setObjectName("job_title")
        self.stage = Label(tone="muted")
        self.stage.setObjectName("job_stage")
        self.bar = SmoothBar(look, "job_bar", f"Progress of {text.one_line(title)}")
        self.note = Label(tone="muted", tabular=True)
        self.note.setObjectName("job_note")
        self.retry_button = Button(
            look, "retry_button", "Try again", icon="arrow-clockwise", kind=Kind.NORMAL
        )
        self.close_button = Button(look, "cancel_button", icon="x", kind=Kind.QUIET, says=" ")
        self.retry_button.clicked.connect(self._on_retry)
        self.close_button.clicked.connect(self._on_close)
        self._lay_out()
        self.set_title(title, None)
        self.show_waiting()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.L, 0, theme.S, 0)
        row.setSpacing(theme.M)
        row.addWidget(self.cover)
        row.addWidget(self.title, 30)
        row.addWidget(self.stage, 12)
        # Bar, note and button share one place, so that the columns of all rows stay in line.
        tail = QHBoxLayout()
        tail.setSpacing(theme.M)
        tail.addWidget(self.bar, 1)
        tail.addWidget(self.note, 1)
        tail.addWidget(self.retry_button)
        place = QWidget()
        place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        place.setLayout(tail)
        tail.setContentsMargins(0, 0, 0, 0)
        row.addWidget(place, 58)
        row.addWidget(self.close_button)
        for label in (self.title, self.stage):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def set_roomy(self, roomy: bool) -> None:
        """Be a card of its own, or a line among lines."""
        self._is_card = roomy
        self.setFixedHeight(_CARD if roomy else _ROW)
        self.cover.setFixedSize(_CARD_COVER if roomy else _COVER, _CARD_COVER if roomy else _COVER)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the card."""
        if self._is_card:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._look.tokens.panel))
            painter.drawRoundedRect(self.rect(), theme.CARD_RADIUS, theme.CARD_RADIUS)

    def set_title(self, title: str, description: JobDescription | None) -> None:
        """Show the song's name; its artist and cover once they are known."""
        self._is_described = description is not None
        artist = description.artist if description else ""
        cover = description.cover_path if description else None
        self.title.setText(text.joined(title, artist))
        self.cover.show_cover(cover, title)
        self.bar.setAccessibleName(f"Progress of {text.one_line(title)}")

    def show_waiting(self) -> None:
        """Show that its turn has not come."""
        self.close_button.setEnabled(True)
        self.bar.restart()
        self._switch(RowState.WAITING, "Waiting", "muted", "")

    def show_running(self) -> None:
        """Show that it has begun."""
        if not self.close_button.isEnabled():
            return
        self._switch(RowState.RUNNING, "Starting", "muted", "")

    def show_progress(self, progress: Progress) -> None:
        """Show stage, per cent and time left."""
        if not self.close_button.isEnabled():  # it is being cancelled
            return
        self.bar.advance(progress.overall_fraction)
        share = text.percent(self.bar.goal)
        note = text.joined(share, text.time_left(progress.eta_s))
        self._switch(RowState.RUNNING, text.stage(progress.stage), "muted", note)

    def show_done(self) -> None:
        """Show that it is ready."""
        self.close_button.setEnabled(True)
        self.bar.advance(1.0)
        self._switch(RowState.DONE, "Ready", "ok", "")

    def show_failed(self, error: KaraokeError) -> None:
        """Show what happened in one sentence, with the way on."""
        self.close_button.setEnabled(True)
        words = messages.job_failure(error)
        if not self._is_described:
            self.title.setText(self._file_name)
        self.retry_button.setText(words.action)
        self.retry_button.setAccessibleName(f"{words.action}: {self.title.text()}")
        self._switch(RowState.FAILED, "Failed", "error", words.sentence)

    def _switch(self, state: RowState, stage: str, tone: str, note: str) -> None:
        self.state = state
        failed = state is RowState.FAILED
        self.stage.setText(stage)
        self.stage.set_tone(tone)
        self.note.setText(note)
        self.note.set_tone("" if failed else "muted")
        self.bar.setVisible(not failed)
        self.retry_button.setVisible(failed)
        running = state in _BUSY
        word = "Cancel" if running else "Dismiss"
        self.close_button.setAccessibleName(f"{word}: {self.title.text()}")
        self.close_button.setToolTip(word)

    @Slot()
    def _on_retry(self) -> None:
        self.retry_requested.emit(self.job_id)

    @Slot()
    def _on_close(self) -> None:
        if self.state in _BUSY:
            # Cancelling takes up to a second; the row answers at once.
            self.stage.setText("Cancelling")
            self.close_button.setEnabled(False)
            self.cancel_requested.emit(self.job_id)
        else:
            self.dismiss_requested.emit(self.job_id)


class QueuePanel(QWidget):
    """The songs that are being made.

    Signals:
        cancel_requested, retry_requested, dismiss_requested: job id.
        filled_changed: whether there is anything to show.
    """

    cancel_requested = Signal(str)
    retry_requested = Signal(str)
    dismiss_requested = Signal(str)
    filled_changed = Signal(bool)

    def __init__(self, look: Look, disk: Disk) -> None:
        super().__init__()
        self._look, self._disk = look, disk
        self._rows: dict[str, JobRow] = {}
        self._beyond: dict[str, JobView] = {}
        self.setObjectName("queue_panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.heading = Label(tone="muted")
        self.heading.setObjectName("queue_heading")
        self.promise = Label("A song opens by itself as soon as it is ready.", tone="muted")
        self.more = Label(tone="muted")
        self.more.setObjectName("queue_more")
        self.more.setContentsMargins(theme.L, 0, 0, 0)
        self.fold_button = Button(look, "fold_button", icon="caret-down", kind=Kind.QUIET)
        self.cancel_all_button = Button(look, "cancel_all_button", "Cancel all", kind=Kind.QUIET)
        self.clear_button = Button(look, "clear_failed_button", "Dismiss failed", kind=Kind.QUIET)
        self.fold_button.clicked.connect(self._on_fold)
        self.cancel_all_button.clicked.connect(self._on_cancel_all)
        self.clear_button.clicked.connect(self._on_clear_failed)
        self._is_folded = False
        self._is_roomy = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._tell)
        self._grow = QVariantAnimation(self)
        self._grow.setEasingCurve(QEasingCurve.Type.OutQuad)
        self._grow.valueChanged.connect(self._on_grown)
        self._lay_out()
        self._tell()

    def _lay_out(self) -> None:
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.more)
        self._column.addStretch(1)
        self.area = QScrollArea()
        self.area.setObjectName("queue_list")
        self.area.setAccessibleName("Queue")
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setWidgetResizable(True)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(inner)
        self._top = QHBoxLayout()
        self._top.setSpacing(theme.XS)
        self._top.addWidget(self.heading, 1)
        self._top.addWidget(self.cancel_all_button)
        self._top.addWidget(self.clear_button)
        self._top.addWidget(self.fold_button)
        self._line = separator(self._look)
        self._body = QVBoxLayout()
        self._body.setSpacing(0)
        self._body.addLayout(self._top)
        self._body.addWidget(self.promise)
        self._body.addWidget(self.area, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._line)
        column.addLayout(self._body, 1)

    def row(self, job_id: str) -> JobRow | None:
        """Return a job's row, if it has one."""
        return self._rows.get(job_id)

    def rows(self) -> list[JobRow]:
        """Return the rows from top to bottom."""
        return list(self._rows.values())

    def is_filled(self) -> bool:
        """Return whether there is anything to show."""
        return bool(self._rows or self._beyond)

    def unfinished(self) -> int:
        """Return how many songs are waiting or running."""
        return sum(row.state in _BUSY for row in self._rows.values()) + len(self._beyond)

    def set_roomy(self, roomy: bool) -> None:
        """Fill the middle of the window, or be a strip of a few rows at the bottom."""
        self._is_roomy = roomy
        self.setProperty("roomy", roomy)
        self.heading.set_tone("" if roomy else "muted")
        self.style().unpolish(self)
        self.style().polish(self)
        # Polishing puts the old font back, so the new one comes last.
        self.heading.setFont(theme.font(theme.TITLE if roomy else theme.BODY, strong=roomy))
        self._fit()

    @Slot(object)
    def add_job(self, job: JobView) -> None:
        """Add a song at the end."""
        if job.job_id in self._rows or job.job_id in self._beyond:
            return
        was_filled = self.is_filled()
        waits = job.state is JobState.QUEUED
        if waits and len(self._rows) >= ROW_LIMIT:
            self._beyond[job.job_id] = job
        else:
            self._add_row(job)
        self._tell_soon()
        if not was_filled:
            self.filled_changed.emit(True)

    def remove_job(self, job_id: str) -> None:
        """Drop a song's row."""
        if self._beyond.pop(job_id, None) is None:
            row = self._rows.pop(job_id, None)
            if row is None:
                return
            had_focus = row.isAncestorOf(self.window().focusWidget() or self)
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
            if had_focus:
                self.fold_button.setFocus()
            if self._beyond:
                self._add_row(self._beyond.pop(next(iter(self._beyond))))
        self._tell_soon()
        if not self.is_filled():
            self.filled_changed.emit(False)

    @Slot(str)
    def start_job(self, job_id: str) -> None:
        """Show that a song is being made now."""
        if job_id in self._beyond:
            self._add_row(self._beyond.pop(job_id))
        if row := self._rows.get(job_id):
            row.show_running()
        self._tell_soon()

    @Slot(str, object)
    def describe_job(self, job_id: str, description: JobDescription) -> None:
        """Show a song's title and cover."""
        if row := self._rows.get(job_id):
            row.set_title(description.title, description)

    @Slot(str, object)
    def show_progress(self, job_id: str, progress: Progress) -> None:
        """Show how far a song is."""
        if row := self._rows.get(job_id):
            row.show_progress(progress)

    @Slot(str)
    def finish_job(self, job_id: str) -> None:
        """Show that a song is ready; its row goes away by itself."""
        if row := self._rows.get(job_id):
            row.show_done()
            timer = QTimer(row)
            timer.setSingleShot(True)
            timer.timeout.connect(row._on_close)
            timer.start(DONE_MS)
        self._tell_soon()

    @Slot(str, object)
    def fail_job(self, job_id: str, error: KaraokeError) -> None:
        """Show why a song could not be made."""
        if job_id in self._beyond:
            self._add_row(self._beyond.pop(job_id))
        if row := self._rows.get(job_id):
            row.show_failed(error)
        self._tell_soon()

    def _add_row(self, job: JobView) -> None:
        row = JobRow(self._look, self._disk, job)
        row.cancel_requested.connect(self.cancel_requested)
        row.retry_requested.connect(self._on_retry)
        row.dismiss_requested.connect(self.dismiss_requested)
        if job.state is JobState.RUNNING:
            row.show_running()
        elif job.error is not None:
            row.show_failed(job.error)
        self._rows[job.job_id] = row
        self._column.insertWidget(self._column.indexOf(self.more), row)

    def _tell_soon(self) -> None:
        """Tell once for a whole burst of songs: a thousand can come or go in one turn."""
        if not self._soon.isActive():
            self._soon.start(0)

    @Slot()
    def _tell(self) -> None:
        states = [row.state for row in self._rows.values()]
        failed = states.count(RowState.FAILED)
        waiting = states.count(RowState.WAITING) + len(self._beyond)
        self.heading.setText(text.queue_summary(waiting, states.count(RowState.RUNNING), failed))
        self.clear_button.setVisible(failed > 1)
        self.cancel_all_button.setVisible(self.unfinished() > 1)
        self.more.setText(f"and {len(self._beyond):,} more")
        self.more.setVisible(bool(self._beyond))
        self._fit()

    def _fit(self) -> None:
        """Give the list the height of up to three rows, or all there is."""
        roomy = self._is_roomy
        self.fold_button.setVisible(not roomy)
        self._line.setVisible(not roomy)
        self.promise.setVisible(roomy)
        self.area.setVisible(roomy or not self._is_folded)
        self.fold_button.set_icon("caret-up" if self._is_folded else "caret-down")
        word = "Show the queue" if self._is_folded else "Fold the queue away"
        self.fold_button.setAccessibleName(word)
        self.fold_button.setToolTip(word)
        for row in self._rows.values():
            row.set_roomy(roomy)
        self._column.setSpacing(theme.S if roomy else 0)
        if roomy:
            self.area.setMinimumHeight(0)
            self.area.setMaximumHeight(_UNLIMITED)
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        else:
            self._grow_to(_ROW * min(max(len(self._rows), 1), 3))
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._set_margins()

    def _grow_to(self, height: int) -> None:
        """Ease the strip to a height; what is above moves along instead of jumping."""
        duration = motion_ms()
        if not duration or not self.area.isVisible() or self.area.maximumHeight() == _UNLIMITED:
            self._grow.stop()
            self.area.setFixedHeight(height)
        elif self._grow.endValue() != height or self._grow.state() != _RUNS:
            self._grow.stop()
            self._grow.setDuration(duration)
            self._grow.setStartValue(self.area.height())
            self._grow.setEndValue(height)
            self._grow.start()

    @Slot(object)
    def _on_grown(self, height: int) -> None:
        if not self._is_roomy:
            self.area.setFixedHeight(height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the cards at a width that the eye can follow."""
        super().resizeEvent(event)
        self._set_margins()

    def _set_margins(self) -> None:
        if self._is_roomy:
            side = max((self.width() - _ROOMY_WIDTH) // 2, theme.XL)
            self._body.setContentsMargins(side, 2 * theme.XXL, side, theme.XL)
            self._top.setContentsMargins(0, 0, 0, 0)
            self._column.setContentsMargins(0, theme.L, 0, 0)
        else:
            self._body.setContentsMargins(0, 0, 0, theme.S)
            self._top.setContentsMargins(theme.L, theme.XS, theme.S, 0)
            self._column.setContentsMargins(0, 0, 0, 0)

    @Slot()
    def _on_cancel_all(self) -> None:
        for job_id in [*self._beyond, *self._rows]:
            row = self._rows.get(job_id)
            if row is None or row.state in _BUSY:
                self.cancel_requested.emit(job_id)

    @Slot(str)
    def _on_retry(self, job_id: str) -> None:
        if row := self._rows.get(job_id):
            row.show_waiting()
        self._tell_soon()
        self.retry_requested.emit(job_id)

    @Slot()
    def _on_fold(self) -> None:
        self._is_folded = not self._is_folded
        self._fit()

    @Slot()
    def _on_clear_failed(self) -> None:
        for row in self.rows():
            if row.state is RowState.FAILED:
                self.dismiss_requested.emit(row.job_id)
