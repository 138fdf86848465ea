from __future__ import annotations

import numpy as np
import pytest
import soxr

from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.rates import ResampledSource, run_at_rate
from tests.helpers.engines import (
    ArraySink,
    ArraySource,
    DelayedEchoEngine,
    EchoAnyRate,
    EchoEngine,
    facts_of,
)
from tests.helpers.signals import impulses, noise, rms, sine

EXACT = [(48000, 44100), (44100, 48000), (32000, 44100), (44100, 32000), (96000, 44100)]
EXACT += [(44100, 96000), (192000, 44100), (44100, 192000)]
CLOSE = [(88200, 44100), (44100, 88200), (11025, 44100), (44100, 11025), (22050, 44100)]
ODD = [(44101, 44100), (44100, 44101), (12345, 44100), (44100, 12345)]
BOUNDS = [(*pair, 0.0) for pair in EXACT] + [(*pair, 3e-8) for pair in CLOSE]
BOUNDS += [(*pair, 2e-5) for pair in ODD]


def resampled_whole(song, old_rate, new_rate):
    """The whole song in one call, with the second of silence before it that the blocks see."""
    padded = np.concatenate([np.zeros((old_rate, len(song)), np.float32), song.T])
    return soxr.resample(padded, old_rate, new_rate, quality="VHQ")[new_rate:].T


@pytest.mark.parametrize(("old_rate", "new_rate", "bound"), BOUNDS)
def test_blocks_agree_with_resampling_the_whole_song(old_rate, new_rate, bound):
    song = noise(9.37, old_rate, 2)
    view = ResampledSource(ArraySource(song, old_rate), new_rate, lambda: None)
    whole = resampled_whole(song, old_rate, new_rate)
    assert 0 <= view.frames - whole.shape[1] <= 1
    blocks = view.read(0, whole.shape[1])
    assert np.abs(blocks - whole).max() <= bound


def test_reading_in_any_pieces_and_order_gives_the_same_bits():
    song = noise(13.3, 48000, 2)
    view = ResampledSource(ArraySource(song, 48000), 44100, lambda: None)
    whole = view.read(0, view.frames)
    rng = np.random.default_rng(1)
    for _ in range(30):
        start = int(rng.integers(-5000, view.frames))
        stop = start + int(rng.integers(0, 300000))
        expected = np.zeros((2, stop - start), np.float32)
        low, high = max(start, 0), min(stop, view.frames)
        expected[:, low - start : max(high, low) - start] = whole[:, low:high]
        np.testing.assert_array_equal(view.read(start, stop), expected)


def echoed(song, sample_rate, folder, engine=None):
    sink = ArraySink(*song.shape)
    fractions = []
    run_at_rate(
        engine or EchoEngine(),
        ArraySource(song, sample_rate),
        sink,
        facts_of(song),
        fractions.append,
        lambda: None,
        folder=folder,
    )
    assert sink.written.all()
    assert fractions[-1] == 1.0
    assert not list(folder.iterdir())
    return sink.samples


def below(signal, sample_rate, limit_hz):
    """The part of a signal under a frequency, by whole-signal transform."""
    spectrum = np.fft.rfft(signal.astype(np.float64))
    hz = np.fft.rfftfreq(signal.shape[1], 1 / sample_rate)
    spectrum[:, hz > limit_hz] = 0
    return np.fft.irfft(spectrum, signal.shape[1])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("sample_rate", [8000, 11025, 22050, 32000, 44101, 48000, 88200, 192000])
