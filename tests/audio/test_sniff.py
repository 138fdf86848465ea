"""Files are known by their contents; what is no sound is refused before any decoder sees it."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from karaoke_studio.audio.sniff import sniff
from karaoke_studio.errors import CorruptAudio, MissingFile, UnreadableFile, UnsupportedAudio
from tests.audio.sounds import clicks, make_id3, open_files, write_av

SAMPLES = clicks(44_100, (100,))

PLAYLISTS = {
    "m3u": b"#EXTM3U\n#EXTINF:1,x\nother.mp3\n",
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "ffconcat": b"ffconcat version 1.0\nfile 'neighbour.wav'\n",
    "dash": b"<?xml version='1.0'?><MPD><Period><BaseURL>x.mp4</BaseURL></Period></MPD>",
    "pls": b"[playlist]\nFile1=other.mp3\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 97\n",
    "text": b"Just some words.\n" * 500,
    "html": b"<html><body>404</body></html>",
    "utf16": "words \u3042".encode("utf-16") * 300,
    "zip": b"PK\x03\x04" + bytes(500),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "pdf": b"%PDF-1.7\n" + bytes(range(256)) * 8,
    "zeros": bytes(200_000),
    "ones": b"\xff" * 200_000,
    "noise": np.random.default_rng(3).bytes(200_000),
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("id3", [False, True])
def test_what_is_no_sound_is_refused(tmp_path: Path, kind: str, id3: bool) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes((make_id3(bytes(200)) if id3 else b"") + PLAYLISTS[kind])
    with pytest.raises(UnsupportedAudio) as caught:
        sniff(path)
    assert caught.value.message == "song.mp3 is not a sound file."


@pytest.mark.parametrize(
    ("format_", "subtype", "name"),
    [
        ("WAV", "PCM_16", "wav"),
        ("RF64", "PCM_16", "rf64"),
        ("W64", "PCM_16", "w64"),
        ("AIFF", "PCM_16", "aiff"),
        ("FLAC", "PCM_16", "flac"),
        ("OGG", "VORBIS", "ogg"),
        ("OGG", "OPUS", "opus"),
        ("MP3", "MPEG_LAYER_III", "mp3"),
        ("AU", "PCM_16", "au"),
        ("CAF", "PCM_16", "caf"),
        ("VOC", "PCM_16", "voc"),
    ],
)
def test_soundfile_formats(tmp_path: Path, format_: str, subtype: str, name: str) -> None:
    path = tmp_path / "some.txt"
    sf.write(path, SAMPLES[:, :1], 48_000, format=format_, subtype=subtype)
    assert sniff(path).name == name


@pytest.mark.parametrize("endian", ["BIG"])
def test_big_endian_wav(tmp_path: Path, endian: str) -> None:
    path = tmp_path / "a"
    sf.write(path, SAMPLES, 44_100, format="WAV", subtype="PCM_16", endian=endian)
    assert path.read_bytes()[:4] == b"RIFX"
    assert sniff(path).name == "wav"


@pytest.mark.parametrize(
    ("codec", "muxer", "name"),
    [
        ("aac", "ipod", "mp4"),
        ("aac", "mov", "mp4"),
        ("aac", "adts", "aac"),
        ("aac", "matroska", "matroska"),
        ("libopus", "webm", "matroska"),
        ("wmav2", "asf", "asf"),
        ("mp3", "avi", "avi"),
        ("libmp3lame", "mp3", "mp3"),
        ("mp2", "mp2", "mp3"),
        ("ac3", "ac3", "ac3"),
        ("eac3", "eac3", "eac3"),
        ("wavpack", "wv", "wavpack"),
        ("tta", "tta", "tta"),
        ("flac", "ogg", "oggflac"),
        ("mp2", "mpegts", "mpegts"),
        ("mp2", "mpeg", "mpeg"),
        ("aac", "flv", "flv"),
    ],
)
def test_other_formats(tmp_path: Path, codec: str, muxer: str, name: str) -> None:
    codec = "libmp3lame" if codec == "mp3" else codec
    rate = 48_000
    path = write_av(tmp_path / "some.wav", codec, muxer, SAMPLES, rate)
    assert sniff(path).name == name


@pytest.mark.parametrize("format_", ["MP3", "FLAC"])
@pytest.mark.parametrize("count", [1, 2])
def test_id3_in_front_is_skipped(tmp_path: Path, format_: str, count: int) -> None:
    path = tmp_path / "a"
    sf.write(path, SAMPLES, 44_100, format=format_)
    tag = make_id3(bytes(70_000))
    path.write_bytes(tag * count + path.read_bytes())
    found = sniff(path)
    assert (found.name, found.start) == (format_.lower(), count * len(tag))


def test_mp3_after_junk(tmp_path: Path) -> None:
    path = tmp_path / "a"
    sf.write(path, SAMPLES, 44_100, format="MP3")
    path.write_bytes(b"\x00\xff\xfbjunk" * 400 + path.read_bytes())
    assert sniff(path).name == "mp3"


@pytest.mark.parametrize("name", ["a\nb.mp3", "-i.mp3", "שיר😀.mp3", "a" * 251 + ".mp3", "%d.mp3"])
def test_odd_names_do_not_matter(tmp_path: Path, name: str) -> None:
    sf.write(tmp_path / "x.wav", SAMPLES, 44_100)
    path = (tmp_path / "x.wav").rename(tmp_path / name)
    assert sniff(path).name == "wav"


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.touch()
    with pytest.raises(CorruptAudio, match=r"^a\.mp3 is empty\.$"):
        sniff(path)


@pytest.mark.parametrize("name", ["missing.mp3", "a.mp3/below.mp3", "nul\0byte.mp3", "x" * 300])
def test_missing_files(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.mp3").touch()
    with pytest.raises((MissingFile, UnreadableFile)):
        sniff(tmp_path / name)


def test_folders(tmp_path: Path) -> None:
    folder = tmp_path / "x.mp3"
    folder.mkdir()
    with pytest.raises(UnreadableFile, match=r"x\.mp3 is a folder"):
        sniff(folder)


def test_fifos_are_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "fifo.mp3"
    os.mkfifo(path)
    begun = time.monotonic()
    with pytest.raises(UnreadableFile, match="not a regular file"):
        sniff(path)
    assert time.monotonic() - begun < 1
    # a writer that does not wait finds nobody reading
    with pytest.raises(OSError, match="No such device"):
        os.open(path, os.O_WRONLY | os.O_NONBLOCK)


def test_sockets_and_devices(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.mp3"))
        with pytest.raises(UnreadableFile):
            sniff(tmp_path / "s.mp3")
    with pytest.raises(UnreadableFile):
        sniff(Path("/dev/zero"))


def test_a_fifo_that_takes_the_files_place_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mp3"
    os.mkfifo(path)
    regular = Path(__file__).stat()
    monkeypatch.setattr(os, "stat", lambda *_args, **_kwargs: regular)
    with pytest.raises(UnreadableFile, match="not a regular file"):
        sniff(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden_files(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"RIFF")
    path.chmod(0)
    with pytest.raises(UnreadableFile, match="cannot be read"):
        sniff(path)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"text")
    before = open_files()
    for _ in range(5):
        with pytest.raises(UnsupportedAudio):
            sniff(path)
    assert open_files() == before
