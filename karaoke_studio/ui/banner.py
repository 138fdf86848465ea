"""Calm banners at the top of the window: one line, one action, a way to close it."""

from __future__ import annotations

from PySide6.QtCore import QRect, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from karaoke_studio.ui import icons, theme
from karaoke_studio.ui.controls import Button, Kind, Label
from karaoke_studio.ui.theme import Look


class Banner(QWidget):
    """One message.

    Signals:
        acted: the action was pressed.
        closed: the person closed it, or its time is over.
    """

    acted = Signal()
    closed = Signal()

    def __init__(self, look: Look, name: str, icon: str, tone: str) -> None:
        super().__init__()
        self._look, self._icon, self._tone = look, icon, tone
        self.setObjectName(name)
        self.label = Label()
        self.label.setObjectName(f"{name}_text")
        self.action_button = Button(look, f"{name}_action", " ", kind=Kind.NORMAL)
        self.action_button.hide()
        self.close_button = Button(
            look, f"{name}_close", icon="x", kind=Kind.QUIET, says="Close this message", tip="Close"
        )
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.closed)
        self.action_button.clicked.connect(self.acted)
        self.close_button.clicked.connect(self.closed)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.L + icons.MEDIUM + theme.M, theme.XS, theme.S, theme.XS)
        row.setSpacing(theme.S)
        row.addWidget(self.label, 1)
        row.addWidget(self.action_button)
        row.addWidget(self.close_button)
        self.setFixedHeight(theme.CONTROL_HEIGHT + 2 * theme.XS)
        look.changed.connect(self.update)
        self.hide()

    def tell(self, sentence: str, action: str = "", for_ms: int = 0) -> None:
        """Show a sentence with an action, for a time or until it is closed."""
        self.label.setText(sentence)
        self.setAccessibleName(sentence)
        self.action_button.setText(action)
        self.action_button.setAccessibleName(action)
        self.action_button.updateGeometry()
        self.action_button.setVisible(bool(action))
        self._timer.stop()
        if for_ms:
            self._timer.start(for_ms)
        self.show()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint ground and icon."""
        tokens = self._look.tokens
        colour = QColor(getattr(tokens, self._tone))
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.mix(tokens.panel, colour, 0.14))
        top = (self.height() - icons.MEDIUM) // 2
        box = QRect(theme.L, top, icons.MEDIUM, icons.MEDIUM)
        icons.paint_icon(painter, self._icon, box, colour)


class Banners(QWidget):
    """The place for banners; the layout closes up where there are none.

    Signals:
        retry_sound_requested: look for a sound device again.
        undo_requested: bring the removed song back.
        show_export_requested: open the folder of the finished export.
    """

    retry_sound_requested = Signal()
    undo_requested = Signal()
    show_export_requested = Signal()

    UNDO_MS = 12_000

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.sound = Banner(look, "sound_banner", "speaker-slash", "warn")
        self.undo = Banner(look, "undo_banner", "trash", "accent")
        self.export = Banner(look, "export_banner", "check-circle", "ok")
        self.closing = Banner(look, "closing_banner", "hourglass", "accent")
        self.notice = Banner(look, "notice_banner", "info", "accent")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        for banner in (self.sound, self.undo, self.export, self.closing, self.notice):
            column.addWidget(banner)
            banner.closed.connect(banner.hide)
        self.sound.acted.connect(self.retry_sound_requested)
        self.undo.acted.connect(self._on_undo)
        self.export.acted.connect(self.show_export_requested)

    @Slot()
    def _on_undo(self) -> None:
        self.undo.hide()
        self.undo_requested.emit()
