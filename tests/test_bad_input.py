"""Everything that is not a song, or only half of one: a code, a sentence, a next step, and on."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from karaoke_studio import notes
from karaoke_studio.errors import KaraokeError
from tests.helpers.signals import noise, rms, sine
from tests.helpers.street import Street, read_floats, write_song

MAX_S = 10.0


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    street = Street(tmp_path_factory.mktemp("bad"))
    yield street
    street.close()


def wav_header(*, rate: int = 44_100, channels: int = 2, bits: int = 16, data: int = 0) -> bytes:
    align = channels * bits // 8
    fmt = struct.pack(
        "<HHIIHH", 1, channels % 65536, rate, (rate * align) % 2**32, align % 65536, bits
    )
    return (
        b"RIFF"
        + struct.pack("<I", 36 + data)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + fmt
        + b"data"
        + struct.pack("<I", data)
    )


def bytes_file(name: str, content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return make


def fifo(folder: Path) -> Path:
    path = folder / "pipe.mp3"
    os.mkfifo(path)
    return path


def short(seconds: float) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        return write_song(folder / "short.wav", sine(seconds, 44_100, 440), 44_100, "PCM_16")

    return make


def silent_video(folder: Path) -> Path:
    import av

    path = folder / "mute.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        for _ in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def cut_flac_head(folder: Path) -> Path:
    whole = write_song(folder / "whole.flac", noise(2, 44_100), 44_100, "PCM_16")
    path = folder / "cut.flac"
    path.write_bytes(whole.read_bytes()[:60])
    whole.unlink()
    return path


def folder_named_like_a_song(folder: Path) -> Path:
    path = folder / "album.mp3"
    path.mkdir()
    return path


TEXT = b"#EXTM3U\n#EXTINF:3,\nother.mp3\n"
GARBAGE = np.random.default_rng(3).integers(0, 256, 100_000, np.uint8).tobytes()
ID3 = b"ID3\x03\x00\x00\x00\x00\x00\x0a" + bytes(10)
FTYP = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"

BAD: dict[str, tuple[Callable[[Path], Path], set[str]]] = {
    "empty": (bytes_file("empty.mp3", b""), {"FILE_CORRUPT"}),
    "garbage": (bytes_file("garbage.mp3", GARBAGE), {"FORMAT_UNSUPPORTED", "FILE_CORRUPT"}),
    "garbage wav": (bytes_file("g.wav", b"RIFF\xff\xff\xff\xffWAVE" + GARBAGE), {"FILE_CORRUPT"}),
    "garbage flac": (bytes_file("g.flac", b"fLaC" + GARBAGE), {"FILE_CORRUPT"}),
    "garbage ogg": (bytes_file("g.ogg", b"OggS" + GARBAGE), {"FORMAT_UNSUPPORTED", "FILE_CORRUPT"}),
    "garbage mp4": (bytes_file("g.mp4", FTYP + GARBAGE), {"FILE_CORRUPT", "FORMAT_UNSUPPORTED"}),
    "garbage mkv": (
        bytes_file("g.mkv", b"\x1a\x45\xdf\xa3" + GARBAGE),
        {"FILE_CORRUPT", "FORMAT_UNSUPPORTED"},
    ),
    "text named flac": (bytes_file("words.flac", b"la la la\n" * 100), {"FORMAT_UNSUPPORTED"}),
    "playlist named mp3": (bytes_file("list.mp3", TEXT), {"FORMAT_UNSUPPORTED"}),
    "playlist behind ID3": (bytes_file("list.mp3", ID3 + TEXT), {"FORMAT_UNSUPPORTED"}),
    "ffconcat": (
        bytes_file("c.mp3", b"ffconcat version 1.0\nfile 'x.wav'\n"),
        {"FORMAT_UNSUPPORTED"},
    ),
    "dash": (bytes_file("d.mp4", b"<?xml version='1.0'?><MPD/>"), {"FORMAT_UNSUPPORTED"}),
    "one sample": (short(1 / 44_100), {"AUDIO_TOO_SHORT"}),
    "almost a second": (short(0.99), {"AUDIO_TOO_SHORT"}),
    "no samples": (bytes_file("none.wav", wav_header()), {"FILE_CORRUPT", "AUDIO_TOO_SHORT"}),
    "rate zero": (
        bytes_file("r.wav", wav_header(rate=0, data=9000) + bytes(9000)),
        {"FILE_CORRUPT", "LIMIT_EXCEEDED"},
    ),
    "rate four billion": (
        bytes_file("r.wav", wav_header(rate=4_000_000_000, data=9000) + bytes(9000)),
        {"FILE_CORRUPT", "LIMIT_EXCEEDED"},
    ),
    "rate one": (
        bytes_file("r.wav", wav_header(rate=1, data=9000) + bytes(9000)),
        {"FILE_CORRUPT", "LIMIT_EXCEEDED"},
    ),
    "thousand channels": (
        bytes_file("c.wav", wav_header(channels=1000, data=200_000) + bytes(200_000)),
        {"FILE_CORRUPT", "LIMIT_EXCEEDED"},
    ),
    "nine channels": (
        bytes_file("c.wav", wav_header(channels=9, data=1_800_000) + bytes(1_800_000)),
        {"LIMIT_EXCEEDED"},
    ),
    "picture without sound": (silent_video, {"FORMAT_UNSUPPORTED"}),
    "cut in the head": (cut_flac_head, {"FILE_CORRUPT"}),
    "missing": (lambda folder: folder / "nowhere.mp3", {"FILE_NOT_FOUND"}),
    "name too long": (lambda folder: folder / ("x" * 300), {"FILE_NOT_FOUND", "FILE_UNREADABLE"}),
    "picture": (bytes_file("cover.mp3", b"\x89PNG\r\n\x1a\n" + GARBAGE), {"FORMAT_UNSUPPORTED"}),
}
if hasattr(os, "mkfifo"):
    BAD["fifo"] = (fifo, {"FILE_UNREADABLE"})


@pytest.mark.parametrize("name", BAD)
def test_seed_001_01_bad_input_has_a_code_a_sentence_and_a_next_step(
    street: Street, tmp_path: Path, name: str
) -> None:
    make, codes = BAD[name]
    inside, out = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    song = make(inside)
    before = sorted(inside.iterdir())
    started = time.monotonic()
    with pytest.raises(KaraokeError) as caught:
        street.make(song, engine="centre", out=out)
    error = caught.value
    assert time.monotonic() - started < MAX_S
    assert error.code in codes, error.message
    assert error.message.endswith((".", "!")), error.message
    assert error.hint, error.message
    assert "Error" not in error.message
    assert not list(out.iterdir()), "something was left behind"
    assert sorted(inside.iterdir()) == before


def test_unreadable_by_permission(tmp_path: Path) -> None:
    if os.name != "posix" or os.geteuid() != 0 or subprocess.call(["which", "setpriv"], stdout=-3):
        pytest.skip("needs root and setpriv, to be somebody else")
    song = write_song(tmp_path / "song.wav", noise(1, 44_100), 44_100, "PCM_16")
    song.chmod(0)
    script = (
        "import sys; from pathlib import Path; from karaoke_studio.audio.sniff import sniff\n"
        "try: sniff(Path(sys.argv[1]))\n"
        "except Exception as e: print(e.code)"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if str(folder).startswith("/tmp/pytest"):
            folder.chmod(0o755)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    command = [*nobody, sys.executable, "-c", script, str(song)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if "Permission denied" in done.stderr or "No module named" in done.stderr:
        pytest.skip("another user cannot reach this Python")
    assert done.stdout.strip() == "FILE_UNREADABLE", done.stderr


def test_silent_song_is_made_with_a_note(street: Street, tmp_path: Path) -> None:
    song = write_song(tmp_path / "silent.wav", np.zeros((2, 88_200), np.float32), 44_100, "PCM_16")
    result = street.make(song, engine="instant", format="wav", bit_depth="24")
    assert notes.AUDIO_SILENT in result.notes
    assert result.null_exact is True
    for path in (result.vocals_path, result.instrumental_path):
        assert rms(read_floats(path)[0].astype(np.float32)) <= 10 ** (-90 / 20)


def test_nan_and_infinity_become_silence(street: Street, tmp_path: Path) -> None:
    samples = noise(2, 44_100)
    samples[0, 1000:1010] = np.nan
    samples[1, 2000] = np.inf
    song = write_song(tmp_path / "nan.wav", samples, 44_100, "FLOAT")
    result = street.make(song, engine="centre", format="wav", bit_depth="32f")
    assert notes.NAN_REPLACED in result.notes
    for path in (result.vocals_path, result.instrumental_path):
        assert np.isfinite(read_floats(path)[0]).all()


def test_constant_offset_and_odd_rate(street: Street, tmp_path: Path) -> None:
    samples = noise(2, 44_101) + np.float32(0.5)
    song = write_song(tmp_path / "dc.wav", samples, 44_101, "PCM_24")
    result = street.make(song, engine="instant")
    assert result.sample_rate == 44_101
    assert result.null_exact is True


@pytest.mark.parametrize(
    ("suffix", "subtype"), [("wav", "PCM_16"), ("flac", "PCM_16"), ("mp3", None)]
)
def test_cut_off_files_keep_what_can_be_read(
    street: Street, tmp_path: Path, suffix: str, subtype: str | None
) -> None:
    whole = write_song(tmp_path / f"whole.{suffix}", noise(8, 44_100), 44_100, subtype)
    data = whole.read_bytes()
    song = tmp_path / f"cut.{suffix}"
    song.write_bytes(data[: len(data) // 2])
    result = street.make(song, engine="centre")
    assert 3 < result.duration_s < 5
    assert any(note.startswith(notes.TRUNCATED) for note in result.notes)
    assert result.null_exact is True


NAMES = [
    "שיר.wav",
    "🎤 emoji 🎶.wav",
    "\u202egpj.wav",
    "new\nline.wav",
    "-leading.wav",
    "--help.wav",
    "100%d %s.wav",
    "quo'te\".wav",
    "con.wav",
    "trailing .wav",
    "é NFD e\u0301.wav",
    "concat:a|b.wav",
    "http:x.wav",
    "{title}.wav",
    "x" * 251 + ".wav",
]


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses most of these names itself")
@pytest.mark.parametrize("name", NAMES)
def test_difficult_names(street: Street, tmp_path: Path, name: str) -> None:
    inside, out = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    song = write_song(inside / "plain.wav", noise(1, 8000, 1), 8000, "PCM_16")
    song = song.rename(inside / name)
    result = street.make(song, engine="centre", out=out)
    made = sorted(out.iterdir())
    assert len(made) == 2
    assert result.vocals_path in made
    for path in made:
        assert "\n" not in path.name
        assert len(path.name.encode()) <= 255
        assert not path.name.startswith(("-", "."))
    assert [path.name for path in inside.iterdir()] == [name]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no text")
def test_name_that_is_no_text(street: Street, tmp_path: Path) -> None:
    song = write_song(tmp_path / "plain.wav", noise(1, 8000, 1), 8000, "PCM_16")
    raw = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    os.rename(os.fsencode(song), raw)  # noqa: PTH104 - a name of bytes
    result = street.make(Path(os.fsdecode(raw)), engine="centre")
    assert result.vocals_path is not None
    result.vocals_path.name.encode("utf-8")


def test_source_is_never_written(street: Street, tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.mp3", noise(2, 44_100), 44_100)
    data, stamp = song.read_bytes(), song.stat().st_mtime_ns
    street.make(song, engine="centre", format="mp3", out=tmp_path, name="{base}", stems=("vocals",))
    assert song.read_bytes() == data
    assert song.stat().st_mtime_ns == stamp
    assert sorted(p.name for p in tmp_path.iterdir()) == ["song (2).mp3", "song.mp3"]
