"""Inside the callback: fades, starvation, memory."""

from __future__ import annotations

import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest

from karaoke_studio.playback.mixer import PIECE_FRAMES, Controls, Mark, Mixer, Ramp
from karaoke_studio.playback.ring import Join, StemRing
from tests.playback.conftest import FloatArray

RATE = 44_100
FADE = 441


def make_ring(
    frames: int, *, start_frame: int = 10, complete: bool = True, level: float = 0.25
) -> StemRing:
    ring = StemRing(
        ticket=1, stems=2, channels=2, sample_rate=RATE, song_rate=RATE, start_frame=start_frame
    )
    ring.write(np.full((2, 2, frames), level, np.float32))
    ring.is_complete = complete
    return ring


def render(mixer: Mixer, frames: int, heard_at: float = 0.0) -> FloatArray:
    block = np.full((frames, 2), np.nan, np.float32)
    mixer.render(block.T, heard_at)
    return block.T


@pytest.fixture
def controls() -> Controls:
    wanted = Controls()
    wanted.is_running = True
    return wanted


def test_no_ring_is_silence(controls: Controls) -> None:
    assert not render(Mixer(RATE, controls), 1_500).any()


def test_a_place_inside_the_song_fades_in_but_its_beginning_does_not(controls: Controls) -> None:
    controls.ring = make_ring(5_000)
    fade = np.minimum(np.arange(1, 1_001) / FADE, 1) * 0.5
    np.testing.assert_allclose(render(Mixer(RATE, controls), 1_000)[0], fade, atol=1e-6)
    controls.ring = make_ring(5_000, start_frame=0)
    assert (render(Mixer(RATE, controls), 1_000) == 0.5).all()


def test_a_ring_that_runs_low_fades_out_once_and_comes_back(controls: Controls) -> None:
    ring = controls.ring = make_ring(6_000, complete=False)
    mixer = Mixer(RATE, controls)
    heard = [render(mixer, 441) for _ in range(20)]
    assert mixer.underruns == 1
    assert ring.available > 0
    assert not heard[-1].any()
    left = ring.available
    ring.write(np.full((2, 2, 4_410 - left), 0.25, np.float32))
    heard += [render(mixer, 441) for _ in range(5)]
    assert heard[-1].any()
    assert mixer.underruns == 1
    sound = np.concatenate(heard, axis=1)
    assert np.abs(np.diff(sound)).max() <= 0.5 / FADE + 1e-6


def test_a_ring_that_ran_low_does_not_keep_the_next_one_waiting(controls: Controls) -> None:
    old = controls.ring = make_ring(3_000, complete=False)
    mixer = Mixer(RATE, controls)
    render(mixer, 2_000)
    following = StemRing(
        ticket=1,
        stems=2,
        channels=2,
        sample_rate=RATE,
        song_rate=RATE,
        start_frame=2_960,
        joins=Join(old, 2_950),
    )
    following.write(np.full((2, 2, 20_000), 0.25, np.float32))
    controls.ring = following
    heard = np.concatenate([render(mixer, 441) for _ in range(12)], axis=1)
    assert mixer.underruns == 1
    assert mixer.mark is not None
    assert mixer.mark.ring is following
    assert heard[0, -1] == pytest.approx(0.5)


def test_a_ring_that_is_suddenly_dry_is_silence_not_noise(controls: Controls) -> None:
    controls.ring = make_ring(1_000, complete=False, start_frame=0)
    heard = render(Mixer(RATE, controls), 4_000)
    assert not np.isnan(heard).any()
    assert not heard[:, 1_001:].any()


def test_the_last_frames_are_all_played(controls: Controls) -> None:
    ring = controls.ring = make_ring(1_003, start_frame=0)
    heard = render(Mixer(RATE, controls), 2_000)
    assert (heard[:, :1_003] == 0.5).all()
    assert not heard[:, 1_003:].any()
    assert ring.is_drained


def test_a_new_place_is_cross_faded(controls: Controls) -> None:
    controls.ring = make_ring(20_000, level=0.25)
    mixer = Mixer(RATE, controls)
    render(mixer, 1_000)
    controls.ring = make_ring(20_000, level=0.25)
    # Both places hold the same: a straight cross-fade then leaves no dent.
    np.testing.assert_allclose(render(mixer, 1_000), 0.5, atol=1e-6)


def test_places_that_follow_faster_than_the_fade_wait_their_turn(controls: Controls) -> None:
    controls.ring = make_ring(5_000)
    mixer = Mixer(RATE, controls)
    heard = [render(mixer, 1_000)]
    for _ in range(50):
        controls.ring = make_ring(2_000)
        heard.append(render(mixer, 100))
    sound = np.concatenate(heard, axis=1)
    assert np.abs(np.diff(sound)).max() <= 2 * 0.5 / FADE + 1e-6


def test_a_ring_of_another_rate_is_not_played(controls: Controls) -> None:
    controls.ring = make_ring(5_000)
    mixer = Mixer(48_000, controls)
    assert not render(mixer, 1_000).any()
    assert controls.ring.read == 0


