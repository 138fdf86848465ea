"""Renders the program's icon at every size that desktops ask for.

    python packaging/icons.py FOLDER

writes FOLDER/<size>x<size>/apps/karaoke-studio.png from resources/icons/karaoke-studio.svg.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from karaoke_studio.paths import resource

SIZES = (16, 20, 22, 24, 32, 40, 48, 64, 96, 128, 256, 512)


def render(size: int) -> QImage:
    """Return the icon as a square of `size` pixels."""
    renderer = QSvgRenderer(str(resource("icons/karaoke-studio.svg")))
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter)
    painter.end()
    return image


def write_all(folder: Path) -> list[Path]:
    """Write every size; returns the files."""
    written = []
    for size in SIZES:
        path = folder / f"{size}x{size}" / "apps" / "karaoke-studio.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not render(size).save(str(path)):
            raise OSError(f"{path} cannot be written")
        written.append(path)
    return written


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python packaging/icons.py FOLDER")
    application = QGuiApplication(sys.argv[:1])
    for file in write_all(Path(sys.argv[1])):
        print(file)
