"""Sound goes down the whole street and comes out exact, in place and in full.

`instrumental := original − vocals` nulls even for vocals that are zero or late, so an echo engine
(vocals = input) goes through the real children, codecs and files: its vocals must *be* the song.
A mutant that is one frame late must be caught by the same check.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from karaoke_studio import notes
from tests.helpers.signals import impulses, noise, rms, sung_mix
from tests.helpers.street import Street, read_floats, read_ints, write_song

RATES = (8000, 22050, 44100, 48000, 88200, 96000, 192000)
LENGTHS_S = {"1 s": 1.0, "7.8 s - 1": 7.8, "7.8 s": 7.8, "7.8 s + 1": 7.8, "61 s": 61.0}
EXTRA_FRAMES = {"7.8 s - 1": -1, "7.8 s + 1": 1}
LOSSLESS_IN = {"wav": "PCM_24", "flac": "PCM_24", "aiff": "PCM_24", "w64": "PCM_24"}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    street = Street(tmp_path_factory.mktemp("street"))
    yield street
    street.close()


def frames_of(length: str, rate: int) -> int:
    return round(LENGTHS_S[length] * rate) + EXTRA_FRAMES.get(length, 0)


def spikes(frames: int, rate: int, channels: int) -> np.ndarray:
    """Impulses on known frames in noise.

    At 44.1 kHz the first and the last frame are among them. What a resampler makes of an impulse
    on the edge rings beyond the song, so at other rates the edges fade over 250 ms.
    """
    at = {rate // 3, frames // 2, frames // 2 + 1, frames - rate // 2}
    signal = np.resize(noise(frames / rate + 0.1, rate, channels, level=0.05), (channels, frames))
    if rate == 44_100:
        at |= {0, 1, frames - 2, frames - 1}
    signal = signal + impulses(frames, sorted(at), channels, level=0.7)
    if rate != 44_100:
        fade = np.hanning(rate // 2)[: rate // 4].astype(np.float32)
        signal[:, : len(fade)] *= fade
        signal[:, -len(fade) :] *= fade[::-1]
    return signal


#: Share of the lower Nyquist frequency → bound on the error of going there and back, in dB. By
#: itself soxr VHQ measures −149 dB below 10 kHz of 44.1 kHz, −111 dB up to 15 kHz and, because its
#: pass band may droop by 0.01 dB, −65 dB at 19.4 kHz.
RESAMPLING_BOUNDS_DB = {0.68: -100, 0.88: -60}


def error_in_band_db(got: np.ndarray, wanted: np.ndarray, limit_hz: float, rate: int) -> float:
    """Level of the difference against the signal, below a frequency."""
    inside = np.fft.rfftfreq(got.shape[1], 1 / rate) < limit_hz
    error, reference = np.fft.rfft(got - wanted)[:, inside], np.fft.rfft(wanted)[:, inside]
    energy = np.sum(np.abs(error) ** 2) / np.sum(np.abs(reference) ** 2)
    return float(10 * np.log10(max(energy, 1e-30)))


def check_echo(vocals: np.ndarray, song: np.ndarray, rate: int) -> None:
    """The echo engine's vocals are the song: to the bit at 44.1 kHz, else within the resampler."""
    assert vocals.shape == song.shape
    if rate == 44_100:
        assert np.array_equal(vocals, song)
        return
    for share, bound_db in RESAMPLING_BOUNDS_DB.items():
        limit_hz = share * min(rate, 44_100) / 2
        # at 8 kHz soxr's phase steps do not meet at the seams of the blocks: up to 2e-5 is off
        bound_db = max(bound_db, -85) if rate == 8000 else bound_db
        assert error_in_band_db(vocals, song, limit_hz, rate) < bound_db


def check_pair(
    street: Street, folder: Path, suffix: str, rate: int, channels: int, length: str
) -> None:
    frames = frames_of(length, rate)
    song = write_song(
        folder / f"song.{suffix}", spikes(frames, rate, channels), rate, LOSSLESS_IN[suffix]
    )
    result = street.make(song, engine="echo", format="flac" if rate % 2 == 0 else "wav")
    whole, _ = read_ints(song)
    vocals, vocals_rate = read_ints(result.vocals_path)
    music, music_rate = read_ints(result.instrumental_path)
    assert vocals_rate == music_rate == rate == result.sample_rate
    assert np.array_equal(vocals + music, whole), "the pair does not sum to the song"
    assert result.null_exact is True
    assert result.null_test_db == -200.0
    scale = 2.0**31
    check_echo(vocals / scale, whole / scale, rate)


