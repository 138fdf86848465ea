import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from karaoke_studio.library.songs import Word
from karaoke_studio.ui.lyrics_pane import LyricsPane
from karaoke_studio.ui.theme import Look

TIMED = tuple(Word(10.0 + 2 * n, f"Line number {n}") for n in range(60))


@pytest.fixture
def pane(qtbot: QtBot, look: Look) -> LyricsPane:
    widget = LyricsPane(look)
    qtbot.addWidget(widget)
    widget.resize(600, 300)
    widget.show_words(TIMED)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def test_the_line_of_the_moment_is_marked(pane: LyricsPane) -> None:
    seen = {}
    for seconds in (0, 9.99, 10, 11.9, 12, 128, 500):
        pane.set_time(seconds)
        seen[seconds] = pane.current_line()
    assert seen == {0: -1, 9.99: -1, 10: 0, 11.9: 0, 12: 1, 128: 59, 500: 59}


def test_the_marked_line_comes_to_the_middle(qtbot: QtBot, pane: LyricsPane) -> None:
    pane.set_time(70)

    def is_centred() -> bool:
        rect = pane.visualItemRect(pane.item(30))
        return abs(rect.center().y() - pane.viewport().height() // 2) <= 2

    qtbot.waitUntil(is_centred)


def test_a_song_that_starts_again_shows_its_first_words(qtbot: QtBot, pane: LyricsPane) -> None:
    bar = pane.verticalScrollBar()
    pane.set_time(500)
    qtbot.waitUntil(lambda: bar.value() == bar.maximum() > 0)
    pane.set_time(0)
    assert pane.current_line() == -1
    qtbot.waitUntil(lambda: bar.value() == 0)


def test_the_persons_own_scrolling_is_left_alone(qtbot: QtBot, pane: LyricsPane) -> None:
    place = QPointF(100, 100)
    wheel = QWheelEvent(
        place,
        place,
        QPoint(0, 0),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(pane.viewport(), wheel)
    scrolled = pane.verticalScrollBar().value()
    assert scrolled > 0
    pane.set_time(70)
    assert pane.current_line() == 30
    assert pane.verticalScrollBar().value() == scrolled


def test_a_click_on_a_line_goes_there(qtbot: QtBot, pane: LyricsPane) -> None:
    place = pane.visualItemRect(pane.item(2)).center()
    with qtbot.waitSignal(pane.seek_requested) as blocker:
        qtbot.mouseClick(pane.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert blocker.args == [14.0]


def test_return_goes_to_the_chosen_line(qtbot: QtBot, pane: LyricsPane) -> None:
    pane.setCurrentRow(3)
    with qtbot.waitSignal(pane.seek_requested) as blocker:
        qtbot.keyClick(pane, Qt.Key.Key_Return)
    assert blocker.args == [16.0]


def test_lines_without_times_are_shown_and_do_not_seek(qtbot: QtBot, pane: LyricsPane) -> None:
    pane.show_words((Word(None, "One"), Word(None, "Two")))
    pane.set_time(30)
    assert pane.current_line() == -1
    assert [pane.item(row).text() for row in range(pane.count())] == ["One", "Two"]
    place = pane.visualItemRect(pane.item(1)).center()
    with qtbot.assertNotEmitted(pane.seek_requested):
        qtbot.mouseClick(pane.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_times_out_of_order_and_missing_still_find_their_line(pane: LyricsPane) -> None:
    pane.show_words((Word(20.0, "b"), Word(None, ""), Word(5.0, "a")))
    pane.set_time(6)
    assert pane.current_line() == 2
    pane.set_time(21)
    assert pane.current_line() == 0


def test_long_lines_wrap(pane: LyricsPane) -> None:
    pane.show_words((Word(1.0, "short"), Word(2.0, "a long line " * 20)))
    short, long = (pane.visualItemRect(pane.item(row)).height() for row in (0, 1))
    assert long > 2 * short


def test_other_words_begin_unmarked_at_the_top(qtbot: QtBot, pane: LyricsPane) -> None:
    pane.set_time(100)
    qtbot.waitUntil(lambda: pane.verticalScrollBar().value() > 0)
    pane.show_words(TIMED)
    assert pane.current_line() == -1
    assert pane.verticalScrollBar().value() == 0
