"""One song of the queue: how far it is, what went wrong, and what can be done about it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from PySide6.QtCore import QPoint, QRectF, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QSizePolicy, QWidget

from karaoke_studio import notes
from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobResult
from karaoke_studio.jobs.job_view import JobDescription, JobView
from karaoke_studio.progress import Progress
from karaoke_studio.ui import messages, text, theme
from karaoke_studio.ui.controls import Button, Kind, Label, SmoothBar, paint_focus
from karaoke_studio.ui.cover import Cover
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.theme import Look

ROW_HEIGHT, CARD_HEIGHT = 36, 64
_COVER, _CARD_COVER = 28, 40
#: Below this width the engine is left out.
_HOW_WIDTH = 880


class RowState(Enum):
    """What a row shows."""

    WAITING = "waiting"
    HELD = "held"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPORTING = "exporting"
    UNEXPORTED = "unexported"


#: Songs that are still to be made.
BUSY = frozenset({RowState.WAITING, RowState.HELD, RowState.RUNNING})
#: Songs whose place in the line can be changed.
MOVABLE = frozenset({RowState.WAITING, RowState.HELD})
_TROUBLED = frozenset({RowState.FAILED, RowState.UNEXPORTED})
_ENTER = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter})


class _Note(Label):
    """Says how far a song is or what went wrong, on as many lines as there is room for."""

    def _fits(self) -> bool:
        wrapped = self.fontMetrics().boundingRect(
            self.rect(), Qt.TextFlag.TextWordWrap.value, self.text()
        )
        return wrapped.height() <= self.height()

    def _shown(self) -> str:
        return self.text() if self._fits() else super()._shown()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint all of it, or what fits."""
        if not self._fits():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        flags = Qt.TextFlag.TextWordWrap.value | Qt.AlignmentFlag.AlignVCenter.value
        painter.drawText(self.rect(), flags, self.text())


