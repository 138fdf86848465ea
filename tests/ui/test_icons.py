import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap
from pytestqt.qtbot import QtBot

from karaoke_studio.ui import icons, theme

ROOT = Path(__file__).parents[2]


@pytest.fixture
def packaging() -> ModuleType:
    spec = importlib.util.spec_from_file_location("icons_script", ROOT / "packaging" / "icons.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def near(image: QImage, colour: str) -> int:
    """Count the pixels that look like a colour."""
    wanted = QColor(colour)
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    return sum(
        abs(p.red() - wanted.red())
        + abs(p.green() - wanted.green())
        + abs(p.blue() - wanted.blue())
        < 60
        for p in pixels
    )


def test_the_programs_icon_is_written_at_every_size(
    qtbot: QtBot, packaging: ModuleType, tmp_path: Path
) -> None:
    files = packaging.write_all(tmp_path)
    sizes = {(QImage(str(file)).width(), QImage(str(file)).height()) for file in files}
    assert {(16, 16), (32, 32), (48, 48), (128, 128), (256, 256), (512, 512)} <= sizes
    assert len(sizes) == len(files)


@pytest.mark.parametrize("size", [16, 32, 256])
def test_voice_and_music_are_seen_at_each_size(
    qtbot: QtBot, packaging: ModuleType, size: int
) -> None:
    image = packaging.render(size)
    for colour in (theme.DARK.vocals, theme.DARK.instrumental):
        assert near(image, colour) >= size * size // 25
    assert image.pixelColor(0, 0).alpha() < 128


def test_an_icon_is_painted_in_the_colour_asked_for(qtbot: QtBot) -> None:
    image = icons.pixmap("play-fill", 24, "#FF0000").toImage()
    colours = {image.pixelColor(x, y).name() for x in range(24) for y in range(24)}
    assert "#ff0000" in colours


def test_every_icon_that_is_used_exists(qtbot: QtBot) -> None:
    known = icons._family().charmap["ph"]
    source = "".join(path.read_text("utf-8") for path in (ROOT / "karaoke_studio/ui").glob("*.py"))
    used = {
        *("plus-bold", "play", "play-fill", "pause-fill", "skip-back", "skip-forward", "list"),
        *("upload-simple", "folder-open", "x", "arrow-clockwise", "caret-up", "caret-down"),
        *("speaker-high", "speaker-low", "speaker-slash", "magnifying-glass", "music-note"),
        *("download-simple", "prohibit", "trash", "check-circle", "check-bold", "info"),
        *("warning-circle",),
    }
    assert used <= set(known)
    assert all(f'"{name}"' in source for name in used)


@pytest.mark.parametrize(("size", "ratio"), [(14, 1.0), (18, 1.0), (20, 1.5), (24, 2.0)])
def test_an_icon_is_painted_as_its_family_paints_it(qtbot: QtBot, size: int, ratio: float) -> None:
    expected = QPixmap(round(size * ratio), round(size * ratio))
    expected.setDevicePixelRatio(ratio)
    expected.fill(Qt.GlobalColor.transparent)
    painter = QPainter(expected)
    icons.icon("play-fill", theme.DARK.accent).paint(painter, QRect(0, 0, size, size))
    painter.end()
    made = icons.pixmap("play-fill", size, theme.DARK.accent, ratio)
    assert made.toImage() == expected.toImage()
    assert near(made.toImage(), theme.DARK.accent) > size
