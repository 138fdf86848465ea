"""The axis of time that ruler, lanes and spectrogram share: plain arithmetic, no Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace

#: As close as one can look: finer than this the waveform has nothing more to show.
FINEST_STEP = 64.0
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_TICK_GAP = 88


@dataclass(frozen=True)
class TimeAxis:
    """Which frames of the song lie under which columns of a widget.

    Attributes:
        frames: length of the song.
        width: columns, in logical pixels; the song's end lies on the last one.
        start: the frame under column 0.
        step: frames from one column to the next.
    """

    frames: int = 0
    width: int = 1
    start: float = 0.0
    step: float = 1.0

    @staticmethod
    def whole(frames: int, width: int) -> TimeAxis:
        """Return an axis that shows the whole song."""
        return TimeAxis(frames, width, 0.0, max(frames, 1) / max(width - 1, 1))

    @property
    def span(self) -> float:
        """Frames from the first column to the last."""
        return self.step * max(self.width - 1, 1)

    @property
    def is_whole(self) -> bool:
        """Whether all of the song is shown."""
        return self.span >= self.frames * (1 - 1e-9)

    def x_of(self, frame: float) -> float:
        """Return the column of a frame; it may lie outside."""
        return (frame - self.start) / self.step

    def frame_at(self, x: float) -> int:
        """Return the frame under a column, inside the song."""
        return round(min(max(self.start + x * self.step, 0.0), float(self.frames)))

    def shows(self, frame: float) -> bool:
        """Whether a frame lies between the first column and the last."""
        return self.start <= frame <= self.start + self.span

    def resized(self, width: int) -> TimeAxis:
        """Return the same view on more or fewer columns."""
        if self.is_whole:
            return TimeAxis.whole(self.frames, width)
        return replace(self, width=width)._inside()

    def zoomed(self, factor: float, x: float) -> TimeAxis:
        """Return a view `factor` times closer, the frame under column `x` staying there."""
        finest = min(FINEST_STEP, self.frames / max(self.width - 1, 1))
        step = max(self.step / factor, finest)
        frame = self.start + x * self.step
        return replace(self, step=step, start=frame - x * step)._inside()

    def panned(self, columns: float) -> TimeAxis:
        """Return a view so many columns later."""
        return replace(self, start=self.start + columns * self.step)._inside()

    def moved(self, start: float) -> TimeAxis:
        """Return a view that begins at a frame, as far as the song goes."""
        return replace(self, start=start)._inside()

    def _inside(self) -> TimeAxis:
        if self.span >= self.frames:
            return TimeAxis.whole(self.frames, self.width)
        return replace(self, start=min(max(self.start, 0.0), self.frames - self.span))


def tick_step_s(seconds_per_column: float) -> float:
    """Return the distance of ruler marks in seconds: round, and never crowded."""
    wanted = seconds_per_column * _TICK_GAP
    return next((step for step in _STEPS_S if step >= wanted), _STEPS_S[-1])
