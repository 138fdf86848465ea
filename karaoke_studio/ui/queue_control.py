"""Connects the queue and its panel: facts go one way, wishes the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Slot

from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.ui.queue_panel import QueuePanel


class QueueControl(QObject):
    """What a person does in the panel reaches the queue; what the queue does is shown.

    Args:
        change_setting: keeps a setting, by name and value; a pause outlives the program.
    """

    def __init__(
        self,
        queue: JobQueue,
        panel: QueuePanel,
        change_setting: Callable[[str, Any], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._queue, self._panel, self._change_setting = queue, panel, change_setting
        queue.job_added.connect(panel.add_job)
        queue.job_started.connect(panel.start_job)
        queue.job_described.connect(panel.describe_job)
        queue.job_progressed.connect(panel.show_progress)
        queue.job_finished.connect(panel.finish_job)
        queue.job_failed.connect(panel.fail_job)
        queue.job_cancelled.connect(self.dismiss)
        queue.job_held.connect(panel.hold_job)
        queue.jobs_arranged.connect(panel.arrange_jobs)
        queue.job_exporting.connect(panel.export_job)
        queue.job_exported.connect(panel.finish_export)
        queue.job_export_failed.connect(panel.fail_export)
        queue.time_left_changed.connect(panel.show_time_left)
        queue.paused_changed.connect(panel.show_paused)
        queue.paused_changed.connect(self._on_paused)
        queue.job_changed.connect(panel.change_job)
        queue.rest_changed.connect(panel.show_rest)
        panel.make_with_requested.connect(queue.make_with)
        panel.cancel_requested.connect(queue.cancel)
        panel.retry_requested.connect(queue.retry)
        panel.retry_with_requested.connect(queue.retry)
        panel.dismiss_requested.connect(self.dismiss)
        panel.next_requested.connect(queue.make_next)
        panel.hold_requested.connect(queue.hold)
        panel.move_requested.connect(queue.move_by)
        panel.place_requested.connect(self._on_place)
        panel.pause_requested.connect(queue.pause)
        panel.export_requested.connect(queue.export_again)
        for job in queue.jobs():
            panel.add_job(job)
        panel.show_paused(queue.is_paused())

    @Slot(str)
    def dismiss(self, job_id: str) -> None:
        """Forget a song that is over."""
        self._panel.remove_job(job_id)
        self._queue.dismiss(job_id)

    @Slot(str, str)
    def _on_place(self, job_id: str, before: str) -> None:
        self._queue.move(job_id, before or None)

    @Slot(bool)
    def _on_paused(self, paused: bool) -> None:
        self._change_setting("queue_paused", paused)
