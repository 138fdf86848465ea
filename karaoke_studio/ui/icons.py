"""Icons of one family (Phosphor, from QtAwesome), painted in a colour of the theme."""

from __future__ import annotations

import os
from functools import cache

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPixmapCache

# QtAwesome asks QtPy, which would take whichever binding it finds first.
os.environ.setdefault("QT_API", "pyside6")

import qtawesome
from qtawesome.iconic_font import IconicFont

#: Sizes in pixels.
SMALL, MEDIUM, LARGE = 18, 20, 24
#: How large a glyph is in its box.
_GLYPH_SHARE = 0.875


@cache
def _family() -> IconicFont:
    # qtawesome.icon() would load all twelve of its fonts (0.14 s); one is enough (0.03 s).
    return IconicFont(next(font for font in qtawesome._BUNDLED_FONTS if font[0] == "ph"))


def icon(name: str, colour: QColor | str) -> QIcon:
    """Return a Phosphor icon, such as "play-fill", in a colour."""
    result: QIcon = _family().icon(f"ph.{name}", color=QColor(colour))
    return result


def paint_icon(painter: QPainter, name: str, rect: QRect, colour: QColor | str) -> None:
    """Paint a Phosphor icon into a rectangle.

    What was painted once is kept as a picture: drawing a glyph takes a millisecond, and a list
    shows dozens.
    """
    size, ratio = min(rect.width(), rect.height()), painter.device().devicePixelRatioF()
    key = f"icon {name} {size} {ratio} {QColor(colour).rgba():x}"
    picture = QPixmap()
    if not QPixmapCache.find(key, picture):
        picture = pixmap(name, size, colour, ratio)
        QPixmapCache.insert(key, picture)
    box = QRect(0, 0, size, size)
    box.moveCenter(rect.center())
    painter.drawPixmap(box.topLeft(), picture)


def pixmap(name: str, size: int, colour: QColor | str, ratio: float = 1.0) -> QPixmap:
    """Return an icon as a pixmap of `size` logical pixels."""
    result = QPixmap(round(size * ratio), round(size * ratio))
    result.setDevicePixelRatio(ratio)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    # as qtawesome paints it, without the QIcon around it that takes five times as long
    family = _family()
    painter.setFont(family.font("ph", _GLYPH_SHARE * size))
    painter.setPen(QColor(colour))
    painter.drawText(
        QRect(0, 0, size, size), Qt.AlignmentFlag.AlignCenter, family.charmap["ph"][name]
    )
    painter.end()
    return result
