"""The small painted parts that the panels are made of: button, label, pill, bar, slider."""

from __future__ import annotations

import math
import time
from enum import Enum
from typing import Any, ClassVar

from PySide6.QtCore import (
    QEasingCurve,
    QEvent,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    QVariantAnimation,
    Slot,
)
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStyle,
    QWidget,
)

from karaoke_studio.ui import icons, text, theme
from karaoke_studio.ui.theme import Look


def motion_ms(duration_ms: int = theme.MOTION_MS) -> int:
    """Return the duration of an animation; 0 where the system asks for no motion."""
    style = theme.application().style()
    return duration_ms if style.styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) else 0


class Glow(QVariantAnimation):
    """A number between 0 and 1 that eases towards "on" or "off" and repaints its widget."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self.level = 0.0
        self.setEasingCurve(QEasingCurve.Type.OutQuad)
        self.valueChanged.connect(self._on_value_changed)

    def turn(self, *, on: bool) -> None:
        """Ease to 1 or 0."""
        self.stop()
        goal = 1.0 if on else 0.0
        duration = motion_ms()
        if not duration or not self._widget.isVisible():
            self._on_value_changed(goal)
            return
        self.setDuration(duration)
        self.setStartValue(self.level)
        self.setEndValue(goal)
        self.start()

    @Slot(object)
    def _on_value_changed(self, value: Any) -> None:
        self.level = float(value)
        self._widget.update()


def is_override(event: QEvent, *keys: Qt.Key) -> bool:
    """Whether the window asks if the widget in focus wants one of these keys for itself."""
    return (
        event.type() == QEvent.Type.ShortcutOverride
        and isinstance(event, QKeyEvent)
        and event.key() in keys
    )


def paint_focus(painter: QPainter, rect: QRectF, radius: float, colour: str | QColor) -> None:
    """Paint the focus ring just inside a rectangle."""
    half = theme.FOCUS_WIDTH / 2
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(colour), theme.FOCUS_WIDTH))
    painter.drawRoundedRect(rect.adjusted(half, half, -half, -half), radius, radius)


class Kind(Enum):
    """How loud a button is."""

    PRIMARY = "primary"
    NORMAL = "normal"
    QUIET = "quiet"


class Button(QPushButton):
    """A button with an optional icon; Return presses it, Space is left to play and pause.

    Args:
        look: the theme.
        name: object name.
        label: visible words; without them an icon stands alone.
        icon: Phosphor name.
        kind: how loud it is.
        says: accessible name, where it should differ from the words.
        tip: tooltip while it can be used.
    """

    def __init__(
        self,
        look: Look,
        name: str,
        label: str = "",
        *,
        icon: str = "",
        kind: Kind = Kind.NORMAL,
        says: str = "",
        tip: str = "",
    ) -> None:
        super().__init__(label)
        self._look, self._icon, self._kind, self._tip = look, icon, kind, tip
        self._glow = Glow(self)
        self.setObjectName(name)
        self.setAccessibleName(says or label)
        self.setToolTip(text.tooltip(tip))
        self.setFont(theme.font(strong=kind is Kind.PRIMARY))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def set_icon(self, name: str) -> None:
        """Show another icon."""
        self._icon = name
        self.update()

    def set_kind(self, kind: Kind) -> None:
        """Make it louder or quieter."""
        self._kind = kind
        self.setFont(theme.font(strong=kind is Kind.PRIMARY))
        self.updateGeometry()
        self.update()

    def set_words(self, words: str) -> None:
        """Show other words."""
        self.setText(words)
        self.setAccessibleName(words)
        self.updateGeometry()

    def set_available(self, available: bool, why_not: str = "") -> None:
        """Enable or disable; the tooltip of a disabled button says why it is."""
        self.setEnabled(available)
        self.setToolTip(text.tooltip(self._tip if available else why_not))

    def sizeHint(self) -> QSize:
        """Return the size of words, icon and padding."""
        width = QFontMetrics(self.font()).horizontalAdvance(self.text()) if self.text() else 0
        if not self.text():
            return QSize(theme.CONTROL_HEIGHT, theme.CONTROL_HEIGHT)
        if self._icon:
            width += icons.SMALL + theme.S
        return QSize(width + 2 * (theme.M + 2), theme.CONTROL_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Return the same: a button's words are never cut."""
        return self.sizeHint()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Light up."""
        super().enterEvent(event)
        self._glow.turn(on=self.isEnabled())

    def leaveEvent(self, event: QEvent) -> None:
        """Calm down."""
        super().leaveEvent(event)
        self._glow.turn(on=False)

    def _colours(self) -> tuple[QColor, QColor]:
        """Return (background, foreground) of now."""
        tokens, level = self._look.tokens, self._glow.level
        level = 1.6 if self.isDown() else level
        if self._kind is Kind.PRIMARY:
            return theme.mix(tokens.accent, tokens.text, 0.14 * level), QColor(tokens.on_accent)
        if self._kind is Kind.NORMAL:
            return theme.mix(tokens.raised, tokens.hover, level), QColor(tokens.text)
        return theme.with_alpha(tokens.raised, min(level, 1.0)), QColor(tokens.text)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint background, icon and words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(theme.DISABLED_OPACITY)
        background, foreground = self._colours()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(background)
        painter.drawRoundedRect(self.rect(), theme.RADIUS, theme.RADIUS)
        self._paint_content(painter, foreground)
        if self.hasFocus():
            primary = self._kind is Kind.PRIMARY
            inset = 3.0 if primary else 0.0
            ring = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
            colour = self._look.tokens.on_accent if primary else self._look.tokens.accent
            paint_focus(painter, ring, theme.RADIUS - inset / 2, colour)

    def _paint_content(self, painter: QPainter, foreground: QColor) -> None:
        words = self.text()
        metrics = QFontMetrics(self.font())
        wide = metrics.horizontalAdvance(words) if words else 0
        size = icons.SMALL if words else icons.MEDIUM
        gap = theme.S if words and self._icon else 0
        left = (self.width() - wide - gap - (size if self._icon else 0)) // 2
        if self._icon:
            box = QRect(left, (self.height() - size) // 2, size, size)
            icons.paint_icon(painter, self._icon, box, foreground)
            left += size + gap
        painter.setPen(foreground)
        painter.setFont(self.font())
        area = QRect(left, 0, wide + 2, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, words)


class Label(QLabel):
    """Plain words on one line; too long ones end in "…" and show whole in the tooltip.

    Args:
        words: what it says; never read as mark-up.
        size: a type size of the theme.
        strong: semi-bold.
        tone: "" (text), "muted", "accent", "ok", "warn" or "error".
        tabular: digits are equally wide.
        elide: where too long words are cut.
    """

    def __init__(
        self,
        words: str = "",
        *,
        size: int = theme.BODY,
        strong: bool = False,
        tone: str = "",
        tabular: bool = False,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(size, strong=strong, tabular=tabular))
        self.setProperty("tone", tone)
        self._elide = elide
        self.setText(words)

    def setText(self, words: str) -> None:  # noqa: N802
        """Show other words."""
        words = text.one_line(words)
        if words != self.text():
            super().setText(words)
            self._tell_whole()

    def set_tone(self, tone: str) -> None:
        """Change the colour."""
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            self.style().unpolish(self)
            self.style().polish(self)

    def sizeHint(self) -> QSize:
        """Return the size of the whole text, rounded up so that it is not cut by a fraction."""
        metrics = QFontMetrics(self.font())
        return QSize(metrics.horizontalAdvance(self.text()) + 2, metrics.height())

    def minimumSizeHint(self) -> QSize:
        """Return a width of nothing: a label gives way."""
        return QSize(0, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show or drop the tooltip."""
        super().resizeEvent(event)
        self._tell_whole()

    def _shown(self) -> str:
        return QFontMetrics(self.font()).elidedText(self.text(), self._elide, self.width())

    def _tell_whole(self) -> None:
        cut = self.width() > 0 and self._shown() != self.text()
        self.setToolTip(text.tooltip(self.text()) if cut else "")

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint what fits."""
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(
            self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, self._shown()
        )


class Paragraph(QLabel):
    """Plain words that wrap."""

    def __init__(self, words: str = "", *, size: int = theme.BODY, tone: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(theme.font(size))
        self.setProperty("tone", tone)
        self.setWordWrap(True)
        self.setText(words)

    def set_tone(self, tone: str) -> None:
        """Change the colour."""
        self.setProperty("tone", tone)
        self.style().unpolish(self)
        self.style().polish(self)


class Sign(QWidget):
    """A small icon that says well done or gone wrong beside words of the same colour."""

    _ICONS: ClassVar[dict[str, str]] = {"ok": "check-circle", "error": "warning-circle"}

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look, self._tone = look, ""
        self.setFixedSize(icons.SMALL, icons.SMALL)
        self.hide()
        look.changed.connect(self.update)

    def show_tone(self, tone: str) -> None:
        """Show the icon of a tone; hide where it has none."""
        self._tone = tone
        self.setVisible(tone in self._ICONS)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the icon."""
        colour = getattr(self._look.tokens, self._tone)
        icons.paint_icon(QPainter(self), self._ICONS[self._tone], self.rect(), colour)


