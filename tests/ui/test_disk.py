from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from karaoke_studio.ui import disk as disk_module
from karaoke_studio.ui.disk import COVER_PIXELS, Disk, read_cover
from tests.helpers.fakes_ui import paint_picture, write_waves


def picture(path: Path, width: int, height: int, colour: int = 0xFF336699) -> Path:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(colour)
    assert image.save(str(path))
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
@pytest.mark.parametrize(("width", "height"), [(300, 300), (640, 200), (200, 640), (20, 20)])
def test_a_cover_is_the_middle_square(tmp_path: Path, suffix: str, width: int, height: int) -> None:
    image = read_cover(picture(tmp_path / f"cover.{suffix}", width, height))
    assert image is not None
    assert (image.width(), image.height()) == (COVER_PIXELS, COVER_PIXELS)


def test_the_contents_count_not_the_name(tmp_path: Path) -> None:
    picture(tmp_path / "cover.png", 50, 50).rename(tmp_path / "cover.jpg")
    assert read_cover(tmp_path / "cover.jpg") is not None


def test_what_is_no_picture_is_no_cover(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    vector = tmp_path / "vector.svg"
    vector.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    for name in ("text.png", "empty.png", "vector.svg", "missing.png"):
        assert read_cover(tmp_path / name) is None
    assert read_cover(tmp_path) is None


def test_too_many_bytes_or_pixels_are_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(tmp_path / "cover.png", 200, 100)
    monkeypatch.setattr(disk_module, "COVER_LIMIT_PIXELS", 20_000)
    assert read_cover(path) is not None
    monkeypatch.setattr(disk_module, "COVER_LIMIT_PIXELS", 19_999)
    assert read_cover(path) is None
    monkeypatch.setattr(disk_module, "COVER_LIMIT_PIXELS", 20_000)
    monkeypatch.setattr(disk_module, "COVER_LIMIT_BYTES", path.stat().st_size - 1)
    assert read_cover(path) is None


def test_a_cover_comes_later_and_is_remembered(qtbot: QtBot, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "cover.png"
    paint_picture(path, 120)
    assert disk.cover(None, 40, 1.0) is None
    with qtbot.waitSignal(disk.cover_changed) as blocker:
        assert disk.cover(path, 40, 1.0) is None
    assert blocker.args == [str(path)]
    cover = disk.cover(path, 40, 2.0)
    assert cover is not None
    assert (cover.width(), cover.devicePixelRatio()) == (80, 2.0)
    path.unlink()
    assert disk.cover(path, 40, 2.0) is cover


def test_a_broken_cover_is_asked_for_once(qtbot: QtBot, disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "cover.png"
    path.write_bytes(b"nothing")
    with qtbot.waitSignal(disk.cover_changed):
        disk.cover(path, 40, 1.0)
    with qtbot.assertNotEmitted(disk.cover_changed, wait=50):
        assert disk.cover(path, 40, 1.0) is None


def test_peaks_come_with_the_number_of_the_request(
    qtbot: QtBot, disk: Disk, tmp_path: Path
) -> None:
    write_waves(tmp_path / "peaks", 100_000, 1)
    answers = []
    disk.peaks_read.connect(lambda number, peaks: answers.append((number, peaks)))
    first = disk.ask_peaks(tmp_path / "missing")
    second = disk.ask_peaks(tmp_path / "peaks")
    qtbot.waitUntil(lambda: len(answers) == 2)
    assert answers[0] == (first, None)
    assert answers[1][0] == second
    assert answers[1][1].frames == 100_000


@pytest.mark.parametrize("keep", [0, 7, 40, 300])
def test_cut_off_peaks_are_no_peaks(qtbot: QtBot, disk: Disk, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "peaks"
    write_waves(path, 100_000, 1)
    path.write_bytes(path.read_bytes()[:keep])
    with qtbot.waitSignal(disk.peaks_read) as blocker:
        disk.ask_peaks(path)
    assert blocker.args[1] is None
