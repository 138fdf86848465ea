"""Fixing a stretch of a song of the library: real files, real children, a real library."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from karaoke_studio.audio.peaks import load_peaks
from karaoke_studio.errors import MissingFile
from karaoke_studio.fixes import TO_MUSIC, Fix, Stroke
from karaoke_studio.job import JobResult, JobSpec, Stage
from karaoke_studio.library.checking import check_library
from karaoke_studio.library.manifest import read_manifest
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.takes import takes_of, with_take
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.pipeline import Surroundings, run_job
from karaoke_studio.progress import Cancelled, Progress
from karaoke_studio.worker.host import Workers
from tests.faults.program import Program
from tests.helpers.engine_child import engine_worker
from tests.helpers.signals import sung_mix
from tests.helpers.street import read_ints, write_song

RATE = 44_100
SECONDS = 9.0
#: Stretch that the tests fix.
START, STOP = round(3.0 * RATE), round(5.5 * RATE)
FADE = round(0.03 * RATE)


class Desk:
    """A library with one song."""

    def __init__(self, folder: Path) -> None:
        vocals, band = sung_mix(SECONDS, RATE)
        self.path = write_song(folder / "song.wav", np.clip(vocals + band, -1, 1), RATE, "PCM_24")
        self.workers = replace(Workers.create(folder), builtin=engine_worker(folder))
        self.writer = LibraryWriter(folder / "library")
        self.around = Surroundings(self.workers, self.writer, data=folder / "data")
        spec = JobSpec(uuid.uuid4().hex, self.path, "instant")
        self.song_id = str(self.run(spec).song_id)
        self.first = self.song()

    def run(
        self, spec: JobSpec, hear: Any = lambda _: None, stop: threading.Event | None = None
    ) -> JobResult:
        staging = self.writer.staging / spec.job_id
        return run_job(spec, staging, hear, stop or threading.Event(), self.around)

    def song(self) -> Song:
        found = self.writer.song(self.song_id).result()
        assert found is not None
        return found

    def spec(self, fix: Fix, engine: str = "auto") -> JobSpec:
        return JobSpec(uuid.uuid4().hex, self.path, engine, song_id=self.song_id, fix=fix)

    def fix(self, engine: str = "auto", take: str = "", **fields: Any) -> Song:
        fix = Fix(take or self.first.take_id, START, STOP, **fields)
        assert self.run(self.spec(fix, engine)).null_exact is True
        return self.song()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("fixes"))
    yield desk
    desk.workers.close()
    desk.writer.close()


@pytest.fixture(autouse=True)
def _as_it_was(desk: Desk) -> Iterator[None]:
    yield
    desk.writer.use_take(desk.song_id, desk.first.take_id).result()


def stems(song: Song) -> tuple[np.ndarray, np.ndarray]:
    vocals, instrumental = (read_ints(song.stem_path(s))[0] for s in ("vocals", "instrumental"))
    return vocals, instrumental


def require_same_song(old: Song, new: Song) -> None:
    """The sum is the same to the bit, and outside of the stretch so are both stems."""
    before, after = stems(old), stems(new)
    assert np.array_equal(sum(before), sum(after))
    for was, now in zip(before, after, strict=True):
        assert np.array_equal(was[:, :START], now[:, :START])
        assert np.array_equal(was[:, STOP:], now[:, STOP:])


def test_another_engine_makes_the_stretch_and_nothing_else(desk: Desk) -> None:
    song = desk.fix("echo_any", redo=True)
    require_same_song(desk.first, song)
    vocals, instrumental = stems(song)
    inside = slice(START + FADE, STOP - FADE)
    assert not instrumental[:, inside].any()  # all of it is voice for this engine
    assert vocals[:, inside].any()
    assert stems(desk.first)[1][:, inside].any()


def test_the_engine_that_made_it_makes_the_same_bits(desk: Desk) -> None:
    start = round(7.3 * RATE)  # so late that the clip does not begin with the song
    fix = Fix(desk.first.take_id, start, desk.first.frames - RATE, redo=True)
    desk.run(desk.spec(fix, "instant"))
    song = desk.song()
    assert song.take_id != desk.first.take_id
    for before, after in zip(stems(desk.first), stems(song), strict=True):
        assert np.array_equal(before, after)


def test_the_seams_are_faded_with_gains_that_add_up(desk: Desk) -> None:
    song = desk.fix("echo_any", redo=True)
    old, new = stems(desk.first)[0], stems(song)[0]
    whole = old + stems(desk.first)[1]
    middles = (np.arange(FADE) + 0.5) / FADE
    for at, gains in ((START, middles), (STOP - FADE, middles[::-1])):
        wanted = old[:, at : at + FADE] * (1 - gains) + whole[:, at : at + FADE] * gains
        # integers of 24 bits, left-aligned in 32
        assert np.abs(new[:, at : at + FADE] - wanted).max() <= 0.51 * 256


def test_the_edit_is_written_down_and_the_older_take_stays(desk: Desk) -> None:
    first = desk.fix("echo_any", redo=True)
    second = desk.fix(take=first.take_id, high_hz=5000.0)
    manifest = read_manifest(second.folder)
    edits = manifest["takes"][second.take_id]["edits"]
    assert [edit["take_id"] for edit in edits] == [desk.first.take_id, first.take_id]
    assert (edits[0]["engine"], edits[0]["overlap"], edits[0]["shifts"]) == ("echo_any", 0.25, 0)
    assert (edits[1]["high_hz"], edits[1]["redo"], "engine" in edits[1]) == (5000.0, False, False)
    assert second.engine == "instant"  # what most of it was made with
    fixes = {take.id: take.fixes for take in takes_of(second)}
    assert (fixes[desk.first.take_id], fixes[first.take_id], fixes[second.take_id]) == (0, 1, 2)
    before = with_take(second, first.take_id)
    assert (before.take_id, before.stems) == (first.take_id, first.stems)
    require_same_song(before, second)


def test_the_brush_gives_a_spot_to_the_music(desk: Desk) -> None:
    points = tuple((at, 440.0) for at in range(START, STOP, RATE // 10))
    song = desk.fix(strokes=(Stroke(TO_MUSIC, 1.0, 0.1, 8.0, points),))
    require_same_song(desk.first, song)
    inside = slice(START + 2 * FADE, STOP - 2 * FADE)
    old, new = (stems(s)[0][:, inside].astype(float) for s in (desk.first, song))
    assert np.sqrt((new**2).mean()) < 0.02 * np.sqrt((old**2).mean())


def test_the_waveforms_are_those_of_the_new_take(desk: Desk) -> None:
    song = desk.fix("echo_any", redo=True)
    old, new = load_peaks(desk.first.peaks_path), load_peaks(song.peaks_path)
    assert new.frames == old.frames == song.frames
    at = START // 256 + 8, STOP // 256 - 8
    assert not new.levels["instrumental"][0][:, slice(*at)].any()
    before = START // 256 - 1
    for stem in ("vocals", "instrumental"):
        assert np.array_equal(new.levels[stem][0][:, :before], old.levels[stem][0][:, :before])


def test_progress_rises_through_the_stages(desk: Desk) -> None:
    heard: list[Progress] = []
    fix = Fix(desk.first.take_id, START, STOP, redo=True)
    desk.run(desk.spec(fix, "echo_any"), heard.append)
    fractions = [progress.overall_fraction for progress in heard]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    stages = list(dict.fromkeys(progress.stage for progress in heard))
    assert stages == [Stage.IMPORTING, Stage.SEPARATING, Stage.ENCODING, Stage.PUBLISHING]


@pytest.mark.parametrize("stage", [Stage.SEPARATING, Stage.ENCODING])
def test_cancelling_leaves_the_song_as_it_was(desk: Desk, stage: Stage) -> None:
    stop = threading.Event()

    def hear(progress: Progress) -> None:
        if progress.stage is stage:
            stop.set()

    fix = Fix(desk.first.take_id, START, STOP, redo=True)
    started = time.monotonic()
    engine = "slow" if stage is Stage.SEPARATING else "echo_any"
    with pytest.raises(Cancelled):
        desk.run(desk.spec(fix, engine), hear, stop)
    assert desk.song().take_id == desk.first.take_id
    assert not list(desk.writer.staging.iterdir())
    if stage is Stage.SEPARATING:
        assert time.monotonic() - started < 4  # of the five seconds that the engine takes


def test_a_child_that_dies_is_given_the_stage_once_more(desk: Desk) -> None:
    killed: list[int] = []

    def hear(progress: Progress) -> None:
        process = desk.workers.builtin._process
        if progress.stage is Stage.SEPARATING and not killed and process is not None:
            process._popen.kill()
            killed.append(process._popen.pid)

    fix = Fix(desk.first.take_id, START, STOP, redo=True)
    result = desk.run(desk.spec(fix, "echo_any"), hear)
    assert killed
    assert "child_restarted" in result.notes
    require_same_song(desk.first, desk.song())


def test_what_is_gone_is_refused(desk: Desk) -> None:
    song = desk.first
    for fix in (Fix("0" * 32, START, STOP), Fix(song.take_id, START, song.frames + 1)):
        with pytest.raises(MissingFile):
            desk.run(desk.spec(fix))
    assert not list(desk.writer.staging.iterdir())


def test_a_job_with_a_fix_survives_the_store(desk: Desk) -> None:
    stroke = Stroke(TO_MUSIC, 0.5, 0.1, 0.25, ((START, 440.0), (STOP, 880.5)))
    fix = Fix("a" * 32, START, STOP, redo=True, low_hz=80.0, strength=-0.5, strokes=(stroke,))
    spec = desk.spec(fix)
    assert JobSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    "changes",
    [{"version": 2}, {"start": 9, "stop": 9}, {"low_hz": 300.0, "high_hz": 200.0}, {"strength": 2}],
)
def test_a_fix_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    plain = Fix("a" * 32, 0, 10, low_hz=100.0).to_json()
    assert Fix.from_json(plain).low_hz == 100.0
    with pytest.raises(ValueError, match=r"a (fix|stretch|voice)"):
        Fix.from_json(plain | changes)


@pytest.mark.slow
def test_a_kill_in_the_middle_leaves_the_old_take_or_the_new_one(tmp_path: Path) -> None:
    """kill -9 of the program and all its children, at moments all over a fix."""
    vocals, band = sung_mix(30, RATE)
    path = write_song(tmp_path / "song.wav", np.clip(vocals + band, -1, 1), RATE, "PCM_16")
    data = tmp_path / "data"
    assert Program("library", "add", path, data=data).wait() == 0
    words = ("library", "fix", "song", "--from", 3, "--to", 12, "--engine", "centre")
    started = time.monotonic()
    assert Program(*words, data=data).wait() == 0
    usual_s = time.monotonic() - started
    hits, fixes = 0, 1
    for share in np.linspace(0.2, 1.0, 12):
        program = Program(*words, data=data)
        time.sleep(usual_s * float(share))
        hits += program.kill()
        LibraryWriter(data / "library").close()
        library = SongLibrary(data / "library")
        (song,) = library.songs()
        library.close()
        assert not [f for f in check_library(data / "library") if f.is_error]
        (count,) = (take.fixes for take in takes_of(song) if take.is_current)
        assert count in {fixes, fixes + 1}
        fixes = count
        whole = sum(read_ints(song.stem_path(stem))[0] for stem in song.stems)
        assert np.array_equal(whole, read_ints(path)[0])
        assert not list((data / "library" / ".staging").iterdir())
    assert hits >= 6
