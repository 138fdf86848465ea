from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from karaoke_studio.errors import CorruptAudio
from karaoke_studio.job import JobState, Stage
from karaoke_studio.jobs.queue import JobDescription, JobView
from karaoke_studio.progress import Progress
from karaoke_studio.ui import queue_panel
from karaoke_studio.ui.disk import Disk
from karaoke_studio.ui.queue_panel import ROW_LIMIT, JobRow, QueuePanel, RowState
from karaoke_studio.ui.theme import Look

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
    panel.finish_job("a")
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
        panel.finish_job("a")
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
    assert (row.state, row.bar.goal) == (RowState.WAITING, 0.0)
    assert not row.retry_button.isVisible()
    panel.add_job(view("b"))  # the queue says the retried song again
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


def test_failures_can_be_dismissed_together(qtbot: QtBot, panel: QueuePanel) -> None:
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


def test_unknown_jobs_change_nothing(panel: QueuePanel) -> None:
    panel.start_job("?")
    panel.show_progress("?", at(0.5))
    panel.finish_job("?")
    panel.fail_job("?", BROKEN)
    panel.remove_job("?")
    assert not panel.is_filled()
