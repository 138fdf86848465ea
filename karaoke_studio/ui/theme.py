"""The look, once: colours, spacing, type; palette and style sheet are built from them.

Nothing else in the program names a colour or a size. `Look` knows which theme is on and says when
it changes; painted widgets are handed the `Look` and read its tokens when they paint.

Source of the values: the design language (contrast is computed in tests/ui/test_theme.py).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from string import Template

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from karaoke_studio.paths import resource

#: Spacing in pixels.
XS, S, M, L, XL, XXL = 4, 8, 12, 16, 24, 32
#: Corner radius of controls and of cards.
RADIUS, CARD_RADIUS = 6, 10
#: Heights in pixels.
CONTROL_HEIGHT, TOOLBAR_HEIGHT, ROW_HEIGHT = 32, 52, 56
#: Type sizes in pixels.
CAPTION, BODY, EMPHASIS, TITLE, EMPTY = 12, 13, 15, 20, 28
#: Milliseconds of a hover or panel change.
MOTION_MS = 120
#: Opacity of what cannot be used now.
DISABLED_OPACITY = 0.45
FOCUS_WIDTH = 2

THEMES = ("system", "dark", "light")

#: Colours from silence to loud, evenly apart; `timeline.colour_map` makes tables of them.
#: Source: magma and viridis, S. van der Walt and N. Smith, matplotlib 1.5 (CC0).
SPECTROGRAM_MAPS = {
    "magma": (
        *("#000004", "#180F3D", "#440F76", "#721F81", "#9E2F7F"),
        *("#CD4071", "#F1605D", "#FD9668", "#FECA8D", "#FCFDBF"),
    ),
    "viridis": (
        *("#440154", "#482878", "#3E4989", "#31688E", "#26828E"),
        *("#1F9E89", "#35B779", "#6ECE58", "#B5DE2B", "#FDE725"),
    ),
    "grey": ("#08090B", "#F6F7F9"),
}


@dataclass(frozen=True)
class Tokens:
    """The colours of one theme, as #RRGGBB."""

    is_dark: bool
    window: str
    panel: str
    raised: str
    hover: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    ok: str
    warn: str
    error: str
    vocals: str
    instrumental: str
    original: str
    drums: str
    bass: str
    other: str
    guitar: str
    piano: str

    def stem(self, name: str) -> QColor:
        """Return the colour of a stem ("vocals", "instrumental", "original", …)."""
        return QColor(getattr(self, name))

    def mark(self, name: str) -> QColor:
        """Return a colour that songs are marked with, one of `library.manifest.COLOURS`."""
        return self.stem(_MARKS[name])


#: The stems' colours are told apart well, and are readable in both themes.
_MARKS = {
    "red": "vocals",
    "amber": "drums",
    "green": "guitar",
    "teal": "instrumental",
    "blue": "bass",
    "violet": "other",
    "pink": "piano",
}

DARK = Tokens(
    is_dark=True,
    window="#14161A",
    panel="#1B1E24",
    raised="#262B34",
    hover="#303641",
    line="#343A45",
    text="#E8EAED",
    muted="#A3ABB8",
    accent="#9A8CFF",
    on_accent="#14161A",
    ok="#4CC38A",
    warn="#F5B83D",
    error="#FF7B7B",
    vocals="#FF7F70",
    instrumental="#3CCBB9",
    original="#9DB0CC",
    drums="#F2B84B",
    bass="#7DA4FF",
    other="#B09BFF",
    guitar="#8ED16F",
    piano="#EA95D6",
)

LIGHT = Tokens(
    is_dark=False,
    window="#F6F7F9",
    panel="#FFFFFF",
    raised="#E9ECF1",
    hover="#DEE2E9",
    line="#D5DAE1",
    text="#1A1D23",
    muted="#566070",
    accent="#5746D6",
    on_accent="#FFFFFF",
    ok="#1B7F4B",
    warn="#8A5A00",
    error="#C42B2B",
    vocals="#C93A28",
    instrumental="#0A7A6E",
    original="#51607A",
    drums="#8A5A00",
    bass="#2B57C9",
    other="#6A45C9",
    guitar="#3B7A1E",
    piano="#A83289",
)


def mix(low: str | QColor, high: str | QColor, share: float) -> QColor:
    """Return the colour `share` (0…1) of the way from `low` to `high`, alpha included."""
    first, second = QColor(low), QColor(high)
    pairs = (
        (first.red(), second.red()),
        (first.green(), second.green()),
        (first.blue(), second.blue()),
        (first.alpha(), second.alpha()),
    )
    red, green, blue, alpha = (min(max(round(a + (b - a) * share), 0), 255) for a, b in pairs)
    return QColor(red, green, blue, alpha)


