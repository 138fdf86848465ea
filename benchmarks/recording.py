"""A film of twenty seconds: a song is dropped, sung at once, and the better split slides in.

    python benchmarks/recording.py FILE.gif|FILE.webm [--theme light] [--size 1000x620]

The window is the program's own; song and progress are made up and told to it as the queue would,
frame by frame, so the film is the same on every machine and nothing is separated or played.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import av
import numpy as np
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QImage
from PySide6.QtWidgets import QApplication

from benchmarks.screenshots import Scene, analysis, wait
from benchmarks.timeline import made_up_spectrogram
from karaoke_studio.audio.live_peaks import FULL_SCALE
from karaoke_studio.audio.peaks import load_peaks, write_peaks
from karaoke_studio.job import STEMS
from karaoke_studio.playback.player import Heard, LiveSong
from tests.helpers.fakes_ui import RATE, write_waves

SECONDS, SONG_S = 20.0, 30.0
RATES = {".gif": 10, ".webm": 25}
#: When things happen.
HELD_S, DROPPED_S, HEARD_S = 1.2, 2.4, 2.8
DRAFT_S, FINAL_S = (3.4, 6.0), (6.5, 16.5)
COLUMNS_A_STEP = 24


class Film:
    """The scene, led second by second."""

    def __init__(self, folder: Path, theme: str, size: tuple[int, int]) -> None:
        self.scene = Scene(folder / "library", theme, size)
        self.window = self.scene.show()
        self._folder, self._job = folder, ""
        self._frames = round(SONG_S * RATE)
        self._told = {"draft": 0, "final": 0}
        self._done: set[str] = set()

    def lead_to(self, now: float, step_s: float) -> None:
        """Let happen what happens up to a second of the film."""
        for name, at, act in (
            ("held", HELD_S, self._hold),
            ("dropped", DROPPED_S, self._drop),
            ("heard", HEARD_S, self._play),
            ("finished", FINAL_S[1] + 0.4, self._finish),
        ):
            if now >= at and name not in self._done:
                self._done.add(name)
                act()
        if "dropped" in self._done:
            self._grow("draft", now, DRAFT_S)
            self._grow("final", now, FINAL_S)
        if "heard" in self._done:
            loud = 0.5 + 0.3 * float(np.sin(9 * now))
            self.scene.player.levels = Heard((loud,) * 6, loud, 0.9 * loud, 0.3, 0.28)
            self.scene.player.lufs = -14.0 + float(np.sin(now))
            self.scene.player.advance_s(step_s)
            self.window.listening.look()
            self.window.listening.look()

    def _hold(self) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(self._song_file()))])
        event = QDragEnterEvent(
            QPoint(400, 300),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(self.window, event)

    def _song_file(self) -> Path:
        path = self._folder / "Slow Motion Dream.mp3"
        path.touch()
        return path

    def _drop(self) -> None:
        self.window.overlay.hide()
        self.window.add_paths([self._song_file()])
        (self._job,) = self.scene.queue.ids()
        self.scene.queue.start(self._job, "Steven M Bryant")
        waves = self._folder / "waves.peaks"
        write_waves(waves, self._frames, 1)
        stems = load_peaks(waves).levels
        low, high = (sum(stems[stem][0][side] / 32_767 for stem in STEMS) for side in (0, 1))
        write_peaks(waves, self._frames, {"original": (low, high)})
        self._final = {stem: stems[stem][1] / (32_767 / FULL_SCALE) for stem in STEMS}
        voice, music = (self._final[stem] for stem in STEMS)
        # a draft leaves some of each in the other
        self._draft = dict(
            zip(STEMS, (0.8 * voice + 0.2 * music, 0.8 * music + 0.2 * voice), strict=True)
        )
        live = LiveSong(self._folder, sample_rate=RATE, channels=2, frames=self._frames)
        live.import_to(self._frames, is_whole=True)
        self.scene.queue.job_live.emit(self._job, live)
        facts = {"original": waves, "frames": self._frames, "sample_rate": RATE}
        self.scene.queue.job_waves.emit(self._job, facts)

    def _play(self) -> None:
        self.window.opened.hear_instrumental()
        self.window.live.toggle()

    def _grow(self, layer: str, now: float, span: tuple[float, float]) -> None:
        share = min(max((now - span[0]) / (span[1] - span[0]), 0.0), 1.0)
        peaks = self._draft if layer == "draft" else self._final
        columns = peaks[STEMS[0]].shape[1]
        first, last = self._told[layer], round(share * columns)
        if (last - first < COLUMNS_A_STEP and last < columns) or last == first:
            return
        self._told[layer] = last
        told: dict[str, Any] = {s: peaks[s][:, first:last].round().tolist() for s in STEMS}
        told |= {"first": first} | ({"draft": True} if layer == "draft" else {})
        self.scene.queue.job_waves.emit(self._job, told)
        if layer == "final":
            self.scene.queue.progress(self._job, share, (1 - share) * (span[1] - span[0]))

    def _finish(self) -> None:
        song = self.scene.queue.finish(self._job)
        self.scene.library.all[0] = found = song.__class__(
            **{**vars(song), "analysis": analysis(song), "artist": "Steven M Bryant"}
        )
        self.window.opened.follow(found)
        self.window.song_view.timeline.show_spectrogram(made_up_spectrogram(self._frames))


def pictures(film: Film, rate: int) -> Iterator[QImage]:
    """Yield the film's pictures."""
    for number in range(round(SECONDS * rate)):
        film.lead_to(number / rate, 1 / rate)
        wait(15)
        yield film.window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)


