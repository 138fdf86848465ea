"""How songs are painted where there is room: as rows of a table, and as large covers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QHeaderView, QStyle, QStyleOptionViewItem, QWidget

from karaoke_studio.library.finder import SongRow
from karaoke_studio.ui import icons, text, theme
from karaoke_studio.ui.controls import paint_focus
from karaoke_studio.ui.disk import Disk, paint_cover
from karaoke_studio.ui.songs_model import SONG_ROLE, Index, SongRows, draw_elided
from karaoke_studio.ui.theme import Look

TABLE_ROW = 40
_SMALL_COVER, _LARGE_COVER = 28, 148
_TILE = QSize(_LARGE_COVER + 2 * theme.M, _LARGE_COVER + 60)
_STAR, _MARK = 14, 8


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        words: its heading.
        sort: the order that it stands for, one of `finder.COLUMN_SORTS`.
        width: in pixels, at first.
        show: what it says of a song.
        is_number: set to the right, with figures of equal width.
        falls: its order begins with the largest.
    """

    words: str
    sort: str
    width: int
    show: Callable[[SongRow], str]
    is_number: bool = False
    falls: bool = False


COLUMNS: dict[str, Column] = {
    "title": Column("Title", "title", 260, lambda song: song.title),
    "artist": Column("Artist", "artist", 170, lambda song: song.artist),
    "album": Column("Album", "album", 150, lambda song: song.album),
    "length": Column("Length", "length", 72, lambda song: text.clock(song.duration_s), True),
    "rating": Column("Rating", "rating", 92, lambda song: "★" * song.rating, falls=True),
    "plays": Column(
        "Plays", "plays", 64, lambda song: f"{song.play_count:,}", is_number=True, falls=True
    ),
    "key": Column("Key", "key", 80, lambda song: song.key or ""),
    "tempo": Column(
        "BPM", "tempo", 60, lambda song: f"{song.bpm:.0f}" if song.bpm else "", is_number=True
    ),
    "tags": Column("Tags", "labels", 140, lambda song: ", ".join(song.label_list)),
    "colour": Column("Colour", "colour", 72, lambda song: text.colour(song.colour)),
    "engine": Column("Engine", "engine", 100, lambda song: text.engine(song.engine)),
    "added": Column("Added", "added", 104, lambda song: text.short_date(song.added_at), falls=True),
    "played": Column(
        "Last played", "played", 104, lambda song: text.short_date(song.played_at or ""), falls=True
    ),
}
FIRST_COLUMNS = "title,artist,length,rating,plays,tags,engine,added"