class Pill(QWidget):
    """One fact in a rounded shape, with an optional icon in front."""

    def __init__(self, look: Look, words: str, *, icon: str = "", tone: str = "muted") -> None:
        super().__init__()
        self._look, self._words, self._icon, self._tone = look, text.one_line(words), icon, tone
        self.setFont(theme.font(theme.CAPTION, tabular=True))
        self.setAccessibleName(self._words)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def text(self) -> str:
        """Return the words."""
        return self._words

    def sizeHint(self) -> QSize:
        """Return the size of words and padding."""
        width = QFontMetrics(self.font()).horizontalAdvance(self._words)
        return QSize(width + 2 * 10 + (18 if self._icon else 0) + 1, 22)

    def minimumSizeHint(self) -> QSize:
        """Return room for a few letters."""
        return QSize(min(self.sizeHint().width(), 64), 22)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show or drop the tooltip."""
        super().resizeEvent(event)
        cut = self.width() < self.sizeHint().width()
        self.setToolTip(text.tooltip(self._words) if cut else "")

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the shape and the words."""
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.raised))
        painter.drawRoundedRect(self.rect(), self.height() / 2, self.height() / 2)
        area = self.rect().adjusted(10, 0, -10, 0)
        if self._icon:
            box = QRect(area.left(), (self.height() - 14) // 2, 14, 14)
            icons.paint_icon(painter, self._icon, box, getattr(tokens, self._tone))
            area.setLeft(area.left() + 18)
        painter.setFont(self.font())
        painter.setPen(QColor(tokens.text if self._icon else tokens.muted))
        words = QFontMetrics(self.font()).elidedText(
            self._words, Qt.TextElideMode.ElideRight, area.width() + 1
        )
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, words)


