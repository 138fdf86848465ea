"""Every format comes out with the right length and each frame in its place; lies do no harm."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from karaoke_studio import notes
from karaoke_studio.audio.av_reader import AvReader
from karaoke_studio.audio.decode import open_source
from karaoke_studio.audio.sniff import Container, open_regular, sniff
from karaoke_studio.errors import (
    CorruptAudio,
    KaraokeError,
    LimitExceeded,
    SourceChanged,
    UnsupportedAudio,
)
from tests.audio.sounds import clicks, decode, make_id3, make_wav, open_files, write_av
from tests.helpers.signals import noise, sine

RATE = 44_100
AT = (1_000, 30_000, 60_000)


def assert_clicks(samples: np.ndarray, at: tuple[int, ...] = AT) -> None:
    """The three loudest moments are on exactly these frames."""
    level = np.abs(samples[:, 0]).copy()
    found = []
    for _ in at:
        loudest = int(np.argmax(level))
        found.append(loudest)
        level[max(0, loudest - 500) : loudest + 500] = 0
    assert sorted(found) == list(at)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("format_", "subtype", "endian"),
    [
        ("WAV", "PCM_16", None),
        ("WAV", "PCM_16", "BIG"),
        ("WAV", "ULAW", None),
        ("WAV", "MS_ADPCM", None),
        ("WAVEX", "PCM_24", None),
        ("RF64", "PCM_24", None),
        ("W64", "PCM_24", None),
        ("AIFF", "PCM_16", None),
        ("AIFF", "PCM_16", "LITTLE"),
        ("AU", "PCM_16", None),
        ("CAF", "PCM_24", None),
        ("CAF", "ALAC_24", None),
        ("FLAC", "PCM_24", None),
        ("OGG", "VORBIS", None),
        ("MP3", "MPEG_LAYER_III", None),
    ],
)
def test_formats_of_soundfile(
    tmp_path: Path, format_: str, subtype: str, endian: str | None, channels: int
) -> None:
    frames = 77_777
    path = tmp_path / "a"
    sf.write(path, clicks(frames, AT, channels), RATE, subtype, endian, format_)
    samples, said = decode(path)
    # ADPCM is only coded in whole blocks
    assert len(samples) == frames or (subtype == "MS_ADPCM" and 0 <= len(samples) - frames < 4096)
    assert samples.shape[1] == channels
    assert said == []
    assert_clicks(samples)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("codec", "muxer", "rate", "extra"),
    [
        ("aac", "ipod", 44_100, 0),
        ("aac", "mov", 48_000, 0),
        ("alac", "ipod", 44_100, 0),
        ("libmp3lame", "mp3", 44_100, 0),
        ("libopus", "ogg", 48_000, 0),
        ("libopus", "webm", 48_000, 0),
        ("flac", "ogg", 44_100, 0),
        ("flac", "matroska", 44_100, 0),
        ("aac", "matroska", 44_100, 1024),
        ("pcm_f64le", "wav", 44_100, 0),
        ("adpcm_ima_qt", "aiff", 44_100, 64),
        ("wavpack", "wv", 44_100, 0),
        ("tta", "tta", 44_100, 0),
    ],
)
def test_formats_of_av(
    tmp_path: Path, codec: str, muxer: str, rate: int, extra: int, channels: int
) -> None:
    frames = 77_777
    # FFmpeg would round the length of an MP4 to milliseconds
    options = {"movie_timescale": str(rate)} if muxer in {"ipod", "mov"} else {}
    given = clicks(frames, AT, channels)
    path = write_av(tmp_path / "a", codec, muxer, given, rate, mux_options=options)
    samples, said = decode(path)
    assert 0 <= len(samples) - frames <= extra
    assert samples.shape[1] == channels
    assert said == []
    assert_clicks(samples)


@pytest.mark.parametrize(
    ("codec", "muxer", "late", "extra"),
    [
        ("aac", "adts", 1024, 2048),
        ("wmav2", "asf", -2048, 4096),
        ("ac3", "ac3", 256, 3072),
        ("mp2", "mp2", 481, 2304),
    ],
)
def test_formats_that_keep_no_delay(
    tmp_path: Path, codec: str, muxer: str, late: int, extra: int
) -> None:
    """Nothing in these files says where the sound begins; every FFmpeg gives these frames."""
    at = (10_000, 30_000, 60_000)
    samples, said = decode(write_av(tmp_path / "a", codec, muxer, clicks(77_777, at), 44_100))
    assert_clicks(samples, tuple(frame + late for frame in at))
    assert abs(len(samples) - 77_777) <= extra
    assert said == []


@pytest.mark.parametrize(
    ("subtype", "bits"),
    [("PCM_U8", 8), ("PCM_16", 16), ("PCM_24", 24), ("PCM_32", 32), ("FLOAT", 32), ("DOUBLE", 64)],
)
@pytest.mark.parametrize("format_", ["WAV", "W64"])
def test_lossless_samples_are_exact(tmp_path: Path, format_: str, subtype: str, bits: int) -> None:
    rng = np.random.default_rng(1)
    if subtype in {"FLOAT", "DOUBLE"}:
        given = rng.uniform(-1.5, 1.5, (5000, 2))
        expected = given.astype(np.float32)
    else:
        integers = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (5000, 2))
        given = (integers << (32 - bits)).astype(np.int32)
        expected = (integers / 2.0 ** (bits - 1)).astype(np.float32)
    path = tmp_path / "a"
    sf.write(path, given, RATE, subtype, format=format_)
    samples, _ = decode(path, block_frames=999)
    np.testing.assert_array_equal(samples, expected)
    with open_source(path) as source:
        assert (source.bits, source.is_lossy) == (bits, False)


def test_64_bit_integers_are_exact(tmp_path: Path) -> None:
    integers = np.random.default_rng(2).integers(-(2**62), 2**62, (5000, 2))
    path = tmp_path / "a.wav"
    path.write_bytes(make_wav(integers.astype("<i8").tobytes(), rate=RATE, channels=2, bits=64))
    samples, _ = decode(path)
    np.testing.assert_array_equal(samples, (integers / 2.0**63).astype(np.float32))


@pytest.mark.parametrize("codec", ["flac", "alac", "wavpack", "tta"])
def test_seed_002_03_both_decoders_agree_on_lossless_sound(tmp_path: Path, codec: str) -> None:
    given = noise(0.5, RATE).T.clip(-1, 1)
    muxer = {"flac": "flac", "alac": "ipod", "wavpack": "wv", "tta": "tta"}[codec]
    samples, _ = decode(write_av(tmp_path / "a", codec, muxer, given, RATE))
    assert np.abs(samples - given).max() < 2**-15


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_101, 96_000, 192_000, 384_000])
def test_the_rate_is_kept(tmp_path: Path, rate: int) -> None:
    sf.write(tmp_path / "a.wav", clicks(rate, (7,)), rate)
    with open_source(tmp_path / "a.wav") as source:
        assert source.sample_rate == rate


def test_what_a_source_says_of_itself(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.flac", clicks(RATE, (7,)), RATE, "PCM_24")
    with open_source(tmp_path / "a.flac") as source:
        assert (source.container, source.codec, source.bits) == ("flac", "flac", 24)
        assert (source.claimed_frames, source.is_lossy, source.has_picture) == (RATE, False, False)
    path = write_av(tmp_path / "b", "aac", "mp4", clicks(RATE, (7,)), RATE, picture=True)
    with open_source(path) as source:
        assert (source.container, source.codec, source.bits) == ("mp4", "aac", None)
        assert (source.claimed_frames, source.is_lossy, source.has_picture) == (RATE, True, True)
        assert source.start_s == pytest.approx(0.0, abs=1e-6)


def test_mp3_without_frame_count_is_read_to_its_end(tmp_path: Path) -> None:
    quiet_then_loud = noise(10, RATE).T * np.linspace(0, 1, 10 * RATE, dtype=np.float32)[:, None]
    path = tmp_path / "a.mp3"
    with sf.SoundFile(
        path, "w", RATE, 2, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5
    ) as file:
        file.write(quiet_then_loud)
    data = path.read_bytes()
    header = data.find(b"Xing") - 36
    assert header == 0
    second = data.find(data[:2], 4)
    path.write_bytes(data[second:])
    samples, said = decode(path)
    assert len(samples) == pytest.approx(10 * RATE, abs=2400)
    assert said == []


@pytest.mark.parametrize("format_", ["MP3", "FLAC"])
def test_sound_behind_an_id3_tag(tmp_path: Path, format_: str) -> None:
    path = tmp_path / "a"
    sf.write(path, clicks(77_777, AT), RATE, format=format_)
    path.write_bytes(make_id3(bytes(70_001)) * 2 + path.read_bytes())
    samples, _ = decode(path)
    assert len(samples) == 77_777
    assert_clicks(samples)


@pytest.mark.parametrize("format_", ["WAVEX", "FLAC", "W64"])
@pytest.mark.parametrize(
    ("channels", "left", "right"),
    [
        (3, [1, 0, 0.7071], [0, 1, 0.7071]),
        (4, [1, 0, 0.7071, 0], [0, 1, 0, 0.7071]),
        (6, [1, 0, 0.7071, 0, 0.7071, 0], [0, 1, 0.7071, 0, 0, 0.7071]),
        (8, [1, 0, 0.7071, 0, 0.7071, 0, 0.7071, 0], [0, 1, 0.7071, 0, 0, 0.7071, 0, 0.7071]),
    ],
)
def test_the_law_of_the_downmix(
    tmp_path: Path, format_: str, channels: int, left: list[float], right: list[float]
) -> None:
    frames = RATE
    given = np.zeros((frames, channels), np.float32)
    for channel in range(channels):
        given[1000 * (channel + 1), channel] = 0.5
    sf.write(tmp_path / "a", given, RATE, "PCM_24", format=format_)
    samples, said = decode(tmp_path / "a")
    assert said == [notes.note(notes.DOWNMIXED, channels)]
    assert samples.shape == (frames, 2)
    heard = samples[1000 * np.arange(1, channels + 1)] / 0.5
    np.testing.assert_allclose(heard[:, 0], left, atol=1e-4)
    np.testing.assert_allclose(heard[:, 1], right, atol=1e-4)


def test_loudspeakers_are_known_by_place_not_by_order(tmp_path: Path) -> None:
    """Vorbis puts the centre second; AAC puts it first."""
    given = np.zeros((RATE, 6), np.float32)
    given[:, 2] = sine(1, RATE, 440, 1)[0]
    sf.write(tmp_path / "a.ogg", given[:, [0, 2, 1, 4, 5, 3]], RATE)
    write_av(tmp_path / "a.m4a", "aac", "ipod", given, RATE)
    for name in ("a.ogg", "a.m4a"):
        samples, said = decode(tmp_path / name)
        assert said == [notes.note(notes.DOWNMIXED, 6)]
        middle = samples[5000:40_000]
        np.testing.assert_allclose(middle[:, 0], middle[:, 1], atol=0.01)
        assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 * 0.5, rel=0.03)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_broken_samples_become_silence(tmp_path: Path, bad: float) -> None:
    given = clicks(RATE, (5,))
    given[1234, 1] = bad
    given[20_000:20_010] = bad
    sf.write(tmp_path / "a.wav", given, RATE, "FLOAT")
    samples, said = decode(tmp_path / "a.wav", block_frames=3000)
    assert said == [notes.NAN_REPLACED]
    expected = clicks(RATE, (5,))
    np.testing.assert_array_equal(samples, expected)


def test_loud_float_samples_are_no_damage(tmp_path: Path) -> None:
    """Some programs write floats on the scale of 16-bit integers."""
    given = clicks(RATE, (5, 700)) * np.float32(32_768)
    sf.write(tmp_path / "a.wav", given, RATE, "FLOAT")
    samples, said = decode(tmp_path / "a.wav")
    np.testing.assert_array_equal(samples, given)
    assert said == []


def _cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


@pytest.mark.parametrize("name", ["wav", "aiff", "w64", "rf64", "flac", "mp3", "ogg"])
def test_the_readable_part_of_a_cut_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a.{name}"
    given = noise(10, RATE).T
    with sf.SoundFile(path, "w", RATE, 2, format=name.upper()) as file:
        for at in range(0, len(given), 65_536):
            file.write(given[at : at + 65_536])
    _cut(path, 0.5)
    samples, said = decode(path)
    assert len(samples) == pytest.approx(5 * RATE, rel=0.1)
    assert said == [notes.note(notes.TRUNCATED, f"0:{len(samples) // RATE:02d}")]
    if name == "flac":
        # up to the frame (of 4096 samples) in which it was cut
        with av.open(str(path)) as container:
            assert len(samples) == 4096 * sum(1 for p in container.demux() if p.size) - 4096
    if name not in {"mp3", "ogg"}:
        np.testing.assert_allclose(samples, given[: len(samples)], atol=2**-15)


@pytest.mark.parametrize(
    ("codec", "muxer", "options"),
    [
        ("aac", "mp4", {"movflags": "faststart"}),
        ("flac", "matroska", {}),
        ("wmav2", "asf", {}),
        ("libopus", "ogg", {}),
        ("pcm_s16le", "avi", {}),
    ],
)
def test_the_readable_part_of_cut_containers(
    tmp_path: Path, codec: str, muxer: str, options: dict[str, str]
) -> None:
    given = noise(10, 48_000).T
    path = write_av(tmp_path / "a", codec, muxer, given, 48_000, mux_options=options)
    _cut(path, 0.5)
    samples, said = decode(path)
    assert len(samples) == pytest.approx(5 * 48_000, rel=0.1)
    assert said == [notes.note(notes.TRUNCATED, f"0:{len(samples) // 48_000:02d}")]


def test_mp4_without_its_index_is_damaged(tmp_path: Path) -> None:
    path = write_av(tmp_path / "a.m4a", "aac", "ipod", noise(3, RATE).T, RATE)
    _cut(path, 0.5)
    with pytest.raises(CorruptAudio, match=r"a\.m4a is damaged") as caught:
        open_source(path)
    assert isinstance(caught.value.__cause__, ExceptionGroup)


def test_both_refusals_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(b"fLaC" + np.random.default_rng(1).bytes(5000))
    with pytest.raises(CorruptAudio) as caught:
        open_source(path)
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert len(caught.value.__cause__.exceptions) == 2


def test_a_file_that_breaks_off_before_any_sound(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.flac", noise(3, RATE).T, RATE)
    data = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(data[:200])
    with pytest.raises(CorruptAudio):
        decode(tmp_path / "a.flac")


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    sf.write(path, noise(5, RATE).T, RATE)
    with open_source(path) as source:
        blocks = source.blocks(4096)
        next(blocks)
        with path.open("r+b") as file:
            file.truncate(100_000)
        with pytest.raises(SourceChanged):
            list(blocks)


def test_video_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        image = np.zeros((48, 64, 3), np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    with pytest.raises(UnsupportedAudio, match=r"a\.mp4 has no sound in it"):
        open_source(path)


def test_a_hole_in_the_sound_of_a_video_stays_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    rate = 48_000
    with av.open(str(path), "w", format="matroska") as container:
        picture = container.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=rate)
        sound.layout = "mono"
        image = np.zeros((48, 64, 3), np.uint8)
        container.mux(picture.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(picture.encode(None))
        for start in (0, 3 * rate):
            block = np.zeros((1, rate), np.int16)
            block[0, 100] = 20_000
            frame = av.AudioFrame.from_ndarray(block, "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    samples, _ = decode(path)
    assert len(samples) == 4 * rate
    assert_clicks(samples, (100, 3 * rate + 100))


HOSTILE_WAVS = {
    "zero rate": make_wav(bytes(9000), rate=0, channels=2, bits=16),
    "rate 1": make_wav(bytes(9000), rate=1, channels=2, bits=16),
    "rate 4e9": make_wav(bytes(9000), rate=4_000_000_000, channels=2, bits=16),
    "no channels": make_wav(bytes(9000), rate=RATE, channels=0, bits=16),
    "9 channels": make_wav(bytes(9000), rate=RATE, channels=9, bits=16),
    "1000 channels": make_wav(bytes(90_000), rate=RATE, channels=1000, bits=16),
    "0 bits": make_wav(bytes(9000), rate=RATE, channels=2, bits=0),
    "200 bits": make_wav(bytes(9000), rate=RATE, channels=2, bits=200),
    "unknown coding": make_wav(bytes(9000), rate=RATE, channels=2, bits=16, tag=0x1234),
    "no chunks": b"RIFF\x04\x00\x00\x00WAVE",
    "only a header": b"RIFF\xff\xff\xff\xffWAVEfmt ",
}


@pytest.mark.parametrize("kind", HOSTILE_WAVS)
def test_lying_headers_have_a_code(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(HOSTILE_WAVS[kind])
    with pytest.raises(KaraokeError) as caught:
        decode(path)
    assert caught.value.code in {"FILE_CORRUPT", "LIMIT_EXCEEDED", "FORMAT_UNSUPPORTED"}
    assert "a.wav" in caught.value.message
    if kind in {"rate 1", "9 channels", "1000 channels"}:
        assert isinstance(caught.value, LimitExceeded)


def test_a_header_without_samples_is_an_empty_song(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(make_wav(b"", rate=RATE, channels=2, bits=16))
    samples, said = decode(tmp_path / "a.wav")
    assert (samples.shape, said) == ((0, 2), [])


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0])
def test_a_wav_that_never_learnt_its_length(tmp_path: Path, claimed: int) -> None:
    """Programs that write into a pipe cannot go back to the header."""
    sound = (clicks(RATE, (77,)) * 32_767).astype("<i2").tobytes()
    (tmp_path / "a.wav").write_bytes(
        make_wav(sound, rate=RATE, channels=2, bits=16, claimed=claimed)
    )
    samples, said = decode(tmp_path / "a.wav")
    assert said == []
    assert len(samples) == (RATE if claimed else 0)


@pytest.mark.parametrize(
    "head",
    [
        b"fLaC",
        b"OggS\x00\x02" + bytes(20) + b"\x01\x1e\x01vorbis",
        b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead",
        b"\x00\x00\x00\x20ftypM4A ",
        b"\x1a\x45\xdf\xa3",
        bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
        b"FORM\x00\x00\x10\x00AIFFCOMM",
        b"RIFF\x00\x00\x10\x00AVI LIST",
        b"RIFF\x00\x00\x10\x00WAVEfmt ",
        b"wvpk",
        b"MAC ",
        b"TTA1",
        b"caff\x00\x01\x00\x00desc",
        b".snd\x00\x00\x00\x18",
        b"\x47" + bytes(187) + b"\x47" + bytes(187) + b"\x47",
        b"\x00\x00\x01\xba",
        b"FLV\x01\x05\x00\x00\x00\x09",
        b"tBaK",
        b"MPCK",
        b"#!AMR\n",
        b"\x0b\x77\x00\x00\x00\x40\x0b\x77",
    ],
    ids=lambda head: head[:12].hex(),
)
@pytest.mark.parametrize("rest", ["zeros", "noise", "text"])
def test_garbage_after_a_good_beginning_has_a_code(tmp_path: Path, head: bytes, rest: str) -> None:
    bodies = {
        "zeros": bytes(300_000),
        "noise": np.random.default_rng(5).bytes(300_000),
        "text": b"#EXTM3U\nhttp://127.0.0.1:9/x.ts\n" * 9000,
    }
    path = tmp_path / "a.mp3"
    path.write_bytes(head + bodies[rest])
    before = open_files()
    try:
        samples, _ = decode(path)
    except KaraokeError as exc:
        assert exc.code in {"FILE_CORRUPT", "LIMIT_EXCEEDED", "FORMAT_UNSUPPORTED"}  # noqa: PT017
    else:
        assert np.isfinite(samples).all()
    assert open_files() == before


@pytest.mark.parametrize("muxer", ["mp4", "matroska", "asf", "flac", "mp3", "wav", "ogg"])
def test_mutated_files_never_end_in_a_traceback(tmp_path: Path, muxer: str) -> None:
    codec = {"asf": "wmav2", "flac": "flac", "mp3": "libmp3lame", "wav": "pcm_s16le"}
    whole = write_av(
        tmp_path / "a", codec.get(muxer, "flac" if muxer == "ogg" else "aac"), muxer,
        noise(0.5, RATE).T, RATE,
    ).read_bytes()  # fmt: skip
    rng = np.random.default_rng(11)
    path = tmp_path / "b"
    before = open_files()
    for number in range(40):
        broken = bytearray(whole)
        region = len(whole) if number % 2 else min(len(whole), 600)
        for at in rng.integers(12, region, 12):
            broken[at] = rng.integers(256)
        path.write_bytes(broken)
        try:
            samples, _ = decode(path)
        except KaraokeError as exc:
            assert exc.message  # noqa: PT017
        else:
            assert np.isfinite(samples).all()
    assert open_files() == before


def test_songs_longer_than_twelve_hours_are_refused_while_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("karaoke_studio.audio.limits.MAX_DURATION_S", 2)
    sf.write(tmp_path / "a.wav", noise(3, 8000).T, 8000)
    with pytest.raises(LimitExceeded, match=r"a\.wav is longer"):
        decode(tmp_path / "a.wav", block_frames=1000)
    sf.write(tmp_path / "b.wav", noise(2, 8000).T, 8000)
    assert len(decode(tmp_path / "b.wav")[0]) == 16_000


def test_songs_that_say_they_are_too_long_are_refused_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("karaoke_studio.audio.limits.MAX_DURATION_S", 2)
    sf.write(tmp_path / "a.flac", noise(3, 8000).T, 8000)
    with open_source(tmp_path / "a.flac") as source:
        with pytest.raises(LimitExceeded, match=r"a\.flac is longer"):
            source.check_length()
        monkeypatch.setattr("karaoke_studio.audio.limits.MAX_DURATION_S", 3)
        source.check_length()


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], int]]]:
    """A sound file and a count of how often anybody has opened it since (told by the kernel)."""
    path = tmp_path / "neighbour.wav"
    sf.write(path, noise(1, RATE).T, RATE)
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    in_open = 0x20
    assert libc.inotify_add_watch(descriptor, os.fsencode(path), in_open) > 0

    def count() -> int:
        try:
            return len(os.read(descriptor, 65_536)) // 16
        except BlockingIOError:
            return 0

    yield path, count
    os.close(descriptor)


@pytest.mark.parametrize("kind", ["hls", "concat", "mov"])
def test_a_second_file_is_never_opened(
    tmp_path: Path, neighbour: tuple[Path, Callable[[], int]], kind: str
) -> None:
    """Not even when the wrong demuxer is let loose on a playlist."""
    other, opened = neighbour
    path = tmp_path / "song.mp3"
    if kind == "mov":
        write_av(path, "pcm_s16le", "mov", noise(1, RATE).T, RATE)
        data = path.read_bytes()
        at = data.index(b"dref") + 16
        # one entry: size, "url ", flags (1 = in this file)
        assert data[at - 4 : at + 8] == b"\x00\x00\x00\x0curl \x00\x00\x00\x01"
        path.write_bytes(data[: at + 7] + b"\x00" + data[at + 8 :])
        assert sniff(path).demuxer == "mov"
    else:
        playlists = {
            "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{other}\n#EXT-X-ENDLIST\n",
            "concat": f"ffconcat version 1.0\nfile '{other}'\n",
        }
        path.write_text(playlists[kind])
        with pytest.raises(UnsupportedAudio):
            open_source(path)
    with open_regular(path) as file, contextlib.suppress(KaraokeError):
        AvReader(file, Container(kind, "av", kind), path.name).close()
    assert opened() == 0
    other.read_bytes()
    assert opened() == 1


def test_descriptors_are_closed(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", clicks(RATE, (5,)), RATE)
    write_av(tmp_path / "a.m4a", "aac", "ipod", clicks(RATE, (5,)), RATE)
    before = open_files()
    for name in ("a.wav", "a.m4a"):
        with open_source(tmp_path / name) as source:
            next(source.blocks())
    assert open_files() == before


def test_blocks_are_all_alike_but_the_last(tmp_path: Path) -> None:
    sf.write(tmp_path / "a.wav", clicks(10_001, (5,)), RATE)
    write_av(tmp_path / "a.m4a", "alac", "ipod", clicks(10_001, (5,)), RATE)
    for name in ("a.wav", "a.m4a"):
        with open_source(tmp_path / name) as source:
            lengths = [len(block) for block in source.blocks(1000)]
        assert lengths == [1000] * 10 + [1]


def test_a_huge_claim_costs_nothing(tmp_path: Path) -> None:
    """A FLAC that says it has 2³⁶ − 1 frames of eight channels."""
    sf.write(tmp_path / "a.flac", clicks(RATE, (5,)), RATE)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    fields = int.from_bytes(data[18:26], "big") | (1 << 36) - 1
    data[18:26] = struct.pack(">Q", fields)
    (tmp_path / "a.flac").write_bytes(data)
    samples, said = decode(tmp_path / "a.flac")
    assert len(samples) == RATE
    assert said == [notes.note(notes.TRUNCATED, "0:01")]


def test_a_stream_that_begins_late_does_not_end_the_song(tmp_path: Path) -> None:
    """One packet in the middle of an MPEG-TS belongs to a stream that was never announced."""
    path = write_av(tmp_path / "a.ts", "mp2", "mpegts", noise(4, 48_000).T, 48_000)
    data = bytearray(path.read_bytes())
    sound_starts = [at for at in range(0, len(data), 188) if data[at + 1 : at + 3] == b"\x41\x00"]
    whole = len(decode(path)[0])
    data[sound_starts[len(sound_starts) // 2] + 1] = 0x48
    path.write_bytes(data)
    samples, _ = decode(path)
    assert whole * 0.9 < len(samples) < whole


def test_sizes_beyond_all_files_are_a_cut(tmp_path: Path) -> None:
    path = write_av(tmp_path / "a.wma", "wmav2", "asf", noise(1, RATE).T, RATE)
    data = bytearray(path.read_bytes())
    header_bytes = int.from_bytes(data[16:24], "little")
    data[header_bytes + 16 : header_bytes + 24] = b"\xff" * 8
    path.write_bytes(data)
    samples, said = decode(path)
    assert len(samples) == pytest.approx(RATE, rel=0.1)
    assert said == [notes.note(notes.TRUNCATED, f"0:{len(samples) // RATE:02d}")]