# Every format with every rate, every rate with every short length, both channel counts with all;
# the long song at the two rates that people have.
SHORT = [name for name in LENGTHS_S if name != "61 s"]
PAIRWISE = [
    (suffix, rate, 1 + (row + column) % 2, SHORT[(row + column) % len(SHORT)])
    for column, suffix in enumerate(LOSSLESS_IN)
    for row, rate in enumerate(RATES)
] + [("flac", 44_100, 2, "61 s"), ("wav", 48_000, 2, "61 s")]


@pytest.mark.parametrize(("suffix", "rate", "channels", "length"), PAIRWISE)
def test_pair_is_exact_and_in_place(
    street: Street, tmp_path: Path, suffix: str, rate: int, channels: int, length: str
) -> None:
    check_pair(street, tmp_path, suffix, rate, channels, length)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "rate", "channels", "length"),
    list(itertools.product(LOSSLESS_IN, RATES, (1, 2), LENGTHS_S)),
)
def test_pair_is_exact_everywhere(
    street: Street, tmp_path: Path, suffix: str, rate: int, channels: int, length: str
) -> None:
    check_pair(street, tmp_path, suffix, rate, channels, length)


@pytest.mark.parametrize("rate", [44_100, 48_000, 22_050])
def test_one_frame_late_is_caught(street: Street, tmp_path: Path, rate: int) -> None:
    song = write_song(tmp_path / "song.wav", spikes(2 * rate, rate, 2), rate, "PCM_24")
    result = street.make(song, engine="echo_delayed", format="wav")
    assert result.null_exact is True, "the null test cannot see a late engine"
    whole, _ = read_floats(song)
    vocals, _ = read_floats(result.vocals_path)
    with pytest.raises(AssertionError):
        check_echo(vocals, whole, rate)


def test_five_one_is_downmixed_with_the_centre(street: Street, tmp_path: Path) -> None:
    left, right, centre, low, back_left, back_right = noise(2, 48_000, 6, level=0.05)
    song = write_song(
        tmp_path / "song.wav",
        np.stack([left, right, centre, low, back_left, back_right]),
        48_000,
        "PCM_24",
    )
    result = street.make(song, engine="echo_any", format="wav", bit_depth="32f")
    vocals, _ = read_floats(result.vocals_path)
    surround, _ = read_floats(song)
    law = np.float64(np.sqrt(0.5))
    wanted = np.stack(
        [
            surround[0] + law * (surround[2] + surround[4]),
            surround[1] + law * (surround[2] + surround[5]),
        ]
    )
    assert rms(vocals - wanted) < 1e-4 * rms(wanted)  # 0.707 against √½
    assert notes.note(notes.DOWNMIXED, 6) in result.notes


@pytest.mark.parametrize("bit_depth", ["16", "24", "32f"])
@pytest.mark.parametrize("channels", [1, 2])
def test_depths_of_wav(street: Street, tmp_path: Path, bit_depth: str, channels: int) -> None:
    vocals, band = sung_mix(4, 44_100, stereo=channels == 2)
    song = write_song(tmp_path / "song.wav", vocals + band, 44_100, "FLOAT")
    result = street.make(song, engine="centre", format="wav", bit_depth=bit_depth)
    whole, _ = read_floats(song)
    got = read_floats(result.vocals_path)[0] + read_floats(result.instrumental_path)[0]
    if bit_depth == "32f":
        assert result.null_test_db is not None
        assert result.null_test_db <= -140
        assert rms(got - whole) < 1e-7 * rms(whole)
    else:
        steps = 2.0 ** (int(bit_depth) - 1)
        assert np.array_equal(got * steps, np.rint(whole * steps))
        assert result.null_exact is True
    assert (
        sf.info(result.vocals_path).subtype
        == {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}[bit_depth]
    )


