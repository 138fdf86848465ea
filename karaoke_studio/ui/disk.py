"""Reads pictures and peaks in a thread of its own, so that a slow disk never holds up the window.

Covers come from songs of strangers: size, pixels and format are checked before anything is decoded.
"""

from __future__ import annotations

import logging
import zlib
from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import (
    QBuffer,
    QIODevice,
    QObject,
    QRect,
    QRectF,
    QSize,
    Qt,
    QThread,
    Signal,
    Slot,
)
from PySide6.QtGui import QBrush, QColor, QImage, QImageReader, QPainter, QPixmap

from karaoke_studio.audio.peaks import load_peaks
from karaoke_studio.audio.spectrogram import load_spectrogram
from karaoke_studio.ui import icons, theme
from karaoke_studio.ui.theme import Tokens

log = logging.getLogger(__name__)

#: A cover is kept at this size (64 logical pixels on a screen of twice the density).
COVER_PIXELS = 128
COVER_LIMIT_BYTES = 10_000_000
COVER_LIMIT_PIXELS = 25_000_000
_KEPT_COVERS = 400
#: A picture that a person chose as cover: what is taken, and what is made of it.
_PICTURE_LIMIT_PIXELS = 50_000_000
_PICTURE_PIXELS, _PICTURE_QUALITY = 1200, 90
_FORMATS = {"jpeg", "jpg", "png", "webp", "gif", "bmp"}
_TINTS = ("bass", "other", "guitar", "piano", "drums")


def read_cover(path: Path) -> QImage | None:
    """Return the middle square of a picture at `COVER_PIXELS`, or None if it cannot be used.

    Thread: any.
    """
    try:
        if path.stat().st_size > COVER_LIMIT_BYTES:
            return None
    except OSError:
        return None
    reader = QImageReader(str(path))
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    size = reader.size()
    pixels = size.width() * size.height()
    if (
        bytes(reader.format().data()).decode() not in _FORMATS
        or not 0 < pixels <= COVER_LIMIT_PIXELS
    ):
        return None
    square = QSize(COVER_PIXELS, COVER_PIXELS)
    reader.setScaledSize(size.scaled(square, Qt.AspectRatioMode.KeepAspectRatioByExpanding))
    image = reader.read()
    if image.isNull():
        return None
    box = QRect(0, 0, COVER_PIXELS, COVER_PIXELS)
    box.moveCenter(image.rect().center())
    return image.copy(box)


