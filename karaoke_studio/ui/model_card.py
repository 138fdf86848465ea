"""One model on the models page: what it is, where it stands, and what can be done about it."""

from __future__ import annotations

import time

from PySide6.QtCore import QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from karaoke_studio.jobs.models import ModelState, ModelView
from karaoke_studio.separation.shelf import Arrival
from karaoke_studio.ui import messages, text, theme
from karaoke_studio.ui.controls import Button, Kind, Label, Paragraph, Sign, SmoothBar
from karaoke_studio.ui.theme import Look

#: How long the second press of "Remove" is waited for.
_SURE_MS = 5000
#: No time left is told before so much of a download has been watched.
_WATCHED_S = 2.0

_ON_ITS_WAY = {ModelState.WAITING, ModelState.ARRIVING}
_BUSY = {*_ON_ITS_WAY, ModelState.CHECKING, ModelState.REMOVING}
_USABLE = {ModelState.THERE, ModelState.OWN}

_WORDS = {
    ModelState.ABSENT: "",
    ModelState.WAITING: "Waits for the other download",
    ModelState.ARRIVING: "Downloading",
    ModelState.CHECKING: "Being checked",
    ModelState.REMOVING: "Being removed",
    ModelState.THERE: "Ready",
    ModelState.OWN: "Ready, in your own folder",
    ModelState.DAMAGED: "Damaged",
}


