"""The queue: what is being made, how long it takes, and what went wrong."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import (
    QEasingCurve,
    QPoint,
    Qt,
    QTimer,
    QVariantAnimation,
    Signal,
    SignalInstance,
    Slot,
)
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import JobResult, JobState
from karaoke_studio.jobs.job_view import JobDescription, JobView
from karaoke_studio.progress import Progress
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Kind, Label, motion_ms, separator
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.job_row import BUSY, MOVABLE, ROW_HEIGHT, JobRow, RowState
from karaoke_studio.ui.theme import Look

#: How many waiting songs get a row of their own; the rest is counted.
ROW_LIMIT = 50
#: A finished row says so for this long.
DONE_MS = 2500
_ROOMY_WIDTH = 920
#: Qt's largest height of a widget.
_UNLIMITED = 16_777_215
_RUNS = QVariantAnimation.State.Running
#: So near to an edge a dragged row scrolls the list, by so much.
_SCROLL_EDGE, _SCROLL_STEP = 24, 8


class QueuePanel(QWidget):
    """The songs that are being made.

    Signals:
        cancel_requested, retry_requested, dismiss_requested, next_requested, export_requested,
            show_requested: job id.
        retry_with_requested: job id, engine.
        make_with_requested: job id of a song that waits, engine.
        hold_requested: job id, whether it is to be left out.
        move_requested: job id, rows down; place_requested: job id, job before which it goes or "".
        pause_requested: whether the whole queue is to pause.
        filled_changed: whether there is anything to show.
    """

    cancel_requested = Signal(str)
    retry_requested = Signal(str)
    dismiss_requested = Signal(str)
    next_requested = Signal(str)
    export_requested = Signal(str)
    show_requested = Signal(str)
    retry_with_requested = Signal(str, str)
    make_with_requested = Signal(str, str)
    hold_requested = Signal(str, bool)
    move_requested = Signal(str, int)
    place_requested = Signal(str, str)
    pause_requested = Signal(bool)
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
        self.pause_button = Button(look, "pause_queue_button", "Pause", kind=Kind.QUIET)
        self.cancel_all_button = Button(
            look, "cancel_all_button", "Cancel all", kind=Kind.QUIET, tip="Cancel every song"
        )
        self.clear_button = Button(
            look,
            "clear_failed_button",
            "Clear",
            kind=Kind.QUIET,
            tip="Dismiss all songs that are over",
        )
        self.pause_button.clicked.connect(self._on_pause)
        self.fold_button.clicked.connect(self._on_fold)
        self.cancel_all_button.clicked.connect(self._on_cancel_all)
        self.clear_button.clicked.connect(self._on_clear_failed)
        self._is_folded = False
        self._is_paused = False
        self._rest = ""
        self._left_s: float | None = None
        #: Engines that a song can be tried again with: (name, words).
        self.engines: list[tuple[str, str]] = []
        self._mark = QFrame()
        self._mark.setObjectName("drop_mark")
        self._mark_before: str | None = None
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
        self._inner = QWidget()
        self._column = QVBoxLayout(self._inner)
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
        self.area.setWidget(self._inner)
        self._mark.setParent(self._inner)
        self._mark.hide()
        self._top = QHBoxLayout()
        self._top.setSpacing(theme.XS)
        self._top.addWidget(self.heading, 1)
        self._top.addWidget(self.pause_button)
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
        """Return how many songs are still to be made."""
        return sum(row.state in BUSY for row in self._rows.values()) + len(self._beyond)

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
        if row := self._rows.get(job.job_id):
            row.show_engine(job)
            row.show_waiting()
            self._tell_soon()
            return
        if job.job_id in self._beyond:
            return
        was_filled = self.is_filled()
        waits = job.state in {JobState.QUEUED, JobState.PAUSED}
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
            names = list(self._rows)
            place = names.index(job_id) if job_id in self._rows else 0
            row = self._rows.pop(job_id, None)
            if row is None:
                return
            focused = self.window().focusWidget() or self
            had_focus = row is focused or row.isAncestorOf(focused)
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
            if had_focus and self._rows:
                beside = list(self._rows.values())[min(place, len(self._rows) - 1)]
                beside.setFocus(Qt.FocusReason.OtherFocusReason)
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

    @Slot(object)
    def change_job(self, job: JobView) -> None:
        """Show that a song that waits will be made in another way."""
        if row := self._rows.get(job.job_id):
            row.show_engine(job)
        elif job.job_id in self._beyond:
            self._beyond[job.job_id] = job

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

    @Slot(str, object)
    def finish_job(self, job_id: str, result: JobResult) -> None:
        """Show that a song is ready; its row goes away by itself where all went as asked."""
        if row := self._rows.get(job_id):
            row.show_done(result)
            self._dismiss_later(row)
        self._tell_soon()

    def _dismiss_later(self, row: JobRow) -> None:
        def leave() -> None:
            if row.is_leaving():
                row.close_job()

        timer = QTimer(row)
        timer.setSingleShot(True)
        timer.timeout.connect(leave)
        timer.start(DONE_MS)

    @Slot(str, bool)
    def hold_job(self, job_id: str, held: bool) -> None:
        """Show whether a song is left out till it is let go."""
        if row := self._rows.get(job_id):
            row.show_held(held)
        elif job := self._beyond.get(job_id):
            state = JobState.PAUSED if held else JobState.QUEUED
            self._beyond[job_id] = replace(job, state=state)
        self._tell_soon()

    @Slot(object)
    def arrange_jobs(self, job_ids: list[str]) -> None:
        """Bring the rows into this order."""
        places = {job_id: place for place, job_id in enumerate(job_ids)}
        shown = sorted(self._rows, key=lambda job_id: places.get(job_id, -1))
        if not self._beyond:
            self._sort_rows(shown)
            return
        beyond = sorted(self._beyond, key=lambda job_id: places.get(job_id, -1))
        self._beyond = {job_id: self._beyond[job_id] for job_id in beyond}
        # a song that is nearer to its turn than one with a row changes places with it
        last = next((name for name in reversed(shown) if self._rows[name].state in MOVABLE), None)
        first = next(iter(self._beyond))
        if last is not None and places.get(first, 0) < places.get(last, 0):
            self._swap(first, last)
            self.arrange_jobs(job_ids)
        else:
            self._sort_rows(shown)

    def _swap(self, job_id: str, other_id: str) -> None:
        """Give the row of one song to another one."""
        row = self._rows.pop(other_id)
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()
        state = JobState.PAUSED if row.state is RowState.HELD else JobState.QUEUED
        self._beyond[other_id] = replace(row.job, state=state)
        self._add_row(self._beyond.pop(job_id))

    def _sort_rows(self, job_ids: list[str]) -> None:
        self._rows = {job_id: self._rows[job_id] for job_id in job_ids}
        for place, row in enumerate(self._rows.values()):
            if self._column.indexOf(row) != place:
                self._column.removeWidget(row)
                self._column.insertWidget(place, row)
        rows = list(self._rows.values())
        for before, row in pairwise(rows):
            QWidget.setTabOrder(before, row)
        for row in rows:
            QWidget.setTabOrder(row, row.retry_button)
            QWidget.setTabOrder(row.retry_button, row.close_button)

    @Slot(str, object)
    def export_job(self, job_id: str, folder: Path) -> None:
        """Show that the files of a finished song are being written."""
        if row := self._rows.get(job_id):
            row.show_exporting(folder)
        self._tell_soon()

    @Slot(str, object)
    def finish_export(self, job_id: str, result: JobResult) -> None:
        """Show that the files of a finished song are there; its row goes away by itself."""
        if row := self._rows.get(job_id):
            files = list(result.stem_paths.values())
            row.show_exported(len(files), files[0].parent.name if files else "")
            self._dismiss_later(row)
        self._tell_soon()

    @Slot(str, object)
    def fail_export(self, job_id: str, error: KaraokeError) -> None:
        """Show why the files of a finished song could not be written."""
        if row := self._rows.get(job_id):
            row.show_unexported(error)
        self._tell_soon()

    @Slot(str)
    def show_rest(self, reason: str) -> None:
        """Show why no further song is begun for a while; "" = they are."""
        self._rest = reason
        self._tell_soon()

    @Slot(bool)
    def show_paused(self, paused: bool) -> None:
        """Show whether further songs are begun."""
        self._is_paused = paused
        self._tell_soon()

    @Slot(object)
    def show_time_left(self, seconds: float | None) -> None:
        """Show when all songs will be done; None = that is not known."""
        self._left_s = seconds
        self._tell_heading()

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
        row.export_requested.connect(self.export_requested)
        row.move_requested.connect(self.move_requested)
        row.show_requested.connect(self.show_requested)
        row.menu_requested.connect(self._on_menu)
        row.step_requested.connect(self._on_step)
        row.dragged.connect(self._on_dragged)
        row.dropped.connect(self._on_dropped)
        row.drag_ended.connect(self._mark.hide)
        if job.state is JobState.PAUSED:
            row.show_held(True)
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
        self._tell_heading()
        states = [row.state for row in self._rows.values()]
        to_go = self.unfinished()
        over = len(self._rows) - sum(state in BUSY for state in states)
        self.clear_button.setVisible(over > 1)
        waiting = to_go - states.count(RowState.RUNNING)
        self.pause_button.setVisible(bool(waiting) or self._is_paused)
        self.pause_button.set_words("Go on" if self._is_paused else "Pause")
        self.pause_button.set_icon("play" if self._is_paused else "pause")
        tip = "Begin the next song" if self._is_paused else "Begin no further song after this one"
        self.pause_button.setToolTip(tip)
        self.cancel_all_button.setVisible(to_go > 1)
        self.more.setText(f"and {len(self._beyond):,} more")
        self.more.setVisible(bool(self._beyond))
        self._fit()

    def _tell_heading(self) -> None:
        states = [row.state for row in self._rows.values()]
        words = text.queue_summary(
            self.unfinished(),
            states.count(RowState.FAILED),
            self._left_s,
            paused=self._is_paused,
            rest=self._rest,
            running=states.count(RowState.RUNNING),
        )
        if words != self.heading.text():
            self.heading.setText(words)

    def _fit(self) -> None:
        """Give the list the height of up to three rows, or all there is."""
        roomy = self._is_roomy
        self.fold_button.setVisible(not roomy)
        self._line.setVisible(not roomy)
        self.promise.setVisible(roomy and bool(self.unfinished()))
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
            self._grow_to(ROW_HEIGHT * min(max(len(self._rows), 1), 3))
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
            if row is None or row.state in BUSY:
                self.cancel_requested.emit(job_id)

    @Slot(str)
    def _on_retry(self, job_id: str) -> None:
        self.retry_requested.emit(job_id)

    @Slot()
    def _on_fold(self) -> None:
        self._is_folded = not self._is_folded
        self._fit()

    @Slot()
    def _on_clear_failed(self) -> None:
        for row in self.rows():
            if row.state not in BUSY and row.state is not RowState.EXPORTING:
                self.dismiss_requested.emit(row.job_id)

    @Slot()
    def _on_pause(self) -> None:
        self.pause_requested.emit(not self._is_paused)

    # -- arranging

    @Slot(str, int)
    def _on_step(self, job_id: str, steps: int) -> None:
        names = list(self._rows)
        place = names.index(job_id) + steps
        if 0 <= place < len(names):
            row = self._rows[names[place]]
            row.setFocus(Qt.FocusReason.TabFocusReason)
            self.area.ensureWidgetVisible(row)

    @Slot(str, QPoint)
    def _on_dragged(self, job_id: str, point: QPoint) -> None:
        """Show where the row would go, and scroll where it is held at an edge."""
        seen = self.area.viewport().mapFromGlobal(point).y()
        bar = self.area.verticalScrollBar()
        if seen < _SCROLL_EDGE:
            bar.setValue(bar.value() - _SCROLL_STEP)
        elif seen > self.area.viewport().height() - _SCROLL_EDGE:
            bar.setValue(bar.value() + _SCROLL_STEP)
        at = self._inner.mapFromGlobal(point).y()
        waiting = [row for row in self._rows.values() if row.state in MOVABLE]
        below = next((row for row in waiting if at < row.geometry().center().y()), None)
        edge = below.geometry().top() if below else waiting[-1].geometry().bottom() + 1
        self._mark_before = below.job_id if below else next(iter(self._beyond), "")
        self._mark.setGeometry(
            theme.L, edge - 1, self._inner.width() - 2 * theme.L, theme.FOCUS_WIDTH
        )
        self._mark.show()
        self._mark.raise_()

    @Slot(str)
    def _on_dropped(self, job_id: str) -> None:
        self._mark.hide()
        if self._mark_before is not None and self._mark_before != job_id:
            self.place_requested.emit(job_id, self._mark_before)
        self._mark_before = None

    @Slot(str, QPoint)
    def _on_menu(self, job_id: str, point: QPoint) -> None:
        self.build_menu(self._rows[job_id]).popup(point)

    def build_menu(self, row: JobRow) -> QMenu:
        """Return what can be done with a song."""
        menu = QMenu(self)
        menu.setObjectName("job_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        job_id = row.job_id

        def offer(name: str, words: str, signal: SignalInstance, *args: object) -> QAction:
            action = menu.addAction(words)
            action.setObjectName(name)
            action.triggered.connect(lambda: signal.emit(job_id, *args))
            return action

        if row.state in MOVABLE:
            held = row.state is RowState.HELD
            offer("next_action", "Make this one next", self.next_requested)
            words = "Go on with this one" if held else "Pause this one"
            offer("hold_action", words, self.hold_requested, not held)
            menu.addSeparator()
            up = offer("up_action", "Move up", self.move_requested, -1)
            down = offer("down_action", "Move down", self.move_requested, 1)
            up.setShortcut("Alt+Up")
            down.setShortcut("Alt+Down")
            menu.addSeparator()
            self._add_engines(menu, "Make with", "make_with", job_id, self.make_with_requested)
            menu.addSeparator()
        if row.state is RowState.RUNNING:
            offer("show_action", "Show this song while it is made", self.show_requested)
            menu.addSeparator()
        if row.state is RowState.FAILED:
            offer("retry_action", "Try again", self.retry_requested)
            self._add_engines(
                menu, "Try again with", "retry_with", job_id, self.retry_with_requested
            )
            menu.addSeparator()
        if row.state is RowState.UNEXPORTED:
            offer("export_again_action", "Export again", self.export_requested)
        close = menu.addAction("Cancel" if row.state in BUSY else "Dismiss")
        close.setObjectName("close_action")
        close.setShortcut("Del")
        close.triggered.connect(row.close_job)
        return menu

    def _add_engines(
        self, menu: QMenu, words: str, name: str, job_id: str, signal: SignalInstance
    ) -> None:
        others = menu.addMenu(words)
        others.setObjectName(f"{name}_menu")
        others.setEnabled(bool(self.engines))
        for engine, title in self.engines:
            action = others.addAction(title)
            action.setObjectName(f"{name}_{engine}_action")
            action.triggered.connect(lambda _on=False, engine=engine: signal.emit(job_id, engine))
