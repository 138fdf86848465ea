"""A song is heard while it is made, and its bits are those of a job that nobody listened to."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from karaoke_studio.errors import ModelMissing
from karaoke_studio.job import STEMS, JobResult, JobSpec, NetworkChoice, OutputSpec, Stage
from karaoke_studio.pipeline import Surroundings, output_workdir, run_job
from karaoke_studio.playback.live_reader import LiveReader
from karaoke_studio.playback.live_song import Layer, Listener, LiveSong, LiveTake
from karaoke_studio.progress import Cancelled, Progress
from karaoke_studio.worker.host import Workers
from tests.helpers.models import make_net, write_bag
from tests.helpers.signals import sung_mix
from tests.helpers.sound_server import until
from tests.helpers.street import read_ints, write_song

RATE = 44_100


class Studio:
    """Warm workers, a small network, a song, and what a listener was told of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.models = folder / "models"
        write_bag(self.models, "htdemucs", [make_net()])
        vocals, band = sung_mix(4.0, RATE)
        self.song = write_song(folder / "song.wav", (vocals + band) * 0.4, RATE, "PCM_16")
        self.workers = Workers.create(folder)
        self.live: list[LiveSong] = []
        self.waves: list[dict[str, Any]] = []

    def make(self, engine: str = "htdemucs", *, on_live: Any = None, **how: Any) -> JobResult:
        self.live.clear()
        self.waves.clear()
        out = self.folder / uuid.uuid4().hex
        out.mkdir()

        def show(live: LiveSong) -> None:
            self.live.append(live)
            if on_live:
                on_live(live)

        stop = how.pop("stop", threading.Event())
        report = how.pop("report", lambda _progress: None)
        choice = NetworkChoice((self.models,))
        spec = JobSpec(uuid.uuid4().hex, self.song, engine, STEMS, OutputSpec(out), choice, **how)
        around = Surroundings(
            self.workers,
            data=self.folder / "data",
            show_live=show,
            show_waves=self.waves.append,
        )
        return run_job(spec, output_workdir(spec), report, stop, around)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = Studio(tmp_path_factory.mktemp("live"))
    yield studio
    studio.workers.close()


def whole(live: LiveSong, layer: Layer) -> bool:
    return live.within(layer, 0, live.frames) == [(0, live.frames)]


def test_everything_of_a_song_is_told(studio: Studio) -> None:
    result = studio.make("instant")
    (live,) = studio.live
    assert (live.sample_rate, live.channels) == (RATE, 2)
    assert live.is_imported
    assert live.imported == live.frames == round(result.duration_s * RATE)
    assert whole(live, Layer.FINAL)
    assert not live.within(Layer.DRAFT, 0, live.frames)


def test_seed_000_06_a_draft_is_heard_until_the_network_is_there(studio: Studio) -> None:
    heard: list[np.ndarray[Any, Any]] = []

    def watch(progress: Progress) -> None:
        if progress.stage is Stage.SEPARATING and not heard:
            (live,) = studio.live
            # nothing of the network is told before this returns
            until(lambda: whole(live, Layer.DRAFT))
            reader = LiveReader(LiveTake(live))
            reader.seek(RATE)
            heard.append(reader.read(4_096))
            reader.close()

    studio.make(draft=True, report=watch)
    assert heard[0][0].any()
    assert not heard[0][2].any()
    assert whole(studio.live[0], Layer.FINAL)
    assert any(facts.get("draft") for facts in studio.waves)


def test_the_final_bits_are_those_of_a_job_nobody_listened_to(studio: Studio) -> None:
    calm = studio.make()

    def listen(live: LiveSong) -> None:
        live.listener = Listener(3 * RATE, moves=False)

    places = iter([3, 1, 2, 0, 3])

    def wander(_progress: Progress) -> None:
        if studio.live:
            studio.live[0].listener = Listener(next(places, 2) * RATE, moves=True)

    followed = studio.make(draft=True, on_live=listen, report=wander)
    for stem in STEMS:
        first, second = (read_ints(one.stem_paths[stem])[0] for one in (calm, followed))
        assert np.array_equal(first, second)


def test_a_draft_that_fails_is_no_failure(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_options: Any) -> Any:
        raise ModelMissing("no engine today")

    monkeypatch.setattr(studio.workers.builtin, "run", refuse)
    assert studio.make(draft=True).null_exact
    assert not any(facts.get("draft") for facts in studio.waves)


def test_a_cancelled_job_leaves_no_draft_behind(studio: Studio) -> None:
    stop = threading.Event()
    before = set(threading.enumerate())
    with pytest.raises(Cancelled):
        studio.make(draft=True, stop=stop, on_live=lambda _live: stop.set())
    assert not [one for one in set(threading.enumerate()) - before if one.name == "draft"]
    assert not list(studio.folder.glob("*/.karaoke-*"))


def test_a_job_survives_its_json_with_its_draft() -> None:
    spec = JobSpec("ab", Path("song.mp3"), draft=True)
    assert JobSpec.from_json(spec.to_json()).draft
    assert not JobSpec.from_json({**spec.to_json(), "draft": False}).draft
