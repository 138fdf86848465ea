"""Fixing a stretch of the open song: the panel's wishes become jobs, their takes are heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Slot

from karaoke_studio.engines import is_network
from karaoke_studio.errors import KaraokeError
from karaoke_studio.fixes import LEAST_S, MOST_STROKES, TO_MUSIC, Fix, Stroke
from karaoke_studio.job import JobResult, JobState
from karaoke_studio.jobs.fixing import CAREFUL_SHIFTS, FixWish, fix_job
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.library.songs import Song
from karaoke_studio.pipeline import FIX_CONTEXT_S
from karaoke_studio.progress import Progress
from karaoke_studio.ui import messages, text
from karaoke_studio.ui.brush_layer import BrushLayer
from karaoke_studio.ui.collection import Collection
from karaoke_studio.ui.fix_panel import AGAIN, BRUSH, FixPanel
from karaoke_studio.ui.listening import Listening, take_files
from karaoke_studio.ui.open_song import OpenSong
from karaoke_studio.ui.region import Region
from karaoke_studio.ui.song_view import SongView
from karaoke_studio.ui.theme import Look


@dataclass(frozen=True)
class _Done:
    """A fix that was made: the song before and after it."""

    before: Song
    after: Song


class Fixing(QObject):
    """Opens the panel for a stretch, and plays what comes of it.

    Strokes of the brush belong to the take that they were drawn on: each time all of them are
    rendered anew from it, so that the last can be taken back without a trace.

    Args:
        opened: the song.
        listening: plays it.
        view: shows it; the panel lies in it.
        region: plays the stretch.
        collection: finds takes, and remembers how to undo.
        queue: makes fixes.
        engines: names of the engines that can be used.
        scale: of the spectrogram.
    """

    def __init__(
        self,
        look: Look,
        opened: OpenSong,
        listening: Listening,
        view: SongView,
        region: Region,
        collection: Collection,
        queue: JobQueue,
        engines: Callable[[], list[str]],
        scale: Callable[[], str],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._opened, self._listening, self._view = opened, listening, view
        self._region, self._collection, self._queue = region, collection, queue
        self._engines = engines
        self._stretch = (0, 0)
        self._strokes: tuple[Stroke, ...] = ()
        #: The take that the strokes were drawn on, and those that were rendered of them.
        self._canvas: Song | None = None
        self._renderings: set[str] = set()
        #: Jobs under way → the song as it was, and the take of the brush's canvas or "".
        self._jobs: dict[str, tuple[Song, str]] = {}
        self._done: _Done | None = None
        #: Of the jobs those that wait or run, and the one that the panel follows.
        self._underway: set[str] = set()
        self._shown_job = ""
        self._song_id = ""
        self.panel = FixPanel(look)
        self.panel.hide()
        view.add_side(self.panel)
        self.layer = BrushLayer(look, view.timeline, self._sample_rate, scale)
        self._connect()

    def _connect(self) -> None:
        panel = self.panel
        panel.fix_requested.connect(self.make)
        panel.cancel_requested.connect(self._on_cancel)
        panel.undo_requested.connect(self._on_undo)
        panel.stroke_undo_requested.connect(self._on_stroke_undo)
        panel.close_requested.connect(self.close)
        panel.compare_requested.connect(self._on_compare)
        panel.page_changed.connect(self._on_page)
        panel.brush_changed.connect(self._on_brush)
        panel.choice_changed.connect(self._tell_time)
        self.layer.stroke_drawn.connect(self._on_stroke)
        self._opened.changed.connect(self._on_opened)
        self._view.timeline.loop_requested.connect(self._on_stretch)
        queue = self._queue
        queue.job_started.connect(self._on_started)
        queue.job_progressed.connect(self._on_progressed)
        queue.job_finished.connect(self._on_finished)
        queue.job_failed.connect(self._on_failed)
        queue.job_cancelled.connect(self._on_cancelled)
        self._on_brush()

    # -- the panel

    def fix(self, start_s: float, end_s: float) -> None:
        """Open the panel for a stretch of the open song, in seconds."""
        song = self._opened.song()
        if song is None:
            return
        first, last = (round(seconds * song.sample_rate) for seconds in (start_s, end_s))
        # around its middle where it is too short to be heard
        short = max(0, round(LEAST_S * song.sample_rate) - (last - first))
        first = min(max(first - short // 2, 0), song.frames - 1)
        last = min(max(last + short - short // 2, first + 1), song.frames)
        if self._listening.is_looping:
            self._opened.repeat(first, last)
        else:
            self._view.show_loop((first, last), is_on=False)
            self._opened.stretch_chosen.emit(True)
        self.open()

    @Slot()
    def open(self) -> None:
        """Open the panel for the stretch that is chosen on the timeline."""
        song, stretch = self._opened.song(), self._view.timeline.loop()
        if song is None or stretch is None or self._listening.live is not None:
            return
        is_other = song.id != self._song_id
        self._song_id = song.id
        if is_other or self.panel.isHidden():
            self.panel.offer_engines(self._engines(), song.engine)
        if is_other:
            self._forget()
        self._take_stretch(*stretch)
        self.panel.show()
        self._on_page(self.panel.page())
        self.panel.pages.parts[self.panel.page()].setFocus()

    @Slot()
    def close(self) -> None:
        """Close the panel; what was fixed stays."""
        self._hear("after")
        self._hide()

    def _forget(self) -> None:
        """Begin with a clean canvas."""
        self._strokes, self._canvas, self._renderings = (), None, set()
        self._done = None
        self.panel.show_idle("")
        self.panel.show_outcome("")
        self._show_strokes()
        mine = (name for name in self._underway if self._jobs[name][0].id == self._song_id)
        self._follow(next(mine, ""))

    def _follow(self, job_id: str) -> None:
        self._shown_job = job_id
        if job_id:
            self.panel.show_busy(0.0)

    @Slot()
    def _on_opened(self) -> None:
        """Close where another song was opened; a canvas ends with its take."""
        song = self._opened.song()
        if song is None or song.id != self._song_id:
            self._song_id = ""
            self._done = None
            self._hide()
            return
        known = {self._canvas.take_id, *self._renderings} if self._canvas else set()
        if self._strokes and song.take_id not in known:
            self._strokes, self._canvas, self._renderings = (), None, set()
            self._show_strokes()
        done = self._done
        if done is not None and song.take_id != done.after.take_id:
            self._done = None
            self.panel.show_outcome("")

    @Slot(int, int)
    def _on_stretch(self, start: int, stop: int) -> None:
        if not self.panel.isHidden():
            self._take_stretch(start, stop)

    def _take_stretch(self, start: int, stop: int) -> None:
        rate = self._sample_rate()
        self._stretch = start, stop
        self.panel.show_stretch(start / rate, stop / rate)
        long_enough = stop - start >= round(LEAST_S * rate)
        self.panel.fix.set_available(long_enough, "Choose a longer stretch on the timeline")
        self._show_strokes()
        self._tell_time()

    def _sample_rate(self) -> int:
        song = self._opened.song()
        return song.sample_rate if song is not None else 44_100

    @Slot()
    def _tell_time(self) -> None:
        if not self._song_id:
            return
        start, stop = self._stretch
        engine = self.panel.chosen_engine()
        seconds = self._queue.expected_s(
            engine, (stop - start) / self._sample_rate() + FIX_CONTEXT_S
        )
        if seconds is not None and self.panel.is_careful() and is_network(engine):
            seconds *= CAREFUL_SHIFTS * 1.5  # half of each chunk is made twice
        self.panel.show_time(f"Takes {text.expected(seconds)}" if seconds is not None else "")

    # -- the brush

    @Slot(str)
    def _on_page(self, page: str) -> None:
        self._offer_brush(wanted=page == BRUSH and not self.panel.isHidden())

    def _offer_brush(self, *, wanted: bool) -> None:
        self._view.make_room(wanted=wanted)
        self.layer.setVisible(wanted)
        if wanted:
            self.layer.follow()
            self.layer.raise_()

    def _hide(self) -> None:
        self.panel.hide()
        self._offer_brush(wanted=False)

    @Slot()
    def _on_brush(self) -> None:
        self.layer.to = self.panel.brush_to.choice() or TO_MUSIC
        self.layer.radius = float(self.panel.brush_size.value())
        self.layer.strength = self.panel.brush_strength.value() / 100

    @Slot(object)
    def _on_stroke(self, stroke: Stroke) -> None:
        song = self._opened.song()
        if song is None or len(self._strokes) >= MOST_STROKES:
            return
        if not self._strokes:
            self._canvas, self._renderings = song, set()
        self._strokes = (*self._strokes, stroke)
        self._show_strokes()

    @Slot()
    def _on_stroke_undo(self) -> None:
        """Take the last stroke back; what was rendered with it is rendered without."""
        song, canvas = self._opened.song(), self._canvas
        self._strokes = self._strokes[:-1]
        self._show_strokes()
        if song is None or canvas is None or song.take_id not in self._renderings:
            return
        if self._strokes:
            self.make()
        else:
            self._collection.choose_take(song.id, canvas.take_id)

    def _show_strokes(self) -> None:
        self.layer.show_strokes(self._stretch, self._strokes)
        self.panel.show_strokes(len(self._strokes))

    # -- making

    @Slot()
    def make(self) -> None:
        """Do what the page says."""
        song = self._opened.song()
        wish = self._wish(song) if song is not None else None
        if song is None or self._shown_job:
            return
        if wish is None:
            self.panel.show_idle("Nothing was chosen yet. Change something first.")
            return
        self._hear("after")
        clocks = "–".join(text.clock(frame / song.sample_rate) for frame in self._stretch)
        job = fix_job(self._queue.plan(), song, wish, f"{song.title}, {clocks}")
        canvas = wish.fix.take_id if wish.fix.strokes else ""
        if canvas:  # a take bears the name of its job
            self._renderings.add(job.job_id)
        self._jobs[job.job_id] = (song, canvas)
        self._underway.add(job.job_id)
        self._follow(job.job_id)
        others = any(view.state is JobState.RUNNING for view in self._queue.jobs())
        if self._queue.is_paused():
            self.panel.show_waiting("The queue is paused. Let it go on to begin.")
        elif others:
            self.panel.show_waiting("It begins when the song in work is done.")
        self._queue.make_at_once(job)

    def _wish(self, song: Song) -> FixWish | None:
        panel, page = self.panel, self.panel.page()
        fix = Fix(song.take_id, *self._stretch)
        if page == AGAIN:
            fix = replace(fix, redo=True)
        elif page == BRUSH and self._canvas is not None:
            fix = replace(fix, take_id=self._canvas.take_id, strokes=self._strokes)
        elif page != BRUSH:
            (low, high), strength = panel.bounds(), panel.strength.value() / 100
            fix = replace(fix, low_hz=low, high_hz=high, strength=strength)
        if not fix.does_something:
            return None
        return FixWish(fix, panel.chosen_engine(), panel.is_careful())

    @Slot()
    def _on_cancel(self) -> None:
        if self._shown_job:
            self._queue.cancel(self._shown_job)

    @Slot(str)
    def _on_started(self, job_id: str) -> None:
        """Take part in a job again that was tried again in the queue."""
        if job_id in self._jobs:
            self._underway.add(job_id)
            if not self._shown_job and self._jobs[job_id][0].id == self._song_id:
                self._follow(job_id)
        if job_id == self._shown_job:
            self.panel.show_waiting("")

    @Slot(str, object)
    def _on_progressed(self, job_id: str, progress: Progress) -> None:
        if job_id == self._shown_job:
            self.panel.show_busy(progress.overall_fraction)

    @Slot(str, object)
    def _on_finished(self, job_id: str, result: JobResult) -> None:
        if job_id not in self._jobs:
            return
        before, canvas = self._jobs.pop(job_id)
        after = self._collection.song(before.id)
        self._let_go(job_id, "")
        if after is None or result.song_id != before.id:
            return
        self._collection.remember_take("fix", before.id, before.take_id)
        shown = self._opened.song()
        if shown is None or shown.id != before.id:
            return
        if self._canvas is not None and self._canvas.take_id == canvas:
            before = self._canvas
        self._opened.open(after)
        self._done = _Done(before, after)
        self.panel.show_outcome("after")
        if not self.panel.isHidden():
            self._play()

    @Slot(str, object)
    def _on_failed(self, job_id: str, error: KaraokeError) -> None:
        if job_id in self._jobs:  # kept: it may be tried again in the queue
            self._let_go(job_id, messages.job_failure(error).sentence)

    @Slot(str)
    def _on_cancelled(self, job_id: str) -> None:
        if self._jobs.pop(job_id, None) is not None:
            self._let_go(job_id, "")

    def _let_go(self, job_id: str, words: str) -> None:
        self._underway.discard(job_id)
        if job_id == self._shown_job:
            self._shown_job = ""
            self.panel.show_idle(words)

    # -- judging

    def _play(self) -> None:
        self._view.show_loop(self._stretch, is_on=self._listening.is_looping)
        if self._listening.is_looping:
            self._listening.seek(self._stretch[0])
            self._listening.play()
        else:
            self._region.play_once()

    @Slot(str)
    def _on_compare(self, which: str) -> None:
        self._hear(which)
        self._play()

    def _hear(self, which: str) -> None:
        """Hear the song as it was, or as it is; the timeline shows it as it is."""
        done = self._done
        if done is not None:
            self.panel.show_outcome(which)
            song = done.before if which == "before" else done.after
            self._listening.go_on_with(take_files(song))

    @Slot()
    def _on_undo(self) -> None:
        if self._done is not None:
            done = self._done
            self._collection.choose_take(done.before.id, done.before.take_id)