class JobRow(QWidget):
    """One song on its way.

    Signals:
        cancel_requested, retry_requested, dismiss_requested, export_requested, show_requested:
            job id.
        move_requested: job id, rows down (-1 = up).
        menu_requested: job id, point on the screen.
        dragged: job id, point on the screen; dropped: job id; drag_ended: it was let go elsewhere.
        step_requested: job id, rows down to which the keyboard goes.
    """

    cancel_requested = Signal(str)
    retry_requested = Signal(str)
    dismiss_requested = Signal(str)
    export_requested = Signal(str)
    show_requested = Signal(str)
    move_requested = Signal(str, int)
    menu_requested = Signal(str, QPoint)
    dragged = Signal(str, QPoint)
    dropped = Signal(str)
    drag_ended = Signal()
    step_requested = Signal(str, int)

    def __init__(self, look: Look, disk: Disk, job: JobView) -> None:
        super().__init__()
        title = job.title
        self.job, self.job_id = job, job.job_id
        self._file_name, self._is_described = job.path.name, False
        self._look, self._is_card, self._is_leaving = look, False, False
        self._pressed_at: QPoint | None = None
        self._is_dragged = False
        self.state = RowState.WAITING
        self.setObjectName("job_row")
        self.setFixedHeight(ROW_HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.cover = Cover(look, disk, _COVER)
        self.title = Label(title)
        self.title.setObjectName("job_title")
        self.stage = Label(tone="muted")
        self.stage.setObjectName("job_stage")
        self.bar = SmoothBar(look, "job_bar", f"Progress of {text.one_line(title)}")
        self.note = _Note(tone="muted", tabular=True)
        self.note.setObjectName("job_note")
        self.how = Label(tone="muted")
        self.how.setObjectName("job_engine")
        self.how.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.retry_button = Button(
            look, "retry_button", "Try again", icon="arrow-clockwise", kind=Kind.NORMAL
        )
        self.close_button = Button(look, "cancel_button", icon="x", kind=Kind.QUIET, says=" ")
        self.retry_button.clicked.connect(self._on_retry)
        self.close_button.clicked.connect(self.close_job)
        self._lay_out()
        self.set_title(title, None)
        self.show_engine(job)
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
        tail.addWidget(self.how, 1)
        tail.addWidget(self.retry_button)
        place = QWidget()
        place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        place.setLayout(tail)
        tail.setContentsMargins(0, 0, 0, 0)
        row.addWidget(place, 58)
        row.addWidget(self.close_button)
        for label in (self.title, self.stage):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    # -- what is shown

    def set_roomy(self, roomy: bool) -> None:
        """Be a card of its own, or a line among lines."""
        if roomy == self._is_card:
            return
        self._is_card = roomy
        self.setFixedHeight(CARD_HEIGHT if roomy else ROW_HEIGHT)
        size = _CARD_COVER if roomy else _COVER
        self.cover.setFixedSize(size, size)
        self.update()

    def set_title(self, title: str, description: JobDescription | None) -> None:
        """Show the song's name; its artist and cover once they are known."""
        self._is_described = description is not None
        artist = description.artist if description else ""
        cover = description.cover_path if description else None
        self.title.setText(text.joined(title, artist))
        self.cover.show_cover(cover, title)
        self.bar.setAccessibleName(f"Progress of {text.one_line(title)}")
        self._tell_name()

    def show_engine(self, job: JobView) -> None:
        """Show what the song is made with."""
        self.how.setText(text.made_with(job.engine, makeshift=job.is_makeshift))

    def show_waiting(self) -> None:
        """Show that its turn has not come."""
        self.close_button.setEnabled(True)
        self.bar.restart()
        self._switch(RowState.WAITING, "Waiting", "muted", "")

    def show_held(self, held: bool) -> None:
        """Show that it is left out till it is let go."""
        if held:
            self._switch(RowState.HELD, "Paused", "muted", "")
        else:
            self.show_waiting()

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

    def show_done(self, result: JobResult) -> None:
        """Show that it is ready, and by which way where that was not the one asked for."""
        self.close_button.setEnabled(True)
        self.bar.advance(1.0)
        ways = [notes.describe(note) for note in result.notes if note.startswith(notes.FALLBACK)]
        self._is_leaving = not ways
        self.how.setText(text.made_with(result.engine, makeshift=False))
        self._switch(RowState.DONE, "Ready", "ok", " ".join(ways))
        self.note.set_tone("warn" if ways else "muted")

    def show_exporting(self, folder: Path) -> None:
        """Show that its files are being written."""
        self._is_leaving = False
        self._switch(RowState.EXPORTING, "Ready", "ok", f"Writing files to {folder.name} …")

    def show_exported(self, files: int, folder: str) -> None:
        """Show that its files are written."""
        self._is_leaving = True
        self._switch(RowState.DONE, "Ready", "ok", text.exported(files, folder))

    def show_unexported(self, error: KaraokeError) -> None:
        """Show why its files could not be written."""
        words = messages.export_failure(error)
        self._is_leaving = False
        self._say_retry("Export again")
        self._switch(RowState.UNEXPORTED, "Ready", "ok", f"Not exported: {words.sentence}")

    def show_failed(self, error: KaraokeError) -> None:
        """Show what happened in one sentence, with the way on."""
        self.close_button.setEnabled(True)
        words = messages.job_failure(error)
        if not self._is_described:
            self.title.setText(self._file_name)
        self._say_retry(words.action)
        self._switch(RowState.FAILED, "Failed", "error", words.sentence)

    def is_leaving(self) -> bool:
        """Whether the row says nothing that must be read: it may go by itself."""
        return self.state is RowState.DONE and self._is_leaving

    def _say_retry(self, words: str) -> None:
        self.retry_button.setText(words)
        self.retry_button.updateGeometry()
        self.retry_button.setAccessibleName(f"{words}: {self.title.text()}")

    def _switch(self, state: RowState, stage: str, tone: str, note: str) -> None:
        self.state = state
        troubled = state in _TROUBLED
        self.stage.setText(stage)
        self.stage.set_tone(tone)
        self.note.setText(note)
        self.note.set_tone("" if troubled else "muted")
        self.bar.setVisible(state in BUSY or not note)
        self.retry_button.setVisible(troubled)
        self._fit()
        word = "Cancel" if state in BUSY else "Dismiss"
        self.close_button.setAccessibleName(f"{word}: {self.title.text()}")
        self.close_button.setToolTip(word)
        shape = Qt.CursorShape.ArrowCursor
        if state in MOVABLE:
            shape = Qt.CursorShape.OpenHandCursor
        elif state is RowState.RUNNING:
            shape = Qt.CursorShape.PointingHandCursor
        self.setCursor(shape)
        self.setToolTip("Show this song while it is made" if state is RowState.RUNNING else "")
        self._tell_name()

    def _tell_name(self) -> None:
        said = (self.title.text(), self.stage.text(), self.note.text())
        self.setAccessibleName(", ".join(part for part in said if part))

    def _fit(self) -> None:
        """Leave the engine out where a sentence or the window needs the room."""
        busy = self.state in BUSY
        self.how.setVisible(busy and bool(self.how.text()) and self.width() >= _HOW_WIDTH)

    # -- keyboard and mouse

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move through the rows, or move the row."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        if steps and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.move_requested.emit(self.job_id, steps)
        elif steps:
            self.step_requested.emit(self.job_id, steps)
        elif event.key() == Qt.Key.Key_Delete:
            self.close_job()
        elif event.key() in _ENTER and self.state is RowState.RUNNING:
            self.show_requested.emit(self.job_id)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done."""
        is_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        corner = self.mapToGlobal(QPoint(theme.L + _COVER, self.height() - theme.XS))
        self.menu_requested.emit(self.job_id, event.globalPos() if is_mouse else corner)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold."""
        super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and self.state in MOVABLE:
            self._pressed_at = event.position().toPoint()
            event.accept()
        elif event.button() == Qt.MouseButton.LeftButton and self.state is RowState.RUNNING:
            self.show_requested.emit(self.job_id)
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the row up or down."""
        if self._pressed_at is None:
            return
        way = (event.position().toPoint() - self._pressed_at).manhattanLength()
        if self._is_dragged or way >= QApplication.startDragDistance():
            self._is_dragged = True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.dragged.emit(self.job_id, event.globalPosition().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        super().mouseReleaseEvent(event)
        if self._end_drag():
            self.dropped.emit(self.job_id)

    def _end_drag(self) -> bool:
        was_dragged, self._is_dragged, self._pressed_at = self._is_dragged, False, None
        if was_dragged:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        return was_dragged

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the ring; a drag that another window took over ends where it began."""
        super().focusOutEvent(event)
        if self._end_drag():
            self.drag_ended.emit()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the engine where there is room."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the card, and the ring of the keyboard."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self._is_card:
            painter.setBrush(QColor(self._look.tokens.panel))
            painter.drawRoundedRect(self.rect(), theme.CARD_RADIUS, theme.CARD_RADIUS)
        elif self._is_dragged:
            painter.setBrush(QColor(self._look.tokens.raised))
            painter.drawRoundedRect(self.rect(), theme.RADIUS, theme.RADIUS)
        if self.hasFocus():
            radius = theme.CARD_RADIUS if self._is_card else theme.RADIUS
            ring = QRectF(self.rect()).adjusted(1, 1, -1, -1)
            paint_focus(painter, ring, radius, self._look.tokens.accent)

    @Slot()
    def _on_retry(self) -> None:
        if self.state is RowState.UNEXPORTED:
            self.export_requested.emit(self.job_id)
        else:
            self.retry_requested.emit(self.job_id)

    @Slot()
    def close_job(self) -> None:
        """Cancel what is still to be made, dismiss what is over."""
        if self.state in BUSY:
            if self.close_button.isEnabled():
                # Cancelling takes up to a second; the row answers at once.
                self.stage.setText("Cancelling")
                self.close_button.setEnabled(False)
                self.cancel_requested.emit(self.job_id)
        else:
            self.dismiss_requested.emit(self.job_id)
