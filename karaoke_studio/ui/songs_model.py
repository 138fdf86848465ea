"""Songs as a Qt model, and how their rows are painted."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    QStringListModel,
    Qt,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from karaoke_studio.library.finder import SongRow
from karaoke_studio.ui import icons, text, theme
from karaoke_studio.ui.controls import paint_focus
from karaoke_studio.ui.disk import Disk, paint_cover
from karaoke_studio.ui.theme import Look

_ID = operator.itemgetter(SongRow._fields.index("id"))
SONG_ROLE = int(Qt.ItemDataRole.UserRole)
#: Ids of songs that are dragged, one a line.
SONGS_MIME = "application/x-karaoke-studio-songs"
_COVER = 40
_PITCH = theme.ROW_HEIGHT + theme.XS
_STAR, _MARK = 14, 8
#: Longest badge in pixels: the artist needs room too.
_BADGE = 80

Index = QModelIndex | QPersistentModelIndex


class SongsModel(QStringListModel):
    """The songs that are shown.

    It is Qt's own model of strings, because a view asks for the number of rows once for each row:
    10,000 times into Python would be felt at every letter of a search. The strings are empty, which
    is half as slow to hand over with 100,000 songs; what is shown is told by `data`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[SongRow] = []
        self._ids: list[str] = []
        self._places: dict[str, int] | None = None

    def set_rows(self, rows: list[SongRow]) -> bool:
        """Show other songs; return whether other ones, or in another order, than before."""
        # by map and zip: a loop in Python over 10,000 songs is felt at every letter
        ids = list(map(_ID, rows))
        if ids == self._ids:
            self._rows = rows
            if rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return False
        self._rows, self._ids, self._places = rows, ids, None
        self.setStringList([""] * len(ids))
        return True

    def rows(self) -> list[SongRow]:
        """Return the songs in order."""
        return self._rows

    def place_of(self, song_id: str) -> int:
        """Return in which row a song is; -1 where it is not shown."""
        if self._places is None:
            self._places = dict(zip(self._ids, range(len(self._ids)), strict=True))
        return self._places.get(song_id, -1)

    def data(self, index: Index, role: int = 0) -> Any:
        """Return what a view or a screen reader wants to know of a song."""
        song = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text.one_line(song.title)
        if role == Qt.ItemDataRole.ToolTipRole:
            labels = ", ".join(song.label_list)
            words = text.joined(song.title, song.artist, song.album, labels)
            return text.tooltip(text.one_line(words))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            length = text.spoken_length(song.duration_s)
            star = "favourite" if song.favourite else ""
            told = (song.title, song.artist, length, star, song.colour)
            return text.one_line(", ".join(filter(None, told)))
        return song if role == SONG_ROLE else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Let songs be dragged."""
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDragActions(self) -> Qt.DropAction:  # noqa: N802
        """Let nobody take a song out of the list by moving it elsewhere."""
        return Qt.DropAction.CopyAction

    def mimeTypes(self) -> list[str]:  # noqa: N802
        """Name the one kind of thing that can be dragged from here."""
        return [SONGS_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802
        """Return the ids of the dragged songs, in the order they are shown."""
        places = sorted(index.row() for index in indexes)
        data = QMimeData()
        data.setData(SONGS_MIME, "\n".join(self._rows[place].id for place in places).encode())
        return data


def dragged_songs(data: QMimeData) -> list[str]:
    """Return the ids of songs that are dragged; [] where it is something else."""
    return bytes(data.data(SONGS_MIME).data()).decode("ascii", "replace").split()


class SongRows(QStyledItemDelegate):
    """Paints a song's row.

    Attributes:
        disk: reads covers.
        open_id: the song that is open now.
        compact: covers only.
        shows_ring: whether the keyboard was used last.
    """

    def __init__(self, look: Look, disk: Disk, folder: Path, view: QWidget) -> None:
        super().__init__(view)
        self._look, self.disk, self._folder, self._view = look, disk, folder, view
        self.open_id = ""
        self.compact = self.shows_ring = False

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Return the height of a row."""
        return QSize(0, _PITCH)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint ground, cover and words."""
        song: SongRow = index.data(SONG_ROLE)
        box: QRect = option.rect.adjusted(theme.S, theme.XS // 2, -theme.S, -theme.XS // 2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter, box, option.state, is_open=song.id == self.open_id)
        cover = QRect(box.left() + theme.S, box.top() + theme.S, _COVER, _COVER)
        if self.compact:
            cover.moveLeft(box.center().x() - _COVER // 2 + 1)
        path = self._folder / song.id / song.cover if song.cover else None
        picture = self.disk.cover(path, _COVER, painter.device().devicePixelRatioF())
        paint_cover(painter, cover, picture, song.title, self._look.tokens)
        if not self.compact:
            words = box.adjusted(theme.S + _COVER + theme.M, 0, -theme.S, 0)
            self._paint_words(painter, words, song)
        painter.restore()

    def _paint_ground(
        self, painter: QPainter, box: QRect, state: QStyle.StateFlag, *, is_open: bool
    ) -> None:
        tokens = self._look.tokens
        painter.setPen(Qt.PenStyle.NoPen)
        hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if is_open or hovered or selected:
            colour = QColor(tokens.raised)
            if not is_open:
                colour = theme.mix(tokens.panel, tokens.raised, 0.8 if selected else 0.6)
            painter.setBrush(colour)
            painter.drawRoundedRect(box, theme.S, theme.S)
        if is_open:
            painter.setBrush(QColor(tokens.accent))
            bar = QRectF(box.left(), box.top() + 10, 3, box.height() - 20)
            painter.drawRoundedRect(bar, 1.5, 1.5)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        if focused and self._view.hasFocus() and self.shows_ring:
            paint_focus(painter, QRectF(box), theme.S, tokens.accent)

    def _paint_words(self, painter: QPainter, box: QRect, song: SongRow) -> None:
        tokens = self._look.tokens
        strong, plain = theme.font(strong=True), theme.font(theme.CAPTION)
        tabular = theme.font(theme.CAPTION, tabular=True)
        length, badge = text.clock(song.duration_s), text.engine(song.engine)
        right_width = QFontMetrics(tabular).horizontalAdvance(length)
        badge = QFontMetrics(plain).elidedText(badge, Qt.TextElideMode.ElideRight, _BADGE)
        badge_width = QFontMetrics(plain).horizontalAdvance(badge) + 2 * theme.S
        upper = QRect(box.left(), box.top() + 9, box.width(), 20)
        lower = QRect(box.left(), box.top() + 28, box.width(), 19)
        painter.setPen(QColor(tokens.muted))
        painter.setFont(tabular)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(upper, int(right), length)
        if song.colour:
            mark = QRect(0, 0, _MARK, _MARK)
            mark.moveCenter(upper.center())
            mark.moveRight(upper.right() - right_width - theme.S)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.mark(song.colour))
            painter.drawEllipse(mark)
            right_width += _MARK + theme.S
        if song.favourite:
            star = QRect(0, 0, _STAR, _STAR)
            star.moveCenter(upper.center())
            star.moveRight(upper.right() - right_width - theme.XS)
            icons.paint_icon(painter, "star-fill", star, tokens.accent)
            right_width += _STAR + theme.XS
        chip = QRectF(lower.right() - badge_width + 1, lower.top() + 0.5, badge_width, 18)
        painter.setPen(QPen(QColor(tokens.line), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(chip, 9, 9)
        painter.setPen(QColor(tokens.muted))
        painter.setFont(plain)
        painter.drawText(chip, int(Qt.AlignmentFlag.AlignCenter), badge)
        draw_elided(painter, lower.adjusted(0, 0, -badge_width - theme.S, 0), song.artist, plain)
        painter.setPen(QColor(tokens.text))
        draw_elided(painter, upper.adjusted(0, 0, -right_width - theme.S, 0), song.title, strong)


def draw_elided(painter: QPainter, box: QRect, words: str, font: QFont) -> None:
    """Paint words on one line, cut at the end where they are too long."""
    painter.setFont(font)
    line = QFontMetrics(font).elidedText(
        text.one_line(words), Qt.TextElideMode.ElideRight, box.width()
    )
    painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), line)
