"""Tags survive the way through every format; hostile ones cost nothing."""

from __future__ import annotations

import errno
import resource
import signal
import struct
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC
from mutagen.id3 import ID3, SYLT, TIT2, TXXX

from karaoke_studio import notes
from karaoke_studio.audio.decode import open_source
from karaoke_studio.audio.encode import holdable_depth, holdable_rate, write_audio
from karaoke_studio.audio.limits import MAX_COVER_BYTES, MAX_LYRICS_BYTES, MAX_TEXT_BYTES
from karaoke_studio.audio.sniff import sniff
from karaoke_studio.audio.tags import Tags, parse_file_name, read_tags, write_tags
from karaoke_studio.job import FORMATS
from tests.audio.sounds import make_id3, tiny_jpeg, tiny_png, write_av

FULL = Tags(
    title="שיר <b>Ünïcode</b> 歌",
    artist="Ella & Louis",
    album="Songs",
    album_artist="Various",
    track="3/12",
    disc="1/2",
    date="1956",
    genre="Jazz",
    comment="first line\nsecond line",
    composer="George Gershwin",
    lyrics="one\ntwo\n\nthree",
    cover=tiny_png(3, 2),
    cover_mime="image/png",
)


def make_song(path: Path, format_: str) -> Path:
    rate = holdable_rate(format_, 44_100)
    depth = holdable_depth(format_, "16")
    integers = format_ in {"wav", "flac"}
    block = np.zeros((rate, 2), np.int32 if integers else np.float32)
    write_audio(
        path, [block], sample_rate=rate, channels=2, format=format_, bit_depth=depth, frames=rate
    )
    return path


def read(path: Path) -> tuple[Tags, list[str]]:
    return read_tags(path, sniff(path))


@pytest.mark.parametrize("format_", FORMATS)
def test_everything_survives_each_format(tmp_path: Path, format_: str) -> None:
    path = make_song(tmp_path / f"a.{format_}", format_)
    write_tags(path, format_, FULL)
    assert read(path) == (FULL, [])


@pytest.mark.parametrize("format_", FORMATS)
def test_timed_words_survive_each_format(tmp_path: Path, format_: str) -> None:
    timed = ((0.5, "one"), (61.25, "two"), (3723.01, "three"))
    path = make_song(tmp_path / f"a.{format_}", format_)
    write_tags(path, format_, Tags(title="T", synced=timed))
    assert read(path)[0].synced == timed


@pytest.mark.parametrize("format_", FORMATS)
def test_untagged_files_have_empty_tags(tmp_path: Path, format_: str) -> None:
    assert read(make_song(tmp_path / f"a.{format_}", format_)) == (Tags(), [])


@pytest.mark.parametrize("format_", FORMATS)
def test_tags_do_not_touch_the_sound(tmp_path: Path, format_: str) -> None:
    path = make_song(tmp_path / f"a.{format_}", format_)
    write_tags(path, format_, FULL)
    with open_source(path) as source:
        assert sum(len(block) for block in source.blocks()) == source.sample_rate
        assert not source.has_picture
        assert source.notes == []


