"""Where songs come in: the welcome page, the light over the window, and what may be dropped."""

from __future__ import annotations

import math
import stat
from pathlib import Path

from PySide6.QtCore import QMimeData, QRectF, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from karaoke_studio.ui import icons, text, theme
from karaoke_studio.ui.controls import Button, Kind, Label
from karaoke_studio.ui.theme import Look


def local_path(url: QUrl) -> Path | None:
    """Return the path of a regular file or folder on this computer, else None.

    "file://server/share" counts as local for Qt; opening it would send the person's Windows
    credentials to a stranger's server, so a URL with a host is refused unseen.
    """
    if not url.isLocalFile() or url.host():
        return None
    name = url.toLocalFile()
    if name.startswith(("//", "\\\\")):
        return None
    path = Path(name)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    return path if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else None


def dropped_paths(data: QMimeData) -> list[Path]:
    """Return the files and folders of a drag that can be taken, in order."""
    paths = (local_path(url) for url in data.urls())
    return [path for path in paths if path is not None]


def drop_sentence(paths: list[Path]) -> str:
    """Return what dropping these paths will do."""
    if not paths:
        return text.DROP_REFUSED
    folders = sum(path.is_dir() for path in paths)
    return text.dropped(len(paths) - folders, folders)


class DropArea(QWidget):
    """The welcome page: what to do here, and two ways to begin.

    Signals:
        add_requested: the person wants to choose files.
        demo_requested: the person wants to hear what this does.
    """

    add_requested = Signal()
    demo_requested = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.setObjectName("drop_area")
        look.changed.connect(self.update)
        self.heading = Label(size=theme.EMPTY, strong=True)
        self.heading.setObjectName("drop_heading")
        self.heading.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        lines = [
            Label(
                "Songs, music videos or whole folders: MP3, FLAC, WAV, M4A, OGG, MP4 and more.",
                tone="muted",
            ),
            Label(
                "Everything happens on this computer, and your files stay as they are.",
                tone="muted",
            ),
        ]
        for line in lines:
            line.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.add_button = Button(
            look, "drop_add_button", "Add songs", icon="plus-bold", kind=Kind.PRIMARY
        )
        self.demo_button = Button(look, "demo_button", "Try the demo song", icon="play")
        self.add_button.clicked.connect(self.add_requested)
        self.demo_button.clicked.connect(self.demo_requested)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.M)
        buttons.addStretch(1)
        buttons.addWidget(self.demo_button)
        buttons.addWidget(self.add_button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.XXL, theme.XXL, theme.XXL, theme.XXL)
        column.setSpacing(0)
        column.addStretch(5)
        column.addWidget(_Wave(look), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(theme.XL)
        column.addWidget(self.heading)
        column.addSpacing(theme.M)
        column.addWidget(lines[0])
        column.addSpacing(theme.XS)
        column.addWidget(lines[1])
        column.addSpacing(theme.XL)
        column.addLayout(buttons)
        column.addStretch(6)
        self.set_welcome(True)

    def set_welcome(self, welcome: bool) -> None:
        """Greet who has no songs yet, or send who has some to them."""
        words = "Drop songs here" if welcome else "Choose a song, or drop more here"
        self.setAccessibleName(words)
        self.heading.setText(words)
        self.demo_button.setVisible(welcome)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the edge that says: here."""
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor(tokens.line), 2)
        pen.setDashPattern([4, 4])
        painter.setPen(pen)
        gap = theme.XL + 1
        box = QRectF(self.rect()).adjusted(gap, gap, -gap, -gap)
        painter.drawRoundedRect(box, theme.CARD_RADIUS, theme.CARD_RADIUS)


class _Wave(QWidget):
    """The program's own picture: a voice over the music, as bars."""

    _BARS = 25

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.setFixedSize(QSize(self._BARS * 9, 96))
        look.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        for index in range(self._BARS):
            place = (index + 0.5) / self._BARS
            bell = math.sin(math.pi * place)
            voice = bell * (0.35 + 0.65 * math.sin(index * 0.9) ** 2) * (middle - 4)
            music = bell**0.6 * (0.55 + 0.35 * math.cos(index * 1.3) ** 2) * (middle - 8)
            x = index * 9 + 2
            painter.setBrush(tokens.stem("vocals"))
            painter.drawRoundedRect(
                QRectF(x, middle - 2 - max(voice, 5), 5, max(voice, 5)), 2.5, 2.5
            )
            painter.setBrush(tokens.stem("instrumental"))
            painter.drawRoundedRect(QRectF(x, middle + 2, 5, max(music, 5)), 2.5, 2.5)


class DragOverlay(QWidget):
    """The light over the whole window while something is dragged above it."""

    def __init__(self, look: Look, parent: QWidget) -> None:
        super().__init__(parent)
        self._look = look
        self._sentence = ""
        self._welcome = True
        self.setObjectName("drag_overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def sentence(self) -> str:
        """Return what it says."""
        return self._sentence

    def show_sentence(self, sentence: str, *, welcome: bool) -> None:
        """Cover the window with what will happen, or with why nothing will."""
        self._sentence, self._welcome = sentence, welcome
        self.setAccessibleName(sentence)
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.raise_()
        self.show()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint veil, edge, icon and sentence."""
        tokens = self._look.tokens
        colour = QColor(tokens.accent if self._welcome else tokens.muted)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.with_alpha(tokens.window, 0.96))
        painter.setPen(QPen(colour, 2))
        painter.setBrush(theme.with_alpha(colour, 0.08))
        gap = theme.M + 1
        box = QRectF(self.rect()).adjusted(gap, gap, -gap, -gap)
        painter.drawRoundedRect(box, theme.CARD_RADIUS, theme.CARD_RADIUS)
        middle = self.rect().center()
        icon = self.rect().adjusted(0, 0, 0, 0)
        icon.setSize(QSize(56, 56))
        icon.moveCenter(middle)
        icon.translate(0, -44)
        name = "download-simple" if self._welcome else "prohibit"
        icons.paint_icon(painter, name, icon, colour)
        painter.setPen(QColor(tokens.text))
        painter.setFont(theme.font(theme.EMPTY, strong=True))
        words = self.rect().adjusted(theme.XXL, 0, -theme.XXL, 0)
        words.translate(0, 28)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(words, int(flags), self._sentence)
