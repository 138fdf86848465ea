from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from karaoke_studio import notes
from karaoke_studio.errors import CorruptAudio
from karaoke_studio.job import JobResult, JobState, Stage
from karaoke_studio.jobs.job_view import JobDescription, JobView
from karaoke_studio.progress import Progress
from karaoke_studio.ui import queue_panel
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.job_row import JobRow, RowState
from karaoke_studio.ui.queue_panel import ROW_LIMIT, QueuePanel
from karaoke_studio.ui.theme import Look

RESULT = JobResult(
    input=Path("a.mp3"),
    title="Song a",
    artist="",
    engine="instant",
    duration_s=60.0,
    sample_rate=44_100,
    channels=2,
    processing_time_s=1.0,
    model_load_s=0.0,
    null_test_db=-200.0,
    null_exact=True,
    gain_db=0.0,
)
BROKEN = CorruptAudio("b.mp3 ends at 1:02.", hint="Copy it again.")


def view(job_id: str, state: JobState = JobState.QUEUED) -> JobView:
    return JobView(job_id, Path(f"{job_id}.mp3"), f"Song {job_id}", state)


def at(overall: float, eta_s: float | None = None, stage: Stage = Stage.SEPARATING) -> Progress:
    return Progress(stage, overall, overall, eta_s)


@pytest.fixture
def panel(qtbot: QtBot, look: Look, disk: Disk) -> QueuePanel:
    panel = QueuePanel(look, disk)
    qtbot.addWidget(panel)
    panel.resize(1200, 200)
    panel.show()
    return panel


def only_row(panel: QueuePanel) -> JobRow:
    (row,) = panel.rows()
    return row


def test_a_song_waits_runs_and_is_ready(panel: QueuePanel) -> None:
    panel.add_job(view("a"))
    row = only_row(panel)
    assert (row.title.text(), row.stage.text()) == ("Song a", "Waiting")
    panel.start_job("a")
    panel.describe_job("a", JobDescription("Night Bus", "The Lanterns", None, 245.0))
    assert row.title.text() == "Night Bus · The Lanterns"
    panel.show_progress("a", at(0.424, 12.2))
    assert row.stage.text() == "Separating"
    assert row.note.text() == "42 % · about 12 s left"
    panel.finish_job("a", RESULT)
    assert (row.stage.text(), row.bar.goal) == ("Ready", 1.0)


def test_per_cent_and_bar_never_go_back(panel: QueuePanel) -> None:
    panel.add_job(view("a"))
    panel.show_progress("a", at(0.5, 10))
    panel.show_progress("a", at(0.3, 11))
    row = only_row(panel)
    assert row.note.text() == "50 % · about 11 s left"
    assert row.bar.goal == 0.5


def test_a_finished_row_goes_away_by_itself(
    qtbot: QtBot, panel: QueuePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_panel, "DONE_MS", 1)
    panel.add_job(view("a"))
    panel.start_job("a")
    with qtbot.waitSignal(panel.dismiss_requested) as blocker:
        panel.finish_job("a", RESULT)
    assert blocker.args == ["a"]


def test_a_failure_is_one_sentence_with_a_way_on(qtbot: QtBot, panel: QueuePanel) -> None:
    panel.add_job(view("b"))
    panel.start_job("b")
    panel.show_progress("b", at(0.7))
    panel.fail_job("b", BROKEN)
    row = only_row(panel)
    assert row.stage.text() == "Failed"
    assert row.note.text() == "b.mp3 ends at 1:02. Copy it again."
    qtbot.waitUntil(row.retry_button.isVisible)
    assert not row.bar.isVisible()
    qtbot.waitUntil(lambda: panel.heading.text() == "1 failed")
    with qtbot.waitSignal(panel.retry_requested) as blocker:
        qtbot.mouseClick(row.retry_button, Qt.MouseButton.LeftButton)
    assert blocker.args == ["b"]
    panel.add_job(view("b"))  # the queue says the retried song again
    assert (row.state, row.bar.goal) == (RowState.WAITING, 0.0)
    assert not row.retry_button.isVisible()
    assert len(panel.rows()) == 1