class SmoothBar(QProgressBar):
    """A progress bar that glides towards measured values and never goes back."""

    STEPS = 1000
    _GLIDE_S = 0.09

    def __init__(self, look: Look, name: str, says: str) -> None:
        super().__init__()
        self._look = look
        self._goal = self._shown = 0.0
        self._at = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(16)
        self._timer.timeout.connect(self._on_tick)
        self.setObjectName(name)
        self.setAccessibleName(says)
        self.setRange(0, self.STEPS)
        self.setTextVisible(False)
        self.setFixedHeight(6)
        self.setMinimumWidth(60)
        look.changed.connect(self.update)

    @property
    def goal(self) -> float:
        """The largest fraction that was reported."""
        return self._goal

    @property
    def shown(self) -> float:
        """The fraction that is painted now."""
        return self._shown

    def advance(self, fraction: float) -> None:
        """Glide to a fraction of 0…1; a smaller one than before changes nothing."""
        if fraction <= self._goal:
            return
        self._goal = min(fraction, 1.0)
        self._tell(self._goal)
        if not motion_ms():
            self._shown = self._goal
            self.update()
        elif not self._timer.isActive():
            self._at = time.monotonic()
            self._timer.start()

    def restart(self) -> None:
        """Begin at nothing again."""
        self._timer.stop()
        self._goal = self._shown = 0.0
        self._tell(0.0)

    def _tell(self, fraction: float) -> None:
        """Tell screen readers, and repaint soon."""
        # QProgressBar would repaint at once, and with itself all of the window that is due
        self.setUpdatesEnabled(False)
        self.setValue(round(fraction * self.STEPS))
        self.setUpdatesEnabled(True)

    @Slot()
    def _on_tick(self) -> None:
        now = time.monotonic()
        share = 1 - math.exp(-(now - self._at) / self._GLIDE_S)
        self._at = now
        self._shown += (self._goal - self._shown) * share
        if self._goal - self._shown < 0.0005:
            self._shown = self._goal
            self._timer.stop()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint groove and filling."""
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.line if tokens.is_dark else tokens.raised))
        box = QRectF(self.rect())
        painter.drawRoundedRect(box, 3, 3)
        if self._shown > 0:
            box.setWidth(max(6.0, box.width() * self._shown))
            painter.setBrush(QColor(tokens.accent))
            painter.drawRoundedRect(box, 3, 3)


class FlatSlider(QSlider):
    """A horizontal slider; a click jumps there, arrows and Home/End move it while it has focus."""

    _OWN_KEYS = frozenset(
        {
            Qt.Key.Key_Left,
            Qt.Key.Key_Right,
            Qt.Key.Key_Up,
            Qt.Key.Key_Down,
            Qt.Key.Key_Home,
            Qt.Key.Key_End,
        }
    )
    _HANDLE = 14

    def __init__(self, look: Look, name: str, says: str, stem: str = "original") -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._look, self._stem = look, stem
        self.setObjectName(name)
        self.setAccessibleName(says)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(24)
        look.changed.connect(self.update)

    def tint(self) -> QColor:
        """Return the colour of filling and ring."""
        return QColor(self._look.tokens.stem(self._stem))

    def filled_from(self) -> int:
        """Return the value from which on the groove is filled."""
        return self.minimum()

    def minimumSizeHint(self) -> QSize:
        """Return a width of nothing: a slider gives way."""
        return QSize(0, 24)

    def event(self, event: QEvent) -> bool:
        """Keep the keys that move it from the window's shortcuts while it has the focus."""
        if is_override(event, *self._OWN_KEYS):
            event.accept()
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Jump to the pointer."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._go_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        if self.isSliderDown():
            self._go_to(event.position().x())

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self.setSliderDown(False)

    def _go_to(self, x: float) -> None:
        share = (x - self._HANDLE / 2) / max(self.width() - self._HANDLE, 1)
        value = self.minimum() + share * (self.maximum() - self.minimum())
        self.setValue(self.snapped(value))

    def snapped(self, value: float) -> int:
        """Return the value that the pointer means."""
        return round(value)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint groove, filling and ring."""
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(theme.DISABLED_OPACITY)
        if self.width() < 2 * self._HANDLE:
            return
        radius = self._HANDLE / 2
        span = max(self.maximum() - self.minimum(), 1)
        share = (self.value() - self.minimum()) / span
        middle = self.height() / 2
        x = radius + share * (self.width() - self._HANDLE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.line))
        painter.drawRoundedRect(QRectF(0, middle - 2, self.width(), 4), 2, 2)
        tint = self.tint()
        painter.setBrush(tint)
        usual = (self.filled_from() - self.minimum()) / span
        start = radius + usual * (self.width() - self._HANDLE) if usual else 0.0
        painter.drawRoundedRect(QRectF(min(start, x), middle - 2, abs(x - start), 4), 2, 2)
        painter.setPen(QPen(tint, 3))
        painter.setBrush(QColor(tokens.panel))
        painter.drawEllipse(QPointF(x, middle), radius - 1.5, radius - 1.5)
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()), theme.RADIUS, tokens.accent)


class Tick(QCheckBox):
    """A choice of yes or no."""

    _BOX = 18

    def __init__(self, look: Look, name: str, label: str) -> None:
        super().__init__(label)
        self._look = look
        self.setObjectName(name)
        self.setAccessibleName(label)
        self.setFont(theme.font())
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Return the size of box and words."""
        wide = QFontMetrics(self.font()).horizontalAdvance(self.text())
        return QSize(4 + self._BOX + theme.S + wide + 6, theme.CONTROL_HEIGHT - 4)

    def minimumSizeHint(self) -> QSize:
        """Return the same."""
        return self.sizeHint()

    def hitButton(self, place: QPoint) -> bool:  # noqa: N802
        """Take clicks anywhere on it."""
        return self.rect().contains(place)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint box and words."""
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(theme.DISABLED_OPACITY)
        box = QRectF(4, (self.height() - self._BOX) / 2, self._BOX, self._BOX)
        if self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.accent))
            painter.drawRoundedRect(box, theme.XS, theme.XS)
            inner = box.adjusted(2, 2, -2, -2).toRect()
            icons.paint_icon(painter, "check-bold", inner, tokens.on_accent)
        else:
            painter.setPen(QPen(QColor(tokens.muted), 1.5))
            painter.setBrush(QColor(tokens.raised))
            edge = box.adjusted(0.75, 0.75, -0.75, -0.75)
            painter.drawRoundedRect(edge, theme.XS, theme.XS)
        painter.setFont(self.font())
        painter.setPen(QColor(tokens.text))
        words = self.rect().adjusted(4 + self._BOX + theme.S, 0, 0, 0)
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), self.text())
        if self.hasFocus():
            paint_focus(painter, box.adjusted(-3.5, -3.5, 3.5, 3.5), theme.RADIUS, tokens.accent)


class Choice(QComboBox):
    """One of several words."""

    def __init__(self, look: Look, name: str, says: str) -> None:
        super().__init__()
        self._look = look
        self.setObjectName(name)
        self.setAccessibleName(says)
        self.setFixedHeight(theme.CONTROL_HEIGHT)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        look.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint ground, words and arrow."""
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.isEnabled():
            painter.setOpacity(theme.DISABLED_OPACITY)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.hover if self.underMouse() else tokens.raised))
        painter.drawRoundedRect(self.rect(), theme.RADIUS, theme.RADIUS)
        arrow = QRect(self.width() - 14 - theme.M, (self.height() - 14) // 2, 14, 14)
        icons.paint_icon(painter, "caret-down", arrow, tokens.muted)
        painter.setPen(QColor(tokens.text))
        words = self.rect().adjusted(theme.M, 0, -14 - theme.M - theme.XS, 0)
        shown = QFontMetrics(self.font()).elidedText(
            self.currentText(), Qt.TextElideMode.ElideRight, words.width()
        )
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), shown)
        if self.hasFocus():
            paint_focus(painter, QRectF(self.rect()), theme.RADIUS, tokens.accent)


def separator(look: Look) -> QFrame:
    """Return a hairline."""
    return _Hairline(look)


class _Hairline(QFrame):
    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self.setFixedHeight(1)
        look.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), QColor(self._look.tokens.line))