def with_alpha(colour: str | QColor, alpha: float) -> QColor:
    """Return the colour with an opacity of 0…1."""
    result = QColor(colour)
    result.setAlphaF(alpha)
    return result


def font(size: int = BODY, *, strong: bool = False, tabular: bool = False) -> QFont:
    """Return the program's font at a token size; `tabular` keeps digits equally wide."""
    result = QFont(QGuiApplication.font())
    result.setPixelSize(size)
    result.setWeight(QFont.Weight.DemiBold if strong else QFont.Weight.Normal)
    if tabular:
        result.setFeature(QFont.Tag("tnum"), 1)
    return result


class Look(QObject):
    """Which theme is on; follows the system unless one is forced.

    Signals:
        changed: the tokens are other ones now; palette and style sheet are already applied.

    Thread: GUI.
    """

    changed = Signal()

    def __init__(self, choice: str = "system", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.choice = choice if choice in THEMES else "system"
        self.tokens = DARK
        QGuiApplication.setFont(interface_font())
        application().setStyle("Fusion")
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_scheme_changed)
        self._apply()

    def choose(self, choice: str) -> None:
        """Force "dark" or "light", or follow the "system" again."""
        self.choice = choice
        hints = QGuiApplication.styleHints()
        # Native title bars and file dialogs follow these hints, not our palette.
        if choice == "system":
            hints.unsetColorScheme()
        else:
            dark = choice == "dark"
            hints.setColorScheme(Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light)
        self._apply()

    @Slot(Qt.ColorScheme)
    def _on_scheme_changed(self, _scheme: Qt.ColorScheme) -> None:
        self._apply()

    def _apply(self) -> None:
        if self.choice == "system":
            self.tokens = tokens_of(QGuiApplication.styleHints().colorScheme())
        else:
            self.tokens = DARK if self.choice == "dark" else LIGHT
        app = application()
        sheet = style_sheet(self.tokens)
        # Setting even the same sheet polishes every widget anew.
        if app.styleSheet() != sheet:
            app.setPalette(palette(self.tokens))
            app.setStyleSheet(sheet)
        self.changed.emit()


def tokens_of(scheme: Qt.ColorScheme) -> Tokens:
    """Return the colours of a scheme; a system that does not say gets the studio at night."""
    return LIGHT if scheme == Qt.ColorScheme.Light else DARK


def application() -> QApplication:
    """Return the one application object.

    Raises:
        TypeError: there is none yet, or it has no widgets.
    """
    app = QApplication.instance()
    if not isinstance(app, QApplication):  # None, or one without widgets
        raise TypeError("the look needs a QApplication")
    return app


@cache
def interface_font() -> QFont:
    """Return the system's interface font at body size, or ours where the system has none.

    A bare Linux desktop answers with DejaVu Sans, which has no semi-bold and is a third wider than
    every interface font that the layout was drawn for; there the bundled Inter is used.
    """
    result = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    if sys.platform == "linux" and QFontInfo(result).family() in {"DejaVu Sans", "Bitstream Vera"}:
        names = ("fonts/Inter-Regular.otf", "fonts/Inter-SemiBold.otf")
        loaded = [QFontDatabase.addApplicationFont(str(resource(name))) for name in names]
        if -1 not in loaded:
            result.setFamilies([*QFontDatabase.applicationFontFamilies(loaded[0]), "DejaVu Sans"])
    result.setPixelSize(BODY)
    return result