def test_the_cross_cancels_what_runs_and_dismisses_what_is_over(
    qtbot: QtBot, panel: QueuePanel
) -> None:
    panel.add_job(view("a"))
    row = only_row(panel)
    assert row.close_button.accessibleName() == "Cancel: Song a"
    with qtbot.waitSignal(panel.cancel_requested) as blocker:
        qtbot.mouseClick(row.close_button, Qt.MouseButton.LeftButton)
    assert blocker.args == ["a"]
    assert row.stage.text() == "Cancelling"
    panel.remove_job("a")
    assert panel.rows() == []
    panel.add_job(view("b"))
    panel.fail_job("b", BROKEN)
    assert only_row(panel).close_button.accessibleName() == "Dismiss: b.mp3"
    with qtbot.waitSignal(panel.dismiss_requested) as dismissed:
        qtbot.mouseClick(only_row(panel).close_button, Qt.MouseButton.LeftButton)
    assert dismissed.args == ["b"]


def test_late_progress_does_not_undo_a_cancel(qtbot: QtBot, panel: QueuePanel) -> None:
    panel.add_job(view("a"))
    panel.start_job("a")
    qtbot.mouseClick(only_row(panel).close_button, Qt.MouseButton.LeftButton)
    panel.show_progress("a", at(0.5, 3))
    assert only_row(panel).stage.text() == "Cancelling"


def test_a_job_that_failed_before_can_be_shown_at_once(panel: QueuePanel) -> None:
    panel.add_job(JobView("x", Path("x"), "x", JobState.FAILED, BROKEN))
    panel.add_job(view("y", JobState.RUNNING))
    first, second = panel.rows()
    assert (first.state, second.state) == (RowState.FAILED, RowState.RUNNING)


def test_many_waiting_songs_are_counted_not_drawn(qtbot: QtBot, panel: QueuePanel) -> None:
    total = ROW_LIMIT + 500
    for number in range(total):
        panel.add_job(view(f"{number}"))
    assert len(panel.rows()) == ROW_LIMIT
    assert panel.unfinished() == total
    qtbot.waitUntil(lambda: panel.more.text() == "and 500 more")
    assert panel.heading.text() == f"{total} songs to go"
    panel.remove_job("0")
    assert len(panel.rows()) == ROW_LIMIT
    assert panel.rows()[-1].title.text() == f"Song {ROW_LIMIT}"
    panel.start_job(f"{total - 1}")
    assert panel.rows()[-1].state is RowState.RUNNING


def test_all_can_be_cancelled_with_one_press(qtbot: QtBot, panel: QueuePanel) -> None:
    for number in range(ROW_LIMIT + 3):
        panel.add_job(view(f"{number}"))
    panel.fail_job("1", BROKEN)
    qtbot.waitUntil(panel.cancel_all_button.isVisible)
    cancelled: list[str] = []
    panel.cancel_requested.connect(cancelled.append)
    qtbot.mouseClick(panel.cancel_all_button, Qt.MouseButton.LeftButton)
    assert len(cancelled) == ROW_LIMIT + 2
    assert "1" not in cancelled


def test_what_is_over_can_be_cleared_together(qtbot: QtBot, panel: QueuePanel) -> None:
    for name in "abc":
        panel.add_job(view(name))
    panel.fail_job("a", BROKEN)
    assert not panel.clear_button.isVisible()
    panel.fail_job("c", BROKEN)
    qtbot.waitUntil(panel.clear_button.isVisible)
    dismissed: list[str] = []
    panel.dismiss_requested.connect(dismissed.append)
    qtbot.mouseClick(panel.clear_button, Qt.MouseButton.LeftButton)
    assert dismissed == ["a", "c"]


def test_filling_and_emptying_are_told(qtbot: QtBot, panel: QueuePanel) -> None:
    with qtbot.waitSignal(panel.filled_changed) as filled:
        panel.add_job(view("a"))
    assert filled.args == [True]
    with qtbot.assertNotEmitted(panel.filled_changed):
        panel.add_job(view("b"))
    panel.remove_job("b")
    with qtbot.waitSignal(panel.filled_changed) as emptied:
        panel.remove_job("a")
    assert emptied.args == [False]


def test_the_list_folds_away(qtbot: QtBot, panel: QueuePanel) -> None:
    panel.add_job(view("a"))
    assert panel.area.isVisible()
    qtbot.mouseClick(panel.fold_button, Qt.MouseButton.LeftButton)
    assert not panel.area.isVisible()
    assert panel.fold_button.accessibleName() == "Show the queue"
    qtbot.mouseClick(panel.fold_button, Qt.MouseButton.LeftButton)
    assert panel.area.isVisible()


