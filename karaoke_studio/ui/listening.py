"""Asks the player where it is, on a timer, and tells the window what changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from karaoke_studio.audio.beats import BeatGrid
from karaoke_studio.audio.tune import Tune
from karaoke_studio.errors import KaraokeError
from karaoke_studio.library.songs import Song
from karaoke_studio.playback.player import (
    LiveSong,
    LiveTake,
    Manner,
    Mix,
    Player,
    PlayerState,
    Source,
    TakeFiles,
)

#: 60 pictures a second while it plays; else only often enough to notice problems.
_PLAYING_MS = 16
_IDLE_MS = 200


def take_files(song: Song) -> TakeFiles:
    """Return what the player needs of a song."""
    return TakeFiles(
        stems=song.stem_paths,
        sample_rate=song.sample_rate,
        channels=song.channels,
        frames=song.frames,
        shift_bits=song.shift_bits,
    )


def _no_clicks() -> tuple[int, float, float]:
    return 0, 60.0, 1.0


def _no_rest(_start: int, _stop: int) -> tuple[float, tuple[float, ...]]:
    return 0.0, ()


class Listening(QObject):
    """The player as the window sees it.

    Signals:
        moved: frame that is heard now.
        playing_changed: whether it plays.
        problem_changed: KaraokeError, or None when all is well again.
        heard: Heard, how loud it was, 30 times a second while it plays.
        loudness_measured: LUFS of the last three seconds or None, 10 times a second.
        went_over: the song that was lined up is heard now.

    Thread: GUI; the player answers at once.
    """

    moved = Signal(int)
    playing_changed = Signal(bool)
    problem_changed = Signal(object)
    heard = Signal(object)
    loudness_measured = Signal(object)
    went_over = Signal()

    def __init__(self, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player = player
        #: The song in work that the player has, or None.
        self.live: LiveSong | None = None
        #: Silence between two rounds of a loop, and clicks in it, in seconds.
        self.rest: Callable[[int, int], tuple[float, tuple[float, ...]]] = _no_rest
        #: Clicks before it plays: how many, how many a minute, seconds from the last to the sound.
        self.count_in: Callable[[], tuple[int, float, float]] = _no_clicks
        #: Whether meters may show what is heard.
        self.tells_levels = True
        self._position = -1
        self._is_playing = False
        self._handovers = 0
        self._looks = 0
        self._problem: KaraokeError | None = None
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.look)
        self._timer.start(_IDLE_MS)

    def close(self) -> None:
        """Stop asking."""
        self._timer.stop()

    def open(self, song: Song, *, goes_on: bool = False) -> None:
        """Load a song, paused at its start; `goes_on`: the one in work, which it was, goes on."""
        (self._player.go_on_with if goes_on else self._player.load)(take_files(song))
        self.live = None
        self._position = -1
        self.look()

    def open_files(self, files: TakeFiles) -> None:
        """Load files that are no song of the library, paused at their start."""
        self._player.load(files)
        self._position = -1
        self.look()

    def line_up(
        self, song: Song | None, mix: Mix | None = None, matches: Mapping[str, float] | None = None
    ) -> None:
        """Let a song follow when this one ends, without a gap; None = none does."""
        gains = {Source(source): gain for source, gain in (matches or {}).items()}
        self._player.line_up(take_files(song) if song else None, mix, gains)

    def open_live(self, live: LiveSong) -> None:
        """Load a song that is being made, paused at its start."""
        self._player.load(LiveTake(live))
        self.live = live
        self._position = -1
        self.look()

    def go_on_with(self, files: TakeFiles) -> None:
        """Play the same song from other files, from the very sample that is next."""
        self._player.go_on_with(files)

    def set_filling(self, *, on: bool) -> None:
        """Choose whether a song in work is heard as it is where it is not separated yet."""
        self._player.set_filling(on=on)

    def unload(self) -> None:
        """Let go of the song's files."""
        self._player.unload()
        self.live = None
        self.look()

    @Slot()
    def toggle(self) -> None:
        """Play or pause; from the end, play from the start."""
        if self._player.state is PlayerState.PLAYING:
            self._player.toggle()
            self.look()
        else:
            self.play()

    def play(self) -> None:
        """Play."""
        if self._player.state is not PlayerState.EMPTY:
            if self._player.state is not PlayerState.PLAYING:
                self._player.count_in(*self.count_in())
            self._player.play()
            self.look()

    def pause(self) -> None:
        """Stand still."""
        self._player.pause()
        self.look()

    @Slot(int)
    def seek(self, frame: int) -> None:
        """Go to a frame; frames outside the song mean its ends."""
        if self._player.state is not PlayerState.EMPTY:
            self._player.seek(frame)
            self.look()

    def set_loop(self, start_frame: int, stop_frame: int) -> tuple[int, int]:
        """Play a stretch again and again; return it as the player took it."""
        self._player.set_loop(start_frame, stop_frame, *self.rest(start_frame, stop_frame))
        taken = self._player.loop
        return (start_frame, stop_frame) if taken is None else (taken.start, taken.stop)

    def clear_loop(self) -> None:
        """Play on to the end."""
        self._player.clear_loop()

    @property
    def loop(self) -> tuple[int, int] | None:
        """The stretch that is played again and again."""
        loop = self._player.loop
        return None if loop is None else (loop.start, loop.stop)

    @property
    def is_looping(self) -> bool:
        """Whether a stretch is played again and again."""
        return self._player.loop is not None

    def jump(self, seconds: float) -> None:
        """Go forward, or back by a negative number."""
        self.seek(self._player.position_frames + round(seconds * self._player.sample_rate))

    @property
    def position_frames(self) -> int:
        """Frames into the song."""
        return self._player.position_frames

    @property
    def frames(self) -> int:
        """Length of the song that the player has, 0 without one."""
        return self._player.frames

    @property
    def left_s(self) -> float:
        """Seconds that are still to come, as recorded; none without a song."""
        rate = self._player.sample_rate
        return (self._player.frames - self._player.position_frames) / rate if rate else 0.0

    @property
    def position_s(self) -> float:
        """Seconds into the song."""
        if self._player.state is PlayerState.EMPTY:
            return 0.0
        return self._player.position_frames / self._player.sample_rate

    @property
    def is_playing(self) -> bool:
        """Whether it plays."""
        return self._is_playing

    @property
    def source(self) -> str:
        """What is heard: "original", "instrumental" or "vocals"."""
        return self._player.source.value

    def set_source(self, stem: str) -> None:
        """Choose what is heard."""
        self._player.set_source(Source(stem))

    def set_mix(self, mix: Mix) -> None:
        """Place the faders."""
        self._player.set_mix(mix)

    def set_tune(self, tune: Tune) -> None:
        """Choose key and tempo."""
        self._player.set_tune(tune)

    def set_metronome(self, grid: BeatGrid | None) -> None:
        """Click on these beats while it plays; None = do not."""
        self._player.set_metronome(grid)

    def set_matches(self, gains: dict[str, float]) -> None:
        """Play sources at gains that make them equally loud; {} = each as it is."""
        self._player.set_matches({Source(source): gain for source, gain in gains.items()})

    def set_device(self, name: str) -> None:
        """Play on a sound device; "" = the system's own choice."""
        self._player.set_device(name)

    def set_manner(self, latency: str, *, exclusive: bool) -> None:
        """Choose how soon the device answers, and whether it is the program's alone."""
        self._player.set_manner(Manner(latency, exclusive))

    @Slot(float)
    def set_volume(self, volume: float) -> None:
        """Choose how loud, 0…1."""
        self._player.set_volume(volume)

    @Slot()
    def retry_output(self) -> None:
        """Look for a sound device again."""
        self._player.retry_output()

    @Slot()
    def look(self) -> None:
        """Ask the player, and tell what changed."""
        state = self._player.state
        playing = state is PlayerState.PLAYING
        if playing != self._is_playing:
            self._is_playing = playing
            self._timer.setInterval(_PLAYING_MS if playing else _IDLE_MS)
            self.playing_changed.emit(playing)
        if self._player.handovers != self._handovers:
            self._handovers = self._player.handovers
            self._position = -1
            self.went_over.emit()
        if state is not PlayerState.EMPTY and self._player.position_frames != self._position:
            self._position = self._player.position_frames
            self.moved.emit(self._position)
        self._looks += 1
        if playing and self._looks % 2 and self.tells_levels:
            self.heard.emit(self._player.heard())
            if self._looks % 6 == 1:
                self.loudness_measured.emit(self._player.short_term_lufs())
        if self._player.problem is not self._problem:
            self._problem = self._player.problem
            self.problem_changed.emit(self._problem)