def read_picture(path: Path) -> bytes | None:
    """Return a picture that a person chose as a JPEG fit for a cover, or None if it is none.

    Thread: any.
    """
    reader = QImageReader(str(path))
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    size = reader.size()
    pixels = size.width() * size.height()
    if (
        bytes(reader.format().data()).decode() not in _FORMATS
        or not 0 < pixels <= _PICTURE_LIMIT_PIXELS
    ):
        return None
    if max(size.width(), size.height()) > _PICTURE_PIXELS:
        square = QSize(_PICTURE_PIXELS, _PICTURE_PIXELS)
        reader.setScaledSize(size.scaled(square, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if image.isNull():
        return None
    flat = QImage(image.size(), QImage.Format.Format_RGB32)
    flat.fill(Qt.GlobalColor.white)  # JPEG knows no transparency
    painter = QPainter(flat)
    painter.drawImage(0, 0, image)
    painter.end()
    data = QBuffer()
    data.open(QIODevice.OpenModeFlag.WriteOnly)
    is_written = flat.save(data, "JPEG", _PICTURE_QUALITY)  # type: ignore[call-overload]
    return bytes(data.data().data()) if is_written else None


class _Worker(QObject):
    """The half that lives in the disk thread."""

    picture_read = Signal(int, str, object)
    cover_read = Signal(str, object)
    peaks_read = Signal(int, object)
    spectrogram_read = Signal(int, object)

    @Slot(str)
    def read_cover(self, path: str) -> None:
        self.cover_read.emit(path, read_cover(Path(path)))

    @Slot(int, str)
    def read_picture(self, number: int, path: str) -> None:
        self.picture_read.emit(number, Path(path).name, read_picture(Path(path)))

    @Slot(int, str)
    def read_peaks(self, number: int, path: str) -> None:
        try:
            peaks = load_peaks(Path(path))
        except (OSError, ValueError, KeyError) as exc:
            log.warning("peaks cannot be read: %s", exc)
            self.peaks_read.emit(number, None)
        else:
            self.peaks_read.emit(number, peaks)

    @Slot(int, str)
    def read_spectrogram(self, number: int, path: str) -> None:
        try:
            found = load_spectrogram(Path(path))
        except (OSError, ValueError) as exc:
            log.warning("a spectrogram cannot be read: %s", exc)
            self.spectrogram_read.emit(number, None)
        else:
            self.spectrogram_read.emit(number, found)


class Disk(QObject):
    """Reads in the background and remembers covers.

    Signals:
        cover_changed: a cover that was asked for is there now (or never will be): path.
        peaks_read: number of the request, `Peaks` or None when they cannot be read.
        spectrogram_read: number of the request, `Spectrogram` or None.

        picture_read: number of the request, the file's name, a JPEG or None if it is no picture.

    Thread: GUI; the reading happens in a thread that `close` ends.
    """

    cover_changed = Signal(str)
    peaks_read = Signal(int, object)
    spectrogram_read = Signal(int, object)
    picture_read = Signal(int, str, object)
    _cover_wanted = Signal(str)
    _picture_wanted = Signal(int, str)
    _peaks_wanted = Signal(int, str)
    _spectrogram_wanted = Signal(int, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._covers: OrderedDict[str, QImage | None] = OrderedDict()
        self._asked: set[str] = set()
        self._rounded: OrderedDict[tuple[str, int, float], QPixmap] = OrderedDict()
        self._number = 0
        self._thread = QThread(self)
        self._worker = _Worker()
        self._worker.moveToThread(self._thread)
        self._cover_wanted.connect(self._worker.read_cover)
        self._peaks_wanted.connect(self._worker.read_peaks)
        self._spectrogram_wanted.connect(self._worker.read_spectrogram)
        self._picture_wanted.connect(self._worker.read_picture)
        self._worker.picture_read.connect(self.picture_read)
        self._worker.cover_read.connect(self._on_cover_read)
        self._worker.peaks_read.connect(self.peaks_read)
        self._worker.spectrogram_read.connect(self.spectrogram_read)
        self._thread.setObjectName("disk")
        self._thread.start()

    def close(self) -> None:
        """Finish the reading under way and end the thread."""
        self._thread.quit()
        self._thread.wait()

    def ask_peaks(self, path: Path) -> int:
        """Begin to read peaks; returns the number that the answer will carry."""
        self._number += 1
        self._peaks_wanted.emit(self._number, str(path))
        return self._number

    def ask_spectrogram(self, path: Path) -> int:
        """Begin to read a spectrogram; returns the number that the answer will carry."""
        self._number += 1
        self._spectrogram_wanted.emit(self._number, str(path))
        return self._number

    def ask_picture(self, path: Path) -> int:
        """Begin to read a picture; returns the number that the answer will carry."""
        self._number += 1
        self._picture_wanted.emit(self._number, str(path))
        return self._number

    def cover(self, path: Path | None, size: int, ratio: float) -> QPixmap | None:
        """Return a rounded cover of `size` logical pixels; None while or where there is none."""
        if path is None:
            return None
        name = str(path)
        if name not in self._covers:
            if name not in self._asked:
                self._asked.add(name)
                self._cover_wanted.emit(name)
            return None
        image = self._covers[name]
        if image is None:
            return None
        key = (name, size, ratio)
        if key not in self._rounded:
            self._rounded[key] = _rounded(image, size, ratio)
            if len(self._rounded) > _KEPT_COVERS:
                self._rounded.popitem(last=False)
        return self._rounded[key]

    @Slot(str, object)
    def _on_cover_read(self, path: str, image: QImage | None) -> None:
        self._asked.discard(path)
        self._covers[path] = image
        if len(self._covers) > _KEPT_COVERS:
            self._covers.popitem(last=False)
        self.cover_changed.emit(path)


def _rounded(image: QImage, size: int, ratio: float) -> QPixmap:
    pixels = round(size * ratio)
    scaled = image.scaled(
        pixels,
        pixels,
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    result = QPixmap(pixels, pixels)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(scaled))
    radius = theme.RADIUS * ratio
    painter.drawRoundedRect(QRectF(0, 0, pixels, pixels), radius, radius)
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result


def paint_cover(
    painter: QPainter, box: QRect, cover: QPixmap | None, title: str, tokens: Tokens
) -> None:
    """Paint a cover, or a calm tinted square with a note where a song has none."""
    if cover is not None:
        painter.drawPixmap(box, cover)
        return
    tint = tokens.stem(_TINTS[zlib.crc32(title.encode("utf-8", "replace")) % len(_TINTS)])
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.mix(tokens.panel, tint, 0.22))
    painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
    painter.restore()
    size = box.width() // 2
    inner = QRect(0, 0, size, size)
    inner.moveCenter(QRectF(box).center().toPoint())
    icons.paint_icon(painter, "music-note", inner, QColor(tint))