def test_there_and_back_keeps_everything_both_rates_can_hold(sample_rate, channels, tmp_path):
    song = noise(5.01, sample_rate, channels)
    song[:, : sample_rate // 10] = 0
    song[:, -sample_rate // 10 :] = 0
    error = echoed(song, sample_rate, tmp_path) - song
    nyquist = min(sample_rate, 44100) / 2

    def lost_db(limit_hz):
        lost = rms(below(error, sample_rate, limit_hz)) / rms(below(song, sample_rate, limit_hz))
        return 20 * np.log10(lost)

    assert lost_db(0.45 * nyquist) < -100
    # For ratios other than powers of two soxr VHQ droops by some 0.004 dB towards its band edge at
    # 0.91 of the lower Nyquist frequency, which is -67 dB there for a round trip of white noise.
    assert lost_db(min(19500, 0.88 * nyquist)) < -65


@pytest.mark.parametrize("sample_rate", [8000, 22050, 48000, 96000])
def test_impulses_come_back_on_their_frame_and_a_late_engine_is_caught(sample_rate, tmp_path):
    at = [0, 1, sample_rate, 4 * sample_rate - 1, 4 * sample_rate, 5 * sample_rate - 50]
    for frame in at:
        song = impulses(5 * sample_rate, [frame])
        assert int(np.abs(echoed(song, sample_rate, tmp_path)[0]).argmax()) == frame
    song = sine(5, sample_rate, 1000)
    on_time, late = (
        echoed(song, sample_rate, tmp_path, e()) for e in (EchoEngine, DelayedEchoEngine)
    )
    middle = slice(sample_rate, 4 * sample_rate)
    assert rms((on_time - song)[:, middle]) < 1e-5
    assert rms((late - song)[:, middle]) > 1e-2


@pytest.mark.parametrize("seconds", [1, 3.999, 4, 4.001, 5, 7.9])
def test_the_length_is_exactly_that_of_the_song(seconds, tmp_path):
    for extra in (-1, 0, 1):
        song = noise(seconds, 48000)[:, : round(seconds * 48000) + extra]
        echoed(song, 48000, tmp_path)


class AnyOrderEcho(EchoEngine):
    """Writes the blocks in a shuffled order."""

    def separate(self, source, sink, facts, report, check):
        starts = np.arange(0, source.frames, 30011)
        np.random.default_rng(2).shuffle(starts)
        for done, start in enumerate(starts.tolist()):
            stop = min(start + 30011, source.frames)
            sink.write(start, source.read(start, stop))
            report((done + 1) / len(starts))


def test_the_order_of_writing_changes_no_bit(tmp_path):
    song = noise(17.3, 48000)
    in_order = echoed(song, 48000, tmp_path)
    np.testing.assert_array_equal(echoed(song, 48000, tmp_path, AnyOrderEcho()), in_order)


def test_blocks_are_passed_on_while_the_engine_still_runs(tmp_path):
    song = noise(20, 48000)
    sink = ArraySink(*song.shape)
    seen = []
    run_at_rate(
        EchoEngine(),
        ArraySource(song, 48000),
        sink,
        facts_of(song),
        lambda _: seen.append(sink.written.mean()),
        lambda: None,
        folder=tmp_path,
    )
    assert seen[len(seen) // 2] >= 0.25


@pytest.mark.parametrize("engine", [EchoEngine(), EchoAnyRate()], ids=lambda e: e.name)
def test_without_a_difference_of_rates_nothing_is_touched(engine, tmp_path):
    sample_rate = engine.sample_rate or 12345
    song = noise(2.2, sample_rate)
    missing = tmp_path / "not-there"
    sink = ArraySink(*song.shape)
    source = ArraySource(song, sample_rate)
    facts = facts_of(song)
    run_at_rate(engine, source, sink, facts, lambda _: None, lambda: None, folder=missing)
    np.testing.assert_array_equal(sink.samples, song)


def test_an_engine_that_leaves_a_hole_is_our_bug(tmp_path):
    class Gap(EchoEngine):
        def separate(self, source, sink, facts, report, check):
            sink.write(0, source.read(0, source.frames - 1))

    with pytest.raises(RuntimeError, match="1 frames unwritten"):
        echoed(noise(2, 48000), 48000, tmp_path, Gap())
    assert not list(tmp_path.iterdir())


def test_cancelling_removes_the_staged_file(tmp_path):
    calls = 0

    def check():
        nonlocal calls
        calls += 1
        if calls == 5:
            raise Cancelled

    song = noise(20, 48000)
    sink = ArraySink(*song.shape)
    source = ArraySource(song, 48000)
    facts = facts_of(song)
    with pytest.raises(Cancelled):
        run_at_rate(EchoEngine(), source, sink, facts, lambda _: None, check, folder=tmp_path)
    assert not list(tmp_path.iterdir())
    assert not sink.written.all()


def test_a_folder_that_is_not_there_is_said_by_the_system(tmp_path):
    song = noise(1, 48000)
    source, sink = ArraySource(song, 48000), ArraySink(*song.shape)
    facts = facts_of(song)
    with pytest.raises(FileNotFoundError):
        run_at_rate(
            EchoEngine(), source, sink, facts, lambda _: None, lambda: None, folder=tmp_path / "no"
        )