def test_the_strip_is_three_rows_high_at_most(qtbot: QtBot, panel: QueuePanel) -> None:
    for name, height in zip("abcde", (36, 72, 108, 108, 108), strict=True):
        panel.add_job(view(name))
        qtbot.waitUntil(lambda height=height: panel.area.height() == height)
    panel.set_roomy(True)
    assert panel.area.maximumHeight() > 10_000
    assert {row.height() for row in panel.rows()} == {64}


def test_the_strip_grows_smoothly(qtbot: QtBot, panel: QueuePanel) -> None:
    panel.add_job(view("a"))
    qtbot.waitUntil(lambda: panel.area.height() == 36)
    heights = []
    panel._grow.valueChanged.connect(lambda _value: heights.append(panel.area.height()))
    panel.add_job(view("b"))
    panel.add_job(view("c"))
    qtbot.waitUntil(lambda: panel.area.height() == 108)
    assert heights == sorted(heights)
    assert len(set(heights)) > 3


def test_only_songs_on_their_way_are_promised_to_open(panel: QueuePanel) -> None:
    panel.set_roomy(True)
    panel.add_job(view("a"))
    QCoreApplication.processEvents()
    assert panel.promise.isVisible()
    panel.fail_job("a", BROKEN)
    QCoreApplication.processEvents()
    assert not panel.promise.isVisible()


def test_a_failure_is_said_whole_on_two_lines_where_one_is_too_short(
    qtbot: QtBot, panel: QueuePanel
) -> None:
    panel.resize(900, 200)
    panel.add_job(view("a"))
    panel.fail_job(
        "a", CorruptAudio("b.mp3 is too short: 0.00 s of sound.", hint="A song needs a second.")
    )
    note = only_row(panel).note
    qtbot.waitUntil(lambda: 0 < note.width() < note.sizeHint().width())
    assert not note.toolTip()
    panel.resize(400, 200)
    qtbot.waitUntil(lambda: bool(note.toolTip()))


def test_tab_goes_through_the_rows_as_they_stand(panel: QueuePanel) -> None:
    for name in "abc":
        panel.add_job(view(name))
    panel.arrange_jobs(["c", "a", "b"])
    stops = []
    stop = panel.rows()[0]
    for _ in range(9):
        stops.append(stop)
        stop = stop.nextInFocusChain()
    wanted = [part for row in panel.rows() for part in (row, row.retry_button, row.close_button)]
    assert [part for part in stops if part in wanted] == wanted[: len(stops)]


def test_the_row_beside_a_removed_one_gets_the_keyboard(qtbot: QtBot, panel: QueuePanel) -> None:
    for name in "abc":
        panel.add_job(view(name))
    qtbot.waitUntil(lambda: panel.rows()[2].isVisible())
    panel.rows()[1].setFocus()
    panel.remove_job("b")
    assert panel.focusWidget() is panel.row("c")
    panel.remove_job("c")
    assert panel.focusWidget() is panel.row("a")


def test_unknown_jobs_change_nothing(panel: QueuePanel) -> None:
    panel.start_job("?")
    panel.show_progress("?", at(0.5))
    panel.finish_job("?", RESULT)
    panel.fail_job("?", BROKEN)
    panel.remove_job("?")
    assert not panel.is_filled()


# -- arranging ---------------------------------------------------------------------------------


def heard(signal: Any) -> list[tuple[Any, ...]]:
    told: list[tuple[Any, ...]] = []
    signal.connect(lambda *args: told.append(args))
    return told


def order(panel: QueuePanel) -> list[str]:
    """Return the ids as the eye meets them."""
    return [row.job_id for row in sorted(panel.rows(), key=lambda row: row.geometry().top())]


@pytest.fixture
def line(qtbot: QtBot, panel: QueuePanel) -> QueuePanel:
    """A song that runs, and three that wait."""
    panel.resize(1200, 300)
    panel.set_roomy(True)
    for name in "rabc":
        panel.add_job(view(name))
    panel.start_job("r")
    qtbot.waitUntil(lambda: order(panel) == ["r", "a", "b", "c"])
    return panel