def as_frame(image: QImage) -> av.VideoFrame:
    """Return a picture as PyAV takes it."""
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    pixels = rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")


def write_webm(path: Path, images: Iterator[QImage], rate: int) -> None:
    """Write VP9."""
    with av.open(str(path), "w") as file:
        stream = None
        for number, image in enumerate(images):
            frame = as_frame(image)
            if stream is None:
                stream = file.add_stream("libvpx-vp9", rate=rate)
                stream.width, stream.height = frame.width, frame.height
                stream.pix_fmt = "yuv420p"
                stream.options = {"crf": "34", "b": "0", "cpu-used": "5", "row-mt": "1"}
            frame.pts, frame.time_base = number, Fraction(1, rate)
            file.mux(stream.encode(frame))
        if stream is not None:
            file.mux(stream.encode())


def write_gif(path: Path, images: Iterator[QImage], rate: int) -> None:
    """Write a GIF whose one palette is made from all pictures."""
    graph: av.filter.Graph | None = None
    for number, image in enumerate(images):
        frame = as_frame(image)
        frame.pts, frame.time_base = number, Fraction(1, rate)
        if graph is None:
            graph = _palette_graph(frame, rate)
        graph.push(frame)
    if graph is None:
        return
    graph.push(None)
    with av.open(str(path), "w", options={"loop": "0"}) as file:
        stream = None
        for frame in _pulled(graph):
            if stream is None:
                stream = file.add_stream("gif", rate=rate)
                stream.width, stream.height = frame.width, frame.height
                stream.pix_fmt = "pal8"
            file.mux(stream.encode(frame))
        if stream is not None:
            file.mux(stream.encode())


def _palette_graph(frame: av.VideoFrame, rate: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, rate)
    )
    split = graph.add("split")
    palette = graph.add("palettegen", "max_colors=160:stats_mode=diff")
    use = graph.add("paletteuse", "dither=none:diff_mode=rectangle")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(palette, output_idx=0)
    split.link_to(use, output_idx=1, input_idx=0)
    palette.link_to(use, input_idx=1)
    use.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


WRITERS: dict[str, Callable[[Path, Iterator[QImage], int], None]] = {
    ".gif": write_gif,
    ".webm": write_webm,
}


def main() -> int:
    """Write the film."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--size", default="1000x620", help="of the window")
    chosen = parser.parse_args()
    suffix = chosen.file.suffix
    if suffix not in WRITERS:
        parser.error(f"{chosen.file.name} must end in {' or '.join(WRITERS)}")
    wide, high = (int(side) for side in chosen.size.split("x"))
    application = QApplication(sys.argv[:1])
    application.setQuitOnLastWindowClosed(False)
    with tempfile.TemporaryDirectory() as folder:
        film = Film(Path(folder), chosen.theme, (wide, high))
        rate = RATES[suffix]
        WRITERS[suffix](chosen.file, pictures(film, rate), rate)
        film.window.close()
        film.window.deleteLater()
        wait(20)
    print(f"{chosen.file}: {chosen.file.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