class ModelCard(QWidget):
    """A card with a name, a sentence, facts, and buttons for what can be done now.

    Signals:
        download_requested, rest_requested, pause_requested, verify_requested, remove_requested:
            name of the model.
    """

    download_requested = Signal(str)
    rest_requested = Signal(str)
    pause_requested = Signal(str)
    verify_requested = Signal(str)
    remove_requested = Signal(str)

    def __init__(self, look: Look, view: ModelView) -> None:
        super().__init__()
        self.name = view.name
        self._look, self._view = look, view
        self._since: tuple[float, int] | None = None
        self._downloading = ""
        self.setObjectName(f"model_{view.name}")
        self.title = Label(view.title, size=theme.EMPHASIS, strong=True)
        self.sign = Sign(look)
        self.state = Label(size=theme.CAPTION, tone="muted", tabular=True)
        self.best_for = Paragraph(tone="muted")
        self.facts = Label(size=theme.CAPTION, tone="muted", tabular=True)
        self.error = Paragraph(size=theme.CAPTION, tone="error")
        self.bar = SmoothBar(look, f"{view.name}_bar", f"Download of {view.title}")
        for part, what in (
            (self.state, "state"),
            (self.best_for, "best_for"),
            (self.facts, "facts"),
            (self.error, "error"),
        ):
            part.setObjectName(f"{view.name}_{what}")
        self._build_buttons()
        self._lay_out()
        self._sure = QTimer(self)
        self._sure.setSingleShot(True)
        self._sure.setInterval(_SURE_MS)
        self._sure.timeout.connect(self._calm_down)
        look.changed.connect(self.update)
        self.show_view(view, None)

    def _build_buttons(self) -> None:
        def button(what: str, words: str, tip: str, kind: Kind = Kind.NORMAL) -> Button:
            name, title = f"{self.name}_{what}", self._view.title
            return Button(self._look, name, words, kind=kind, says=f"{words} {title}", tip=tip)

        tip = "Bring this model from the Hugging Face hub"
        self.download_button = button("download", "Download", tip)
        self.rest_button = button("rest", "Get all parts", "Also bring the other parts")
        self.pause_button = button("pause", "Pause", "Stop; what is there already is kept")
        self.verify_button = button(
            "verify", "Verify", "Read all files and compare them with what came", Kind.QUIET
        )
        self.remove_button = button(
            "remove", "Remove", "Take this model off this computer", Kind.QUIET
        )
        self.download_button.clicked.connect(self._on_download)
        self.rest_button.clicked.connect(self._on_rest)
        self.pause_button.clicked.connect(self._on_pause)
        self.verify_button.clicked.connect(self._on_verify)
        self.remove_button.clicked.connect(self._on_remove)

    def _lay_out(self) -> None:
        heading = QHBoxLayout()
        heading.setSpacing(theme.S)
        heading.addWidget(self.title)
        heading.addSpacing(theme.XS)
        heading.addWidget(self.sign)
        heading.addWidget(self.state)
        heading.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(theme.XS)
        words.addLayout(heading)
        # a room of its own, so that the gap above the bar goes with it
        self._bar_room = QWidget()
        room = QVBoxLayout(self._bar_room)
        room.setContentsMargins(0, theme.XS, 0, 0)
        room.addWidget(self.bar)
        for part in (self.best_for, self.facts, self._bar_room, self.error):
            words.addWidget(part)
        words.addStretch(1)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.XS)
        for one in (
            self.verify_button,
            self.remove_button,
            self.pause_button,
            self.rest_button,
            self.download_button,
        ):
            buttons.addWidget(one, 0, Qt.AlignmentFlag.AlignTop)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.L, theme.M, theme.M, theme.M)
        row.setSpacing(theme.L)
        row.addLayout(words, 1)
        row.addLayout(buttons)

    # -- what it shows

    def show_view(self, view: ModelView, expected_s: float | None) -> None:
        """Show where the model stands.

        Args:
            view: of this model.
            expected_s: seconds that a 4-minute song takes here; None = not measured.
        """
        self._view = view
        state, total = view.state, max(view.size, 1)
        if state is not ModelState.ARRIVING:
            self._since, self._downloading = None, ""
            self.bar.restart()
        self.best_for.setText(view.best_for)
        self.best_for.setVisible(bool(view.best_for))
        size = text.file_size(view.size) if state in _USABLE else text.about_size(view.size)
        stems = text.counted(len(view.stems), "part") if view.stems else ""
        if state in _USABLE and not view.is_whole:
            stems = "voice and music"
            more = f"Also bring the other parts, {text.about_size(view.rest)}"
            self.rest_button.setToolTip(text.tooltip(more))
        self.facts.setText(text.joined(size, stems, view.licence, text.song_takes(expected_s)))
        self._show_state(text.percent(view.arrived / total))
        self._bar_room.setVisible(state in {ModelState.ARRIVING, ModelState.PAUSED})
        if state is ModelState.PAUSED:
            self.bar.advance(view.arrived / total)
        self.error.setVisible(view.error is not None)
        if view.error is not None:
            self.error.setText(messages.model_failure(view.error).sentence)
        self._show_buttons()

    def _show_state(self, share: str) -> None:
        view = self._view
        words = _WORDS.get(view.state, f"Paused at {share}")
        if view.was_verified and view.state in _USABLE:
            words = "Verified: every byte is as it came"
        self.state.setText(self._downloading or words)
        tone = "ok" if view.state in _USABLE else ""
        tone = "error" if view.state is ModelState.DAMAGED else tone
        self.sign.show_tone(tone)
        self.state.set_tone(tone or "muted")

    def _show_buttons(self) -> None:
        view, state = self._view, self._view.state
        can_come = state in {ModelState.ABSENT, ModelState.PAUSED, ModelState.DAMAGED}
        self.download_button.setVisible(can_come and view.can_download)
        words = "Resume" if state is ModelState.PAUSED else "Download"
        words = "Download again" if state is ModelState.DAMAGED else words
        self.download_button.set_words(words)
        self.download_button.setAccessibleName(f"{words} {view.title}")
        is_pair = state in _USABLE and not view.is_whole
        self.rest_button.setVisible(is_pair and view.can_download)
        self.pause_button.setVisible(state in _ON_ITS_WAY)
        hopeless = state is ModelState.DAMAGED and view.can_download
        self.verify_button.setVisible(state in {*_USABLE, ModelState.DAMAGED} and not hopeless)
        removable = {ModelState.THERE, ModelState.PAUSED, ModelState.DAMAGED}
        self.remove_button.setVisible(state in removable)
        if state in _BUSY:
            self._calm_down()

    def show_arrival(self, arrival: Arrival) -> None:
        """Show how far the download is."""
        now, total = time.monotonic(), max(arrival.total, 1)
        if self._since is None:
            self._since = (now, arrival.done)
        self.bar.advance(arrival.done / total)
        of = f"{text.percent(arrival.done / total)} of {text.file_size(arrival.total)}"
        left = text.time_left(self._left_s(arrival))
        self._downloading = text.joined(f"Downloading, {of}", left)
        self.state.setText(self._downloading)

    def _left_s(self, arrival: Arrival) -> float | None:
        if self._since is None:
            return None
        began_s, had = self._since
        watched_s, came = time.monotonic() - began_s, arrival.done - had
        if watched_s < _WATCHED_S or came <= 0:
            return None
        return (arrival.total - arrival.done) * watched_s / came

    # -- wishes

    @Slot()
    def _on_download(self) -> None:
        self.download_requested.emit(self.name)

    @Slot()
    def _on_rest(self) -> None:
        self.rest_requested.emit(self.name)

    @Slot()
    def _on_pause(self) -> None:
        self.pause_requested.emit(self.name)

    @Slot()
    def _on_verify(self) -> None:
        self.verify_requested.emit(self.name)

    @Slot()
    def _on_remove(self) -> None:
        if self._sure.isActive():
            self._calm_down()
            self.remove_requested.emit(self.name)
            return
        self.remove_button.set_words("Really remove?")
        self.remove_button.set_kind(Kind.NORMAL)
        self._sure.start()

    @Slot()
    def _calm_down(self) -> None:
        self._sure.stop()
        self.remove_button.set_words("Remove")
        self.remove_button.setAccessibleName(f"Remove {self._view.title}")
        self.remove_button.set_kind(Kind.QUIET)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the card."""
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(tokens.line))
        painter.setBrush(QColor(tokens.window))
        half = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(half, theme.CARD_RADIUS, theme.CARD_RADIUS)