class TableRows(SongRows):
    """Paints a song as a row under the headings."""

    def __init__(
        self, look: Look, disk: Disk, folder: Path, view: QWidget, header: QHeaderView
    ) -> None:
        super().__init__(look, disk, folder, view)
        self._header = header
        # a font for every cell of every row would be felt while scrolling
        self._plain, self._strong = theme.font(), theme.font(strong=True)
        self._tabular = theme.font(tabular=True)

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Return the height of a row."""
        return QSize(0, TABLE_ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint ground and cells."""
        song: SongRow = index.data(SONG_ROLE)
        box: QRect = option.rect.adjusted(0, 1, 0, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter, box, option.state, is_open=song.id == self.open_id)
        for place, (name, column) in enumerate(COLUMNS.items()):
            if not (width := self._header.sectionSize(place)):
                continue
            left = self._header.sectionViewportPosition(place)
            cell = QRect(left, box.top(), width, box.height())
            cell.adjust(theme.M, 0, -theme.M, 0)
            if name == "title":
                self._paint_title(painter, cell, song)
            elif name == "colour":
                self._paint_colour(painter, cell, song)
            else:
                self._paint_cell(painter, cell, column, song)
        painter.restore()

    def _paint_title(self, painter: QPainter, cell: QRect, song: SongRow) -> None:
        cover = QRect(cell.left(), 0, _SMALL_COVER, _SMALL_COVER)
        cover.moveTop(cell.center().y() - _SMALL_COVER // 2 + 1)
        self._paint_picture(painter, cover, song)
        words = cell.adjusted(_SMALL_COVER + theme.M, 0, 0, 0)
        if song.favourite:
            star = QRect(0, 0, _STAR, _STAR)
            star.moveCenter(words.center())
            star.moveRight(words.right())
            icons.paint_icon(painter, "star-fill", star, self._look.tokens.accent)
            words.adjust(0, 0, -_STAR - theme.S, 0)
        painter.setPen(QColor(self._look.tokens.text))
        draw_elided(painter, words, song.title, self._strong)

    def _paint_picture(self, painter: QPainter, cover: QRect, song: SongRow) -> None:
        path = self._folder / song.id / song.cover if song.cover else None
        picture = self.disk.cover(path, cover.width(), painter.device().devicePixelRatioF())
        paint_cover(painter, cover, picture, song.title, self._look.tokens)

    def _paint_colour(self, painter: QPainter, cell: QRect, song: SongRow) -> None:
        if song.colour:
            mark = QRect(cell.left(), 0, _MARK, _MARK)
            mark.moveTop(cell.center().y() - _MARK // 2 + 1)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._look.tokens.mark(song.colour))
            painter.drawEllipse(mark)
            painter.setPen(QColor(self._look.tokens.muted))
            words = cell.adjusted(_MARK + theme.S, 0, 0, 0)
            draw_elided(painter, words, text.colour(song.colour), self._plain)

    def _paint_cell(self, painter: QPainter, cell: QRect, column: Column, song: SongRow) -> None:
        words, tokens = column.show(song), self._look.tokens
        if not words:
            return
        painter.setPen(QColor(tokens.accent if column.sort == "rating" else tokens.muted))
        if not column.is_number:
            draw_elided(painter, cell, words, self._plain)
            return
        painter.setFont(self._tabular)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(cell, int(right), words)


class CoverTiles(SongRows):
    """Paints a song as a large cover with title and artist below."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Return the size of a tile."""
        return _TILE

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint cover and words."""
        song: SongRow = index.data(SONG_ROLE)
        tokens = self._look.tokens
        box: QRect = option.rect.adjusted(2, 2, -2, -2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        state = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected) or song.id == self.open_id
        if selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.mix(tokens.window, tokens.raised, 1.0 if selected else 0.6))
            painter.drawRoundedRect(box, theme.CARD_RADIUS, theme.CARD_RADIUS)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        if focused and self._view.hasFocus() and self.shows_ring:
            paint_focus(painter, QRectF(box), theme.CARD_RADIUS, tokens.accent)
        cover = QRect(0, box.top() + theme.S, _LARGE_COVER, _LARGE_COVER)
        cover.moveLeft(box.center().x() - _LARGE_COVER // 2 + 1)
        path = self._folder / song.id / song.cover if song.cover else None
        picture = self.disk.cover(path, _LARGE_COVER, painter.device().devicePixelRatioF())
        paint_cover(painter, cover, picture, song.title, tokens)
        title = QRect(cover.left(), cover.bottom() + theme.S, _LARGE_COVER, 19)
        artist = title.translated(0, 18)
        if song.colour:
            mark = QRectF(title.right() - _MARK, title.center().y() - _MARK / 2 + 1, _MARK, _MARK)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.mark(song.colour))
            painter.drawEllipse(mark)
            title.adjust(0, 0, -_MARK - theme.S, 0)
        if song.favourite:
            star = QRect(title.right() - _STAR + 1, title.top() + 2, _STAR, _STAR)
            icons.paint_icon(painter, "star-fill", star, tokens.accent)
            title.adjust(0, 0, -_STAR - theme.XS, 0)
        painter.setPen(QColor(tokens.text))
        draw_elided(painter, title, song.title, theme.font(strong=True))
        painter.setPen(QColor(tokens.muted))
        draw_elided(painter, artist, song.artist, theme.font(theme.CAPTION))
        painter.restore()
