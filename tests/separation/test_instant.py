"""The learned engine: what it gives does not depend on blocks, and it takes every song."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from karaoke_studio.paths import resource
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation import instant
from karaoke_studio.separation.engine import ENGINES, SongFacts
from karaoke_studio.separation.instant import WEIGHTS, Centre, InstantEngine
from karaoke_studio.separation.mask_net import BANDS
from karaoke_studio.separation.rates import run_at_rate
from tests.helpers.engines import (
    ArraySink,
    ArraySource,
    EndlessSource,
    NullSink,
    facts_of,
    separated,
)
from tests.helpers.signals import noise, rms, sdr_db, sung_mix

RATE = 44100
FACTS = SongFacts(0.1, 0.5, 0.0, 0.1, 0.4)


def at_its_rate(song, sample_rate, folder):
    sink = ArraySink(*song.shape)
    source = ArraySource(song, sample_rate)
    nothing = lambda *_: None  # noqa: E731
    run_at_rate(InstantEngine(), source, sink, facts_of(song), nothing, nothing, folder=folder)
    assert sink.written.all()
    return sink.samples


def test_the_card_is_that_of_the_weights():
    weights = resource(WEIGHTS)
    card = json.loads(weights.with_suffix(".json").read_text())
    assert card["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert all(source["licence"] for source in card["learned_from"])
    assert weights.stat().st_size < 8_000_000


@pytest.mark.parametrize("stereo", [True, False])
def test_how_a_song_is_cut_changes_not_a_bit(stereo):
    song = sum(sung_mix(8, RATE, stereo=stereo))
    whole = separated(InstantEngine(count=352), song, RATE)
    assert rms(whole) > 0.003
    for count in (32, 96):
        found = separated(InstantEngine(count=count), song, RATE)
        np.testing.assert_array_equal(found, whole)


def test_how_many_threads_there_are_changes_not_a_bit(monkeypatch):
    song = sum(sung_mix(8, RATE))
    found = []
    for count in (1, 2, 4):
        monkeypatch.setattr(instant, "usable_processors", lambda count=count: count)
        found.append(separated(InstantEngine(), song, RATE))
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


@pytest.mark.parametrize(("side_db", "narrowed"), [(-30, 0.5), (-10, 1.0)])
def test_masks_are_narrowed_to_the_centre_while_vocals_stand_there(side_db, narrowed):
    seen = np.zeros((400, 4, BANDS), np.float32)
    seen[:, 1], seen[:, 2] = side_db / 10, 0.5
    whole = np.full((400, 2, BANDS), 0.8, np.float32)
    Centre().narrow(whole, seen)
    np.testing.assert_allclose(whole[0], 0.8)
    np.testing.assert_allclose(whole[-1], 0.8 * narrowed, rtol=0.01)
    pieces = np.full((400, 2, BANDS), 0.8, np.float32)
    centre = Centre()
    for start in range(0, 400, 50):
        centre.narrow(pieces[start : start + 50], seen[start : start + 50])
    np.testing.assert_array_equal(pieces, whole)


def test_music_without_a_voice_stays_music():
    _, music = sung_mix(6, RATE)
    assert rms(separated(InstantEngine(), music, RATE)) < 0.3 * rms(music)


def test_the_vocals_are_in_their_place():
    vocals, music = sung_mix(6, RATE)
    found = separated(InstantEngine(), vocals + music, RATE)
    late = [float(np.vdot(np.roll(found, shift, 1), vocals)) for shift in (-1024, -20, 0, 20, 1024)]
    assert max(late) == late[2]


def test_no_other_runtime_is_loaded():
    code = (
        "import sys, numpy as np\n"
        "from karaoke_studio.separation.instant import InstantEngine\n"
        "from tests.helpers.engines import separated\n"
        "separated(InstantEngine(), np.ones((2, 44100), np.float32), 44100)\n"
        "print({'torch', 'onnxruntime', 'openvino', 'scipy', 'demucs'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "set()"


def test_the_same_song_gives_the_same_bits():
    song = sum(sung_mix(15, RATE))
    found = [separated(InstantEngine(), song, RATE) for _ in range(2)]
    np.testing.assert_array_equal(*found)


def test_how_loud_a_song_is_changes_only_how_loud_its_vocals_are():
    song = sum(sung_mix(5, RATE))
    found = separated(InstantEngine(), song, RATE)
    quiet = separated(InstantEngine(), song * np.float32(0.01), RATE)
    assert sdr_db(quiet * 100, found) > 80


def test_a_mono_song_in_two_channels_gives_the_same_vocals_in_both():
    song = sum(sung_mix(5, RATE, stereo=False))
    found = separated(InstantEngine(), np.tile(song, (2, 1)), RATE)
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    np.testing.assert_allclose(found[:1], separated(InstantEngine(), song, RATE), atol=1e-5)


def test_swapped_sides_give_swapped_vocals():
    song = sum(sung_mix(5, RATE))
    found = separated(InstantEngine(), song, RATE)
    np.testing.assert_allclose(
        separated(InstantEngine(), song[::-1].copy(), RATE)[::-1], found, atol=1e-5
    )


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("level", [0.0, 1e-20])
def test_silence_gives_silence(channels, level):
    song = np.full((channels, 2 * RATE), level, np.float32)
    assert not separated(InstantEngine(), song, RATE).any()


def test_silence_before_a_song_stays_silent():
    song = sum(sung_mix(4, RATE, stereo=False))
    song = np.concatenate([np.zeros((1, 4 * RATE), np.float32), song], axis=1)
    found = separated(InstantEngine(), song, RATE)
    assert np.abs(found[:, : 4 * RATE - 4096]).max() < 1e-7
    assert rms(found[:, 4 * RATE :]) > 0.003


def test_what_is_no_number_stays_where_it_is():
    song = sum(sung_mix(4, RATE))
    facts = facts_of(song)
    broken = song.copy()
    broken[:, RATE : RATE + 10] = np.nan
    broken[0, 2 * RATE] = np.inf
    sink = ArraySink(*song.shape)
    InstantEngine().separate(ArraySource(broken, RATE), sink, facts, lambda _: None, lambda: None)
    assert np.isfinite(sink.samples).all()
    assert rms(sink.samples) > 0.003


@pytest.mark.parametrize("sample_rate", [8000, 32000, 48000, 96000])
def test_every_rate_runs_and_ends_on_the_last_frame(sample_rate, tmp_path):
    found = at_its_rate(noise(1.01, sample_rate, 1), sample_rate, tmp_path)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("frames", [1, 1000, 1024, 131073])
def test_songs_of_awkward_length(frames):
    for channels in (1, 2):
        song = noise(3, RATE, channels)[:, :frames]
        found = separated(InstantEngine(), song, RATE)  # which takes every frame once
        assert found.shape == song.shape
        assert np.isfinite(found).all()
        # a mask only takes away
        assert rms(found) <= rms(song)


def test_a_cancelled_job_stops_at_once():
    song = noise(30, RATE, 1)
    calls = 0

    def check():
        nonlocal calls
        calls += 1
        if calls >= 5:
            raise Cancelled

    sink = ArraySink(*song.shape)
    source = ArraySource(song, RATE)
    with pytest.raises(Cancelled):
        InstantEngine().separate(source, sink, facts_of(song), lambda _: None, check)
    assert not sink.written.any()


def run_endless(name, channels, seconds):
    source = EndlessSource(seconds, RATE, channels)
    sink = NullSink()
    ENGINES[name]().separate(source, sink, FACTS, lambda _: None, lambda: None)
    assert sink.frames == source.frames


@pytest.mark.parametrize(("name", "channels"), [("centre", 2), ("instant", 2)])
def test_memory_does_not_grow_with_the_song(name, channels):
    def peak_bytes(seconds):
        tracemalloc.start()
        run_endless(name, channels, seconds)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(1)  # what is imported late is not the song's
    # From 12 s on all that is ever held is held; how far apart the threads are is chance.
    short, long = peak_bytes(12), peak_bytes(48)
    assert long - short < 10e6
    assert long < 150e6


@pytest.mark.slow
@pytest.mark.parametrize(("name", "channels"), [("centre", 2), ("instant", 1)])
def test_an_hour_takes_no_more_memory_than_a_minute(name, channels):
    def resident_mb(seconds):
        code = (
            f"from {__name__} import *; run_endless({name!r}, {channels}, {seconds}); print_peak()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[2],
            check=True,
            capture_output=True,
            text=True,
        )
        return float(done.stdout)

    assert resident_mb(3600) - resident_mb(60) < 60


def print_peak():
    import resource  # Unix only, and needed in the subprocess alone

    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}")
