"""The panel beside the timeline in which a person says what is to be done with a stretch."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from karaoke_studio.engines import is_network
from karaoke_studio.fixes import TO_MUSIC, TO_VOICE
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import (
    Button,
    Choice,
    FlatSlider,
    Kind,
    Label,
    Paragraph,
    SmoothBar,
    Tick,
)
from karaoke_studio.ui.segments import Segments
from karaoke_studio.ui.theme import Look

WIDTH = 288
AGAIN, SHAPE, BRUSH = "again", "shape", "brush"
#: Bounds of the voice in Hz; None = it may go as far as it likes.
_LOWEST = (None, 60.0, 80.0, 100.0, 120.0, 150.0, 200.0, 300.0)
_HIGHEST = (None, 12_000.0, 10_000.0, 8000.0, 6000.0, 5000.0, 4000.0, 3000.0)
_PAGES = (
    (AGAIN, "Again", "Split this bit again, with another engine or more care"),
    (SHAPE, "Shape", "Bound the voice, or make it stronger or weaker"),
    (BRUSH, "Brush", "Draw on the spectrogram what is voice and what is music"),
)
_SIZES = (3, 60)


class FixPanel(QWidget):
    """Three ways to fix a stretch, one page each; the button does what the page says.

    Signals:
        fix_requested(), cancel_requested(), undo_requested(), stroke_undo_requested(),
        close_requested(): what their buttons say.
        compare_requested: "before" or "after".
        page_changed: one of `AGAIN`, `SHAPE`, `BRUSH`.
        brush_changed: another brush was chosen.
        choice_changed: another engine, or more or less care.
    """

    fix_requested = Signal()
    cancel_requested = Signal()
    undo_requested = Signal()
    stroke_undo_requested = Signal()
    close_requested = Signal()
    compare_requested = Signal(str)
    page_changed = Signal(str)
    brush_changed = Signal()
    choice_changed = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._engines: list[str] = []
        self.setObjectName("fix_panel")
        self.setAccessibleName("Fix this bit")
        self.setFixedWidth(WIDTH)
        self.heading = Label("Fix this bit", size=theme.EMPHASIS, strong=True)
        self.stretch = Label(tone="muted", tabular=True)
        self.stretch.setObjectName("fix_stretch")
        self.close_button = Button(
            look, "fix_close", icon="x", kind=Kind.QUIET, says="Close", tip="Close"
        )
        self.pages = Segments(look, "fix_page", "How to fix it", _PAGES)
        self.stack = QStackedWidget()
        for page in (self._again_page(), self._shape_page(), self._brush_page()):
            self.stack.addWidget(page)
        self._build_foot()
        self._lay_out()
        self._connect()
        self.show_page(AGAIN)
        self.show_idle("")
        look.changed.connect(self.update)

    # -- building

    def _again_page(self) -> QWidget:
        self.engine = Choice(self._look, "fix_engine", "Engine that splits it again")
        self.engine.setToolTip(text.tooltip("Who splits this bit again"))
        self.careful = Tick(self._look, "fix_careful", "Take more care")
        self.time = Label(tone="muted")
        self.time.setObjectName("fix_time")
        return _page(self.engine, self.careful, self.time)

    def _shape_page(self) -> QWidget:
        look = self._look
        self.low = Choice(look, "fix_low", "Lowest note of the voice")
        self.high = Choice(look, "fix_high", "Highest sound of the voice")
        for choice, bounds, any_words, tip in (
            (self.low, _LOWEST, "any", "What lies below is music"),
            (self.high, _HIGHEST, "any", "What lies above is music"),
        ):
            for hz in bounds:
                choice.addItem(any_words if hz is None else text.frequency(hz), hz)
            choice.setToolTip(text.tooltip(tip))
        self.strength = FlatSlider(look, "fix_strength", "Strength of the voice", "vocals")
        self.strength.setRange(-100, 100)
        self.strength.setPageStep(10)
        self.strength.setToolTip(text.tooltip("How much counts as voice where it is in doubt"))
        self.strength_words = Label(tone="muted")
        self.strength_words.setObjectName("fix_strength_words")
        ends = QHBoxLayout()
        ends.setSpacing(theme.S)
        for words, choice in (("from", self.low), ("to", self.high)):
            name = Label(words, tone="muted")
            name.setMinimumWidth(name.sizeHint().width())
            ends.addWidget(name)
            ends.addWidget(choice, 1)
        page = _page(Label("The voice lies"))
        column = page.layout()
        assert isinstance(column, QVBoxLayout)
        column.insertLayout(1, ends)
        column.insertWidget(2, self.strength_words)
        column.insertWidget(3, self.strength)
        return page

    def _brush_page(self) -> QWidget:
        look = self._look
        self.brush_to = Segments(
            look,
            "fix_brush",
            "What the brush makes of it",
            (
                (TO_MUSIC, "To music", "What you draw on is no voice"),
                (TO_VOICE, "To voice", "What you draw on is voice"),
            ),
        )
        self.brush_to.show_choice(TO_MUSIC)
        self.brush_size = FlatSlider(look, "fix_brush_size", "Size of the brush")
        self.brush_size.setRange(*_SIZES)
        self.brush_size.setValue(12)
        self.brush_size.setToolTip(text.tooltip("How wide a stroke is"))
        self.brush_strength = FlatSlider(look, "fix_brush_strength", "Strength of the brush")
        self.brush_strength.setRange(5, 100)
        self.brush_strength.setValue(100)
        self.brush_strength.setToolTip(text.tooltip("Which share of it a stroke moves"))
        self.strokes = Label("Draw on the spectrogram", tone="muted")
        self.strokes.setObjectName("fix_strokes")
        self.stroke_undo = Button(
            look, "fix_stroke_undo", "Undo stroke", tip="Take the last stroke back"
        )
        page = _page(self.brush_to)
        column = page.layout()
        assert isinstance(column, QVBoxLayout)
        for number, (words, slider) in enumerate(
            (("Size", self.brush_size), ("Strength", self.brush_strength)), start=1
        ):
            row = QHBoxLayout()
            row.setSpacing(theme.S)
            name = Label(words, tone="muted")
            name.setFixedWidth(64)
            row.addWidget(name)
            row.addWidget(slider, 1)
            column.insertLayout(number, row)
        row = QHBoxLayout()
        row.addWidget(self.strokes, 1)
        row.addWidget(self.stroke_undo)
        column.insertLayout(3, row)
        return page

    def _build_foot(self) -> None:
        look = self._look
        self.compare = Segments(
            look,
            "fix_compare",
            "Compare",
            (
                ("before", "Before", "Hear it as it was"),
                ("after", "After", "Hear it as it is now"),
            ),
        )
        self.undo = Button(look, "fix_undo", "Undo", tip="Go back to what it was before")
        self.fix = Button(
            look, "fix_it", "Fix it", kind=Kind.PRIMARY, tip="Do it now; it is played at once"
        )
        self.bar = SmoothBar(look, "fix_progress", "Progress of the fix")
        self.cancel = Button(look, "fix_cancel", "Cancel", tip="Leave it as it was")
        self.told = Paragraph("", size=theme.CAPTION, tone="muted")
        self.told.setObjectName("fix_told")

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.S)
        head.addWidget(self.heading)
        head.addWidget(self.stretch, 1)
        head.addWidget(self.close_button)
        scroll = QScrollArea()
        scroll.setObjectName("fix_scroll")
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.viewport().setAutoFillBackground(False)
        self.stack.setAutoFillBackground(False)
        for choice in (self.engine, self.low, self.high):  # they give way to the panel's width
            choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        scroll.setWidget(self.stack)
        judge = QHBoxLayout()
        judge.setSpacing(theme.S)
        judge.addWidget(self.compare)
        judge.addStretch(1)
        judge.addWidget(self.undo)
        act = QHBoxLayout()
        act.setSpacing(theme.M)
        act.addWidget(self.bar, 1, Qt.AlignmentFlag.AlignVCenter)
        act.addStretch(0)
        act.addWidget(self.cancel)
        act.addWidget(self.fix)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.M, theme.S, theme.M, theme.M)
        column.setSpacing(theme.S)
        column.addLayout(head)
        column.addWidget(self.pages)
        column.addWidget(scroll, 1)
        column.addWidget(self.told)
        column.addLayout(judge)
        column.addLayout(act)

    def _connect(self) -> None:
        self.pages.chosen.connect(self.show_page)
        self.fix.clicked.connect(self.fix_requested)
        self.cancel.clicked.connect(self.cancel_requested)
        self.undo.clicked.connect(self.undo_requested)
        self.stroke_undo.clicked.connect(self.stroke_undo_requested)
        self.close_button.clicked.connect(self.close_requested)
        self.compare.chosen.connect(self.compare_requested)
        self.engine.activated.connect(self._on_engine)
        self.careful.toggled.connect(self.choice_changed)
        self.strength.valueChanged.connect(self._on_strength)
        self.brush_to.chosen.connect(self.brush_changed)
        for slider in (self.brush_size, self.brush_strength):
            slider.valueChanged.connect(self.brush_changed)
        self._on_strength(0)

    # -- what is shown

    def page(self) -> str:
        """Return which page is shown."""
        return self.pages.choice()

    @Slot(str)
    def show_page(self, name: str) -> None:
        """Show a page."""
        self.pages.show_choice(name)
        self.stack.setCurrentIndex([page[0] for page in _PAGES].index(name))
        self.page_changed.emit(name)

    def offer_engines(self, engines: list[str], own: str) -> None:
        """Offer engines to split it again; first one that is not its own."""
        self._engines = engines
        self.engine.clear()
        self.engine.addItems([text.engine_words(name) for name in engines])
        others = [name for name in self._engines if name != own] or self._engines
        best = next((name for name in others if is_network(name)), others[0])
        self.engine.setCurrentIndex(self._engines.index(best))
        self._on_engine()

    def chosen_engine(self) -> str:
        """Return the engine that is to split it again."""
        return self._engines[self.engine.currentIndex()]

    def is_careful(self) -> bool:
        """Whether it is to take more care."""
        return self.careful.isEnabled() and self.careful.isChecked()

    def bounds(self) -> tuple[float | None, float | None]:
        """Return between what the voice lies, in Hz."""
        return self.low.currentData(), self.high.currentData()

    def show_stretch(self, start_s: float, stop_s: float) -> None:
        """Say which stretch it is."""
        self.stretch.setText(f"{text.clock_tenths(start_s)} – {text.clock_tenths(stop_s)}")

    def show_strokes(self, count: int) -> None:
        """Say how many strokes there are."""
        many = f"{count} stroke{'s' if count != 1 else ''}"
        self.strokes.setText(many if count else "Draw on the spectrogram")
        self.stroke_undo.set_available(bool(count), "There is no stroke yet")

    def show_time(self, words: str) -> None:
        """Say how long splitting it again takes."""
        self.time.setText(words)

    def show_busy(self, fraction: float) -> None:
        """Show how far a fix is."""
        if self.cancel.isHidden():
            self.bar.restart()
            self.told.hide()
        self.bar.advance(fraction)
        self._turn(busy=True)

    def show_waiting(self, words: str) -> None:
        """Say why a fix has not begun; "" = it has."""
        self.told.setText(words)
        self.told.setVisible(bool(words))

    def show_idle(self, words: str) -> None:
        """Show that nothing is under way, with a sentence about the last fix."""
        self.told.setText(words)
        self.told.setVisible(bool(words))
        self._turn(busy=False)

    def _turn(self, *, busy: bool) -> None:
        for part in (self.bar, self.cancel):
            part.setVisible(busy)
        self.fix.setVisible(not busy)

    def show_outcome(self, heard: str) -> None:
        """Offer to compare and undo what was fixed last; "" = nothing was."""
        self.compare.show_choice(heard)
        for part in self.compare.parts.values():
            part.set_available(bool(heard), "Nothing was fixed yet", "")
        self.undo.set_available(bool(heard), "Nothing was fixed yet")

    @Slot()
    def _on_engine(self) -> None:
        network = bool(self._engines) and is_network(self.chosen_engine())
        self.careful.setEnabled(network)
        tip = "Twice over, with more overlap: slower" if network else "Only networks can do this"
        self.careful.setToolTip(text.tooltip(tip))
        self.choice_changed.emit()

    @Slot(int)
    def _on_strength(self, value: int) -> None:
        words = "as it is" if not value else f"{abs(value)} % {'more' if value > 0 else 'less'}"
        self.strength_words.setText(f"Strength of the voice: {words}")

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ground of a card."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._look.tokens.panel))
        painter.drawRoundedRect(self.rect(), theme.CARD_RADIUS, theme.CARD_RADIUS)


def _page(*parts: QWidget) -> QWidget:
    """Return a page with parts below each other."""
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, theme.XS, 0, 0)
    column.setSpacing(theme.S)
    for part in parts:
        column.addWidget(part)
    column.addStretch(1)
    return page