def palette(tokens: Tokens) -> QPalette:
    """Return the palette that Fusion paints with."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    result = QPalette()
    colours = {
        role.Window: tokens.window,
        role.WindowText: tokens.text,
        role.Base: tokens.panel,
        role.AlternateBase: tokens.raised,
        role.Text: tokens.text,
        role.PlaceholderText: tokens.muted,
        role.Button: tokens.raised,
        role.ButtonText: tokens.text,
        role.BrightText: tokens.text,
        role.ToolTipBase: tokens.raised,
        role.ToolTipText: tokens.text,
        role.Highlight: tokens.accent,
        role.HighlightedText: tokens.on_accent,
        role.Link: tokens.accent,
        role.LinkVisited: tokens.accent,
        role.Light: tokens.line,
        role.Midlight: tokens.line,
        role.Mid: tokens.line,
        role.Dark: tokens.line,
        role.Shadow: tokens.window,
        role.Accent: tokens.accent,
    }
    for key, colour in colours.items():
        result.setColor(key, QColor(colour))
    faded = mix(tokens.panel, tokens.text, DISABLED_OPACITY)
    for key in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(group.Disabled, key, faded)
    return result


_SHEET = Template("""
QMainWindow { background: $window; }
QDialog, QMessageBox { background: $panel; }
QWidget#side_panel, QWidget#toolbar, QWidget#queue_panel, QWidget#status_bar {
    background: $panel;
}
QWidget#queue_panel[roomy="true"] { background: $window; }
QSplitter::handle { background: transparent; }
QToolTip {
    background: $raised; color: $text; border: 1px solid $line; border-radius: 6px;
    padding: 4px 8px;
}
QLineEdit {
    background: $raised; color: $text; border: 2px solid transparent; border-radius: 6px;
    padding: 0 8px; min-height: 28px; selection-background-color: $accent;
    selection-color: $on_accent;
}
QLineEdit:focus { border-color: $accent; }
QLineEdit:disabled { color: $faded; }
QComboBox {
    background: $raised; color: $text; border: 2px solid transparent; border-radius: 6px;
    padding: 0 8px 0 10px; min-height: 28px;
}
QComboBox:hover { background: $hover; }
QComboBox:focus, QComboBox:on { border-color: $accent; }
QComboBox:disabled { color: $faded; }
QComboBox::drop-down { border: none; width: 24px; }
QComboBox QAbstractItemView {
    background: $panel; color: $text; border: 1px solid $line; padding: 4px;
    selection-background-color: $raised; selection-color: $text; outline: none;
}
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QDialogButtonBox QPushButton {
    background: $raised; color: $text; border: 2px solid transparent; border-radius: 6px;
    padding: 0 14px; min-height: 28px;
}
QDialogButtonBox QPushButton:hover { background: $hover; }
QDialogButtonBox QPushButton:focus { border-color: $accent; }
QDialogButtonBox QPushButton:disabled { color: $faded; }
QMenu { background: $panel; color: $text; border: 1px solid $line; padding: 6px; }
QMenu::item { padding: 7px 28px 7px 12px; border-radius: 6px; }
QMenu::item:selected { background: $raised; }
QMenu::item:disabled { color: $faded; }
QMenu::separator { height: 1px; background: $line; margin: 6px 8px; }
QListView { background: transparent; border: none; outline: none; }
QPlainTextEdit {
    background: $window; color: $text; border: 2px solid transparent; border-radius: 6px;
    padding: 4px; selection-background-color: $accent; selection-color: $on_accent;
}
QPlainTextEdit#details_remark { background: $raised; }
QPlainTextEdit:focus { border-color: $accent; }
QListWidget[pages="true"]::item { padding: 0 10px; border-radius: 6px; color: $text; }
QListWidget[pages="true"]::item:hover { background: $hover; }
QListWidget[pages="true"]::item:selected { background: $raised; color: $text; }
QListWidget[pages="true"]::item:focus { border: 2px solid $accent; padding: 0 8px; }
QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: none; }
QHeaderView { background: transparent; border: none; }
QHeaderView::section { background: transparent; color: $muted; border: none;
    border-bottom: 1px solid $line; padding: 0 12px; }
QHeaderView::section:hover { color: $text; background: $raised; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar::handle:vertical { background: $line; border-radius: 3px; min-height: 32px; }
QScrollBar::handle:vertical:hover { background: $muted; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 2px; }
QScrollBar::handle:horizontal { background: $line; border-radius: 3px; min-width: 32px; }
QScrollBar::handle:horizontal:hover { background: $muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: none; }
QFrame#drop_mark { background: $accent; border: none; }
QLabel[tone="muted"] { color: $muted; }
QLabel[tone="accent"] { color: $accent; }
QLabel[tone="error"] { color: $error; }
QLabel[tone="warn"] { color: $warn; }
QLabel[tone="ok"] { color: $ok; }
""")


def style_sheet(tokens: Tokens) -> str:
    """Return the style sheet of what is not painted by our own widgets."""
    faded = mix(tokens.panel, tokens.text, DISABLED_OPACITY).name()
    colours = {name: value for name, value in vars(tokens).items() if isinstance(value, str)}
    return _SHEET.substitute(colours, faded=faded)