def test_silence_is_known(controls: Controls) -> None:
    controls.ring = make_ring(5_000)
    mixer = Mixer(RATE, controls)
    assert mixer.is_silent
    render(mixer, 1_000)
    assert not mixer.is_silent
    controls.ring = None
    render(mixer, 100)
    assert not mixer.is_silent
    render(mixer, 1_000)
    assert mixer.is_silent


def test_long_blocks_keep_time(controls: Controls) -> None:
    controls.ring = make_ring(5_000)
    mixer = Mixer(RATE, controls)
    render(mixer, 3_000, heard_at=1.0)
    assert mixer.mark is not None
    assert mixer.mark.ring_frame(1.0 + 2_990 / RATE) == pytest.approx(2_990)


def test_block_sizes_do_not_matter() -> None:
    results = []
    for sizes in ([8_000], [1] * 300 + [7_700], [513, 511, 1, 6_975]):
        controls = Controls()
        controls.is_running = True
        controls.stem_sides = ((0.0, 0.0), (1.0, 1.0))
        ring = controls.ring = make_ring(0, start_frame=0, complete=False)
        ring.write(np.random.default_rng(5).standard_normal((2, 2, 9_000)).astype(np.float32))
        mixer = Mixer(RATE, controls)
        controls.stem_sides = ((1.0, 0.2), (0.5, 0.5))
        results.append(np.concatenate([render(mixer, size) for size in sizes], axis=1))
    # The gain of a piece starts from the rounded gain of the one before: 300 × 3e-8 × 4.5 sigma.
    np.testing.assert_allclose(results[1], results[0], atol=5e-5)
    np.testing.assert_allclose(results[2], results[0], atol=5e-5)


def test_the_callback_makes_no_arrays(controls: Controls) -> None:
    mixer = Mixer(RATE, controls)
    rings = [make_ring(44_100) for _ in range(4)]
    block = np.zeros((1_102, 2), np.float32).T
    gains = [((1.0, 1.0), (1.0, 0.5)), ((0.0, 0.0), (1.0, 1.0)), ((1.0, 0.0), (0.0, 0.0))]

    def play() -> None:
        for n in range(40):
            controls.ring = rings[n // 10]
            controls.stem_sides = gains[n % 3]
            controls.is_running = n % 7 != 0
            controls.volume_gain = (n % 5) / 4
            mixer.render(block, 0.0)

    play()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        play()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Views, numbers and marks are a few hundred bytes; one piece of sound would be 4 KB.
    assert peak - before < 4 * PIECE_FRAMES


def test_the_callback_keeps_the_interpreter(controls: Controls) -> None:
    """Who gives it away once beside a window that paints gets it back milliseconds later."""
    mixer, is_over, turns = Mixer(RATE, controls), threading.Event(), [0]

    def paint() -> None:
        while not is_over.is_set():
            turns[0] += 1
            time.sleep(0)

    window = threading.Thread(target=paint)
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(60)  # nobody is made to give it away
    window.start()
    block, during = np.empty((1_102, 2), np.float32).T, 0
    try:
        for _ in range(100):
            ring = controls.ring = make_ring(20 * 1_102)
            while ring.available:
                before = turns[0]
                mixer.render(block, 0.0)
                during += turns[0] - before
    finally:
        is_over.set()
        sys.setswitchinterval(interval_s)
        window.join()
    assert during == 0


def test_marks_place_frames_in_time() -> None:
    ring = make_ring(100, start_frame=1_000)
    mark = Mark(ring, run_start=50, start=441, stop=882, heard_at=2.0)
    assert mark.ring_frame(2.005) == pytest.approx(441 + 220.5)
    assert mark.ring_frame(9.0) == 882
    assert mark.ring_frame(0.0) == 50
    assert ring.song_frame(441) == 1_441


def test_ramps_end_exactly() -> None:
    ramp = Ramp(0.0, FADE)
    gains = np.concatenate([ramp.walk(1.0, 100).copy() for _ in range(6)])
    np.testing.assert_allclose(gains, np.minimum(np.arange(1, 601) / FADE, 1), atol=1e-6)
    assert ramp.value == 1.0
    assert ramp.frames_to_zero() == FADE
    assert ramp.walk(0.25, 512)[-1] == 0.25


def test_rings_wrap_round() -> None:
    ring = StemRing(ticket=1, stems=2, channels=1, sample_rate=1_000, song_rate=500, start_frame=7)
    rng = np.random.default_rng(1)
    sound = rng.standard_normal((2, 1, 10_000)).astype(np.float32)
    written, got = 0, []
    while written < 10_000 or ring.available:
        count = min(int(rng.integers(0, 400)), ring.room, 10_000 - written)
        ring.write(sound[:, :, written : written + count])
        written += count
        out = np.empty((2, 2, min(int(rng.integers(0, 400)), ring.available)), np.float32)
        ring.take(out)
        got.append(out)
    np.testing.assert_array_equal(np.concatenate(got, axis=2), np.repeat(sound, 2, axis=1))
    assert ring.song_frame(ring.read) == 7 + 5_000
