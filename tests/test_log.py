from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from karaoke_studio.log import log_uncaught, start_logging


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put logging and the hooks back, and close the file."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.setLevel(level)
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()


def test_the_story_goes_into_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    start_logging(file)
    logging.getLogger("karaoke_studio.x").info("job %s begins", 7)
    logging.getLogger("karaoke_studio.x").debug("not this")
    text = file.read_text(encoding="utf-8")
    assert "karaoke_studio.x: job 7 begins" in text
    assert "not this" not in text


def test_the_file_is_made_when_something_is_said(tmp_path: Path) -> None:
    start_logging(tmp_path / "a.log")
    assert not (tmp_path / "a.log").exists()


def test_names_in_other_encodings_can_be_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # what the test runner would keep of such a line cannot be sent between its processes
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    start_logging(tmp_path / "a.log")
    logging.getLogger("x").warning("%s and %s", "caf\udce9.mp3", "שיר 🎤")
    text = (tmp_path / "a.log").read_text(encoding="utf-8")
    assert r"caf\udce9.mp3 and שיר 🎤" in text
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("place", ["missing/a.log", "file/a.log", "folder"])
def test_a_log_that_cannot_be_written_says_nothing_on_the_screen(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    start_logging(tmp_path / place)
    logging.getLogger("x").error("lost")
    assert capsys.readouterr().err == ""


def test_a_wrong_log_line_is_not_hidden(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start_logging(tmp_path / "a.log")
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[-1:])
    logging.getLogger("x").error("%d", "no number")
    assert "Logging error" in capsys.readouterr().err


def test_the_log_does_not_grow_without_end(tmp_path: Path) -> None:
    start_logging(tmp_path / "a.log")
    for _ in range(60):
        logging.getLogger("x").info("%s", "x" * 100_000)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sorted(sizes) == ["a.log", "a.log.1", "a.log.2", "a.log.3"]
    assert max(sizes.values()) <= 1_100_000


def test_what_nobody_caught_is_logged(tmp_path: Path) -> None:
    start_logging(tmp_path / "a.log")
    log_uncaught()
    thread = threading.Thread(target=lambda: 1 / 0, name="careless")
    thread.start()
    thread.join()
    try:
        raise ValueError("from main")
    except ValueError as exc:
        sys.excepthook(type(exc), exc, exc.__traceback__)
    text = (tmp_path / "a.log").read_text(encoding="utf-8")
    assert "uncaught error in thread careless" in text
    assert "ZeroDivisionError" in text
    assert "ValueError: from main" in text


def test_ctrl_c_is_no_uncaught_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(tmp_path / "a.log")
    log_uncaught()
    exc = KeyboardInterrupt()
    sys.excepthook(KeyboardInterrupt, exc, None)
    assert not (tmp_path / "a.log").exists()
    assert "KeyboardInterrupt" in capsys.readouterr().err