@pytest.mark.parametrize("format_", FORMATS)
def test_tags_that_do_not_fit_on_the_disk_are_an_error(tmp_path: Path, format_: str) -> None:
    path = make_song(tmp_path / f"a.{format_}", format_)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50_000, hard))
    try:
        write_tags(path, format_, Tags(title="T"))
        large = replace(FULL, cover=tiny_png(3, 3) + bytes(100_000))
        with pytest.raises(OSError) as caught:  # noqa: PT011 (told by number)
            write_tags(path, format_, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert caught.value.errno == errno.EFBIG


def test_the_title_names_the_stem() -> None:
    assert Tags(title="Song").for_stem("vocals").title == "Song (Vocals)"
    assert Tags(title="Song").for_stem("instrumental").title == "Song (Instrumental)"
    assert FULL.for_stem("vocals").cover == FULL.cover


def test_replaygain_is_not_carried(tmp_path: Path) -> None:
    path = make_song(tmp_path / "a.mp3", "mp3")
    id3 = ID3()
    id3.add(TIT2(text=["T"]))
    id3.add(TXXX(desc="REPLAYGAIN_TRACK_GAIN", text=["-9 dB"]))
    id3.save(path)
    tags, _ = read(path)
    target = make_song(tmp_path / "b.flac", "flac")
    write_tags(target, "flac", tags)
    assert dict(FLAC(target).tags) == {"title": ["T"]}


def test_wav_info_titles_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with sf.SoundFile(path, "w", 44_100, 1, "PCM_16") as file:
        file.title, file.artist, file.date = "Info title", "Info artist", "1999"
        file.write(np.zeros(1000))
    tags, said = read(path)
    assert (tags.title, tags.artist, tags.date, said) == ("Info title", "Info artist", "1999", [])


def test_lrc_text_in_the_lyrics_becomes_timed_words(tmp_path: Path) -> None:
    path = make_song(tmp_path / "a.flac", "flac")
    flac = FLAC(path)
    flac["lyrics"] = "[00:01.50]one\n[00:03.00]two"
    flac.save()
    tags, _ = read(path)
    assert tags.synced == ((1.5, "one"), (3.0, "two"))
    assert tags.lyrics == "one\ntwo"


def test_syllables_of_a_sylt_frame_become_lines(tmp_path: Path) -> None:
    path = make_song(tmp_path / "a.mp3", "mp3")
    id3 = ID3()
    parts = [("Hel", 1000), ("lo", 1500), ("\nwide ", 2000), ("world", 2500)]
    id3.add(SYLT(encoding=3, lang="eng", format=2, type=1, text=parts))
    id3.save(path)
    assert read(path)[0].synced == ((1.0, "Hello"), (2.0, "wide world"))


def test_ape_tags_are_read(tmp_path: Path) -> None:
    path = write_av(tmp_path / "a.wv", "wavpack", "wv", np.zeros((44_100, 2), np.float32), 44_100)
    ape = APEv2()
    ape["Title"], ape["Album Artist"], ape["Year"] = "T", "AA", "2001"
    ape["Cover Art (Front)"] = b"cover.jpg\x00" + tiny_jpeg(4, 4)
    ape["Cover Art (Front)"].kind = 1
    ape.save(path)
    tags, said = read(path)
    assert (tags.title, tags.album_artist, tags.date, said) == ("T", "AA", "2001", [])


@pytest.mark.parametrize(
    ("codec", "muxer", "suffix"),
    [("aac", "matroska", "mkv"), ("wmav2", "asf", "wma"), ("flac", "ogg", "oga")],
)
def test_titles_of_other_containers_are_read(
    tmp_path: Path, codec: str, muxer: str, suffix: str
) -> None:
    samples = np.zeros((44_100, 2), np.float32)
    titles = {"title": "The title", "artist": "The artist"}
    path = write_av(tmp_path / f"a.{suffix}", codec, muxer, samples, 44_100, metadata=titles)
    tags, said = read(path)
    assert (tags.title, tags.artist, said) == ("The title", "The artist", [])


def test_html_stays_plain_text_and_controls_go(tmp_path: Path) -> None:
    path = make_song(tmp_path / "a.flac", "flac")
    flac = FLAC(path)
    flac["title"] = "<img src=x>\x07\x1b[31m a\r\nb\x00c"
    flac.save()
    assert read(path)[0].title == "<img src=x>[31m a bc"


def test_long_texts_are_cut_between_characters(tmp_path: Path) -> None:
    path = make_song(tmp_path / "a.flac", "flac")
    flac = FLAC(path)
    flac["title"], flac["lyrics"] = "歌" * 5000, "ü" * 100_000
    flac.save()
    tags, _ = read(path)
    assert tags.title == "歌" * (MAX_TEXT_BYTES // 3)
    assert tags.lyrics == "ü" * (MAX_LYRICS_BYTES // 2)


@pytest.mark.parametrize(
    "cover",
    [
        pytest.param(tiny_png(6000, 6000), id="36 megapixels"),
        pytest.param(tiny_png(2, 2) + bytes(MAX_COVER_BYTES), id="10 MB"),
        pytest.param(b"<svg/>", id="unknown kind"),
    ],
)
def test_oversized_covers_are_dropped_with_a_note(tmp_path: Path, cover: bytes) -> None:
    path = make_song(tmp_path / "a.mp3", "mp3")
    write_tags(path, "mp3", Tags(title="T", cover=cover, cover_mime="image/png"))
    tags, said = read(path)
    assert (tags.title, tags.cover, said) == ("T", None, [notes.COVER_DROPPED])


def _bomb(count: int) -> bytes:
    inflated = zlib.compress(b"\x00" + b"A" * 100_000_000, 9)
    body = struct.pack(">I", 100_000_001) + inflated
    frames = b"".join(
        b"TIT2" + struct.pack(">I", len(body)) + b"\x00\x80" + body for _ in range(count)
    )
    return make_id3(frames)


def test_an_id3_bomb_stays_small_and_quick(tmp_path: Path) -> None:
    song = make_song(tmp_path / "a.mp3", "mp3")
    song.write_bytes(_bomb(4) + song.read_bytes())
    before_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    tracemalloc.start()
    try:
        tags, said = read(song)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tags, said) == (Tags(), [notes.TAGS_UNREADABLE])
    assert peak < 64e6
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before_s < 2


def test_a_small_compressed_frame_is_still_read(tmp_path: Path) -> None:
    song = make_song(tmp_path / "a.mp3", "mp3")
    body = struct.pack(">I", 6) + zlib.compress(b"\x00Title")
    frame = b"TIT2" + struct.pack(">I", len(body)) + b"\x00\x80" + body
    song.write_bytes(make_id3(frame) + song.read_bytes())
    assert read(song)[0].title == "Title"


@pytest.mark.parametrize("format_", FORMATS)
def test_broken_tags_are_a_note_at_most(tmp_path: Path, format_: str) -> None:
    path = make_song(tmp_path / f"a.{format_}", format_)
    write_tags(path, format_, FULL)
    container, whole = sniff(path), path.read_bytes()
    rng = np.random.default_rng(7)
    for _ in range(25):
        broken = bytearray(whole)
        for at in rng.integers(16, min(len(whole), 4000), 30):
            broken[at] = rng.integers(256)
        path.write_bytes(broken)
        tags, said = read_tags(path, container)
        assert isinstance(tags, Tags)
        assert set(said) <= {notes.TAGS_UNREADABLE, notes.COVER_DROPPED}


@pytest.mark.parametrize(
    ("stem", "artist", "title"),
    [
        ("Queen - Bohemian Rhapsody", "Queen", "Bohemian Rhapsody"),
        ("03 - Queen - Bohemian Rhapsody", "Queen", "Bohemian Rhapsody"),
        ("03. Bohemian Rhapsody", "", "Bohemian Rhapsody"),
        ("1-03 - Bohemian Rhapsody", "", "Bohemian Rhapsody"),
        ("03 Bohemian Rhapsody", "", "Bohemian Rhapsody"),
        ("ella_fitzgerald_-_summertime", "ella fitzgerald", "summertime"),
        ("A – B – C", "A", "B – C"),
        ("99 Luftballons", "", "99 Luftballons"),
        ("50 Cent - In Da Club", "50 Cent", "In Da Club"),
        ("Jay-Z", "", "Jay-Z"),
        ("01", "", "01"),
        ("7.5 Degrees", "", "7.5 Degrees"),
        ("a\nb", "", "a b"),
        ("", "", ""),
    ],
)
def test_file_names_are_parsed(stem: str, artist: str, title: str) -> None:
    assert parse_file_name(stem) == (artist, title)