def test_a_row_is_dragged_to_its_place(qtbot: QtBot, line: QueuePanel) -> None:
    told = heard(line.place_requested)
    row, goal = line.row("c"), line.row("a")
    assert row is not None
    assert goal is not None
    start, end = row.rect().center(), row.mapFrom(line, goal.mapTo(line, QPoint(300, 4)))
    qtbot.mousePress(row, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(row, start - QPoint(0, 30))
    qtbot.mouseMove(row, end)
    assert line._mark.isVisible()
    assert abs(line._mark.geometry().center().y() - goal.geometry().top()) <= 2
    qtbot.mouseRelease(row, Qt.MouseButton.LeftButton, pos=end)
    assert told == [("c", "a")]
    assert not line._mark.isVisible()
    line.arrange_jobs(["r", "c", "a", "b"])
    qtbot.waitUntil(lambda: order(line) == ["r", "c", "a", "b"])


def test_a_row_is_dragged_to_the_end_but_never_before_what_runs(
    qtbot: QtBot, line: QueuePanel
) -> None:
    told = heard(line.place_requested)
    row = line.row("a")
    assert row is not None
    for offset in (QPoint(0, 400), QPoint(0, -300)):
        start = row.rect().center()
        qtbot.mousePress(row, Qt.MouseButton.LeftButton, pos=start)
        qtbot.mouseMove(row, start + offset)
        qtbot.mouseRelease(row, Qt.MouseButton.LeftButton, pos=start + offset)
    assert told == [("a", "")]  # above all that waits is where it was


def test_a_song_that_runs_is_not_dragged_and_a_click_moves_nothing(
    qtbot: QtBot, line: QueuePanel
) -> None:
    told = heard(line.place_requested)
    row = line.row("r")
    qtbot.mousePress(row, Qt.MouseButton.LeftButton, pos=QPoint(200, 10))
    qtbot.mouseMove(row, QPoint(200, 200))
    qtbot.mouseRelease(row, Qt.MouseButton.LeftButton, pos=QPoint(200, 200))
    qtbot.mouseClick(line.row("b"), Qt.MouseButton.LeftButton)
    assert told == []


def test_keys_walk_through_rows_and_move_them(qtbot: QtBot, line: QueuePanel) -> None:
    moved, cancelled = heard(line.move_requested), heard(line.cancel_requested)
    first = line.row("a")
    assert first is not None
    line.activateWindow()
    first.setFocus()
    qtbot.waitUntil(first.hasFocus)
    qtbot.keyClick(first, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(first, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert moved == [("a", 1), ("a", -1)]
    qtbot.keyClick(first, Qt.Key.Key_Down)
    second = line.row("b")
    assert second is not None
    assert second.hasFocus()
    qtbot.keyClick(second, Qt.Key.Key_Delete)
    assert cancelled == [("b",)]


def actions(panel: QueuePanel, job_id: str) -> dict[str, QAction]:
    row = panel.row(job_id)
    assert row is not None
    return {action.text(): action for action in panel.build_menu(row).actions()}


def test_the_menu_offers_what_can_be_done(line: QueuePanel) -> None:
    line.engines = [("instant", "Instant"), ("htdemucs", "Demucs")]
    asked = [
        heard(signal) for signal in (line.next_requested, line.hold_requested, line.move_requested)
    ]
    waiting = actions(line, "b")
    for words in ("Make this one next", "Pause this one", "Move up"):
        waiting[words].trigger()
    assert asked == [[("b",)], [("b", True)], [("b", -1)]]
    line.hold_job("b", True)
    row = line.row("b")
    assert row is not None
    assert row.stage.text() == "Paused"
    actions(line, "b")["Go on with this one"].trigger()
    assert asked[1][-1] == ("b", False)
    assert "Make this one next" not in actions(line, "r")
    line.fail_job("c", BROKEN)
    again = heard(line.retry_with_requested)
    menu = actions(line, "c")["Try again with"].menu()
    assert [action.text() for action in menu.actions()] == ["Instant", "Demucs"]
    menu.actions()[1].trigger()
    assert again == [("c", "htdemucs")]


def test_a_click_with_the_right_button_opens_the_menu(qtbot: QtBot, line: QueuePanel) -> None:
    row = line.row("a")
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(9, 9), QPoint(9, 9))
    QCoreApplication.sendEvent(row, event)
    menu = line.findChild(QMenu, "job_menu")
    assert menu is not None
    qtbot.waitUntil(menu.isVisible)
    menu.close()


def test_a_song_beyond_the_rows_gets_one_when_its_turn_comes_near(panel: QueuePanel) -> None:
    names = [f"{number:03}" for number in range(ROW_LIMIT + 2)]
    for name in names:
        panel.add_job(view(name))
    last = names[-1]
    panel.arrange_jobs([last, *names[:-1]])
    assert panel.row(last) is panel.rows()[0]
    assert len(panel.rows()) == ROW_LIMIT
    assert panel.row(names[ROW_LIMIT - 1]) is None
    panel.remove_job(last)  # what lost its row is the first to get one again
    assert panel.rows()[-1].job_id == names[ROW_LIMIT - 1]


def test_the_whole_queue_pauses_and_goes_on(qtbot: QtBot, line: QueuePanel) -> None:
    told = heard(line.pause_requested)
    qtbot.waitUntil(line.pause_button.isVisible)
    qtbot.mouseClick(line.pause_button, Qt.MouseButton.LeftButton)
    line.show_paused(True)
    qtbot.waitUntil(lambda: line.heading.text() == "Pausing after this song · 4 songs to go")
    assert line.pause_button.text() == "Go on"
    qtbot.mouseClick(line.pause_button, Qt.MouseButton.LeftButton)
    assert told == [(True,), (False,)]


def test_the_heading_says_how_long_all_of_it_takes(qtbot: QtBot, line: QueuePanel) -> None:
    line.show_time_left(240.0)
    qtbot.waitUntil(lambda: line.heading.text() == "4 songs to go · about 4 min left")
    line.show_time_left(None)
    qtbot.waitUntil(lambda: line.heading.text() == "4 songs to go")


# -- ways and files ----------------------------------------------------------------------------


def test_a_row_says_what_it_is_made_with(qtbot: QtBot, panel: QueuePanel) -> None:
    panel.add_job(replace(view("a"), engine="htdemucs"))
    panel.add_job(replace(view("b"), engine="instant", is_makeshift=True))
    first, second = panel.rows()
    assert first.how.text() == "Demucs"
    assert second.how.text() == "Instant, as no model is installed"
    qtbot.waitUntil(second.how.isVisible)
    panel.resize(860, 200)
    qtbot.waitUntil(lambda: not second.how.isVisible())


def test_another_way_than_asked_for_stays_to_be_read(
    qtbot: QtBot, panel: QueuePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_panel, "DONE_MS", 1)
    dismissed = heard(panel.dismiss_requested)
    panel.add_job(view("a"))
    told = (notes.note(notes.FALLBACK, "cuda:0 OUT_OF_MEMORY cpu"), notes.CHILD_RESTARTED)
    panel.finish_job("a", replace(RESULT, fallback_from="cuda:0", notes=told))
    row = only_row(panel)
    assert row.note.text() == "Made on the CPU because the graphics card ran out of memory."
    qtbot.wait(30)
    assert dismissed == []
    qtbot.mouseClick(row.close_button, Qt.MouseButton.LeftButton)
    assert dismissed == [("a",)]


def test_files_of_a_song_are_told_in_its_row(
    qtbot: QtBot, panel: QueuePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_panel, "DONE_MS", 20)
    dismissed = heard(panel.dismiss_requested)
    panel.add_job(view("a"))
    panel.finish_job("a", RESULT)
    panel.export_job("a", Path("/music/Party"))
    row = only_row(panel)
    assert (row.stage.text(), row.note.text()) == ("Ready", "Writing files to Party …")
    qtbot.wait(60)
    assert dismissed == []
    panel.fail_export("a", BROKEN)
    assert row.note.text() == "Not exported: b.mp3 ends at 1:02. Copy it again."
    again = heard(panel.export_requested)
    assert row.retry_button.text() == "Export again"
    qtbot.mouseClick(row.retry_button, Qt.MouseButton.LeftButton)
    assert again == [("a",)]
    files = {"vocals": Path("/music/Party/a.flac"), "instrumental": Path("/music/Party/b.flac")}
    panel.finish_export("a", replace(RESULT, stem_paths=files))
    assert row.note.text() == "2 files are in Party."
    qtbot.waitUntil(lambda: dismissed == [("a",)])