def test_sixteen_bit_songs_stay_what_they_were(street: Street, tmp_path: Path) -> None:
    vocals, band = sung_mix(3, 44_100)
    song = write_song(tmp_path / "song.wav", vocals + band, 44_100, "PCM_16")
    result = street.make(song, engine="centre", format="flac", bit_depth="16")
    whole, _ = read_ints(song)
    assert np.array_equal(
        read_ints(result.vocals_path)[0] + read_ints(result.instrumental_path)[0], whole
    )


@pytest.mark.parametrize("bit_depth", ["16", "24"])
def test_loud_songs_share_one_gain(street: Street, tmp_path: Path, bit_depth: str) -> None:
    loud = np.clip(noise(2, 44_100, 2, level=0.6), -1.4, 1.4)
    song = write_song(tmp_path / "song.wav", loud, 44_100, "FLOAT")
    result = street.make(song, engine="echo", format="wav", bit_depth=bit_depth)
    whole, _ = read_floats(song)
    gain = 10 ** (result.gain_db / 20)
    assert -4 < result.gain_db < -2.8
    got = read_floats(result.vocals_path)[0] + read_floats(result.instrumental_path)[0]
    assert np.abs(got - gain * whole).max() < 1.01 * 2.0 ** -(int(bit_depth) - 1)
    assert result.null_exact is True
    assert any(note.startswith(notes.GAIN_APPLIED) for note in result.notes)


@pytest.mark.parametrize("target", ["mp3", "m4a", "ogg", "opus"])
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_lossy_files_keep_length_and_place(
    street: Street, tmp_path: Path, target: str, rate: int
) -> None:
    frames = 3 * rate
    signal = impulses(frames, [rate], 2, level=0.8) + noise(3, rate, level=1e-4)
    song = write_song(tmp_path / "song.flac", signal, rate, "PCM_24")
    result = street.make(song, engine="echo_any", format=target)
    assert result.null_test_db is None
    assert result.null_exact is None
    again = street.make(result.vocals_path, engine="echo_any", format="wav")
    back, back_rate = read_floats(again.vocals_path)
    assert back_rate == result.sample_rate
    assert back.shape[1] == -(-frames * back_rate // rate)
    assert abs(int(np.abs(back[0]).argmax()) - back_rate) <= 1
    assert (result.sample_rate == rate) == (
        not any(note.startswith(notes.RATE_CHANGED) for note in result.notes)
    )


@pytest.mark.parametrize("source", ["mp3", "ogg"])
def test_lossy_songs_are_exact_against_their_decode(
    street: Street, tmp_path: Path, source: str
) -> None:
    vocals, band = sung_mix(5, 44_100)
    song = write_song(tmp_path / f"song.{source}", vocals + band, 44_100)
    result = street.make(song, engine="centre", format="flac")
    whole, _ = read_floats(song)
    got = read_floats(result.vocals_path)[0] + read_floats(result.instrumental_path)[0]
    assert got.shape == whole.shape
    # libsndfile decodes to floats; the pair is their rounding to 24 bits
    assert np.array_equal(got * 2**23, np.rint(whole.astype(np.float32) * np.float32(2**23)))


def test_one_stem_alone_is_the_same_stem(street: Street, tmp_path: Path) -> None:
    vocals, band = sung_mix(2, 44_100)
    song = write_song(tmp_path / "song.wav", vocals + band, 44_100, "PCM_16")
    both = street.make(song, engine="centre")
    one = street.make(song, engine="centre", stems=("instrumental",))
    assert one.vocals_path is None
    assert one.null_test_db is None
    assert np.array_equal(read_ints(one.instrumental_path)[0], read_ints(both.instrumental_path)[0])


def test_progress_never_goes_back_and_ends(street: Street, tmp_path: Path) -> None:
    vocals, band = sung_mix(20, 44_100)
    song = write_song(tmp_path / "song.wav", vocals + band, 44_100, "PCM_16")
    street.make(song, engine="instant")
    overall = [progress.overall_fraction for progress in street.reports]
    assert overall == sorted(overall)
    assert overall[-1] == 1.0
    assert len({progress.stage for progress in street.reports}) == 4
