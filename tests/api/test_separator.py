"""Songs and arrays in, stems out: real files through real children."""

from __future__ import annotations

import os
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from mutagen.mp3 import MP3

from karaoke_studio.api import Cancelled, KaraokeError, Progress, Separator, separate_files
from karaoke_studio.api import separator as module
from karaoke_studio.audio.sniff import sniff
from karaoke_studio.audio.tags import Tags, read_tags, write_tags
from tests.helpers.signals import noise, sdr_db, sung_mix
from tests.helpers.street import write_song

SECONDS, RATE = 6, 48_000


@pytest.fixture(scope="module")
def separator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Separator]:
    with Separator("instant", data_dir=tmp_path_factory.mktemp("data")) as separator:
        yield separator


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    vocals, band = sung_mix(SECONDS, RATE)
    path = write_song(tmp_path_factory.mktemp("songs") / "mix.flac", vocals + band, RATE, "PCM_24")
    write_tags(path, "flac", Tags(title="Blue", artist="Nina"))
    return path


def test_a_file_becomes_arrays(separator: Separator, song: Path) -> None:
    samples = sf.read(song, dtype="float32")[0].T
    told: list[Progress] = []
    stems = separator.separate(song, progress=told.append)
    assert (stems.sample_rate, stems.engine) == (RATE, "instant")
    assert stems.vocals.shape == stems.instrumental.shape == samples.shape
    assert stems.vocals.dtype == np.float32
    assert np.abs(stems.vocals + stems.instrumental - samples).max() < 1e-6
    assert 0.01 < np.abs(stems.vocals).max() < 1
    fractions = [one.overall_fraction for one in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_an_array_is_a_song_too(separator: Separator, song: Path) -> None:
    samples = sf.read(song, dtype="float32")[0].T
    by_file, by_array = separator.separate(song), separator.separate(samples, RATE)
    assert sdr_db(by_array.vocals, by_file.vocals) > 100
    mono = separator.separate(samples.mean(axis=0), RATE)
    assert mono.instrumental.shape == (1, samples.shape[1])
    with pytest.raises(ValueError, match="sample_rate"):
        separator.separate(samples)
    with pytest.raises(KaraokeError, match="no song"):
        separator.separate(np.zeros((3, RATE)), RATE)
    with pytest.raises(KaraokeError, match="too short"):
        separator.separate(np.zeros((2, 100)), RATE)


def test_parts_come_as_they_get_ready(separator: Separator) -> None:
    song = noise(45, 44_100, 2)
    whole = separator.separate(song, 44_100)
    heard = np.full((2, 2, song.shape[1]), np.nan, np.float32)
    count = 0
    for piece in separator.stream(song, 44_100):
        stop = piece.start + piece.stems["vocals"].shape[1]
        assert piece.sample_rate == 44_100
        assert 0 < stop - piece.start <= 10 * 44_100
        assert np.isnan(heard[:, :, piece.start : stop]).all(), "each part comes once"
        heard[:, :, piece.start : stop] = [piece.stems["vocals"], piece.stems["instrumental"]]
        count += 1
    assert count > 1
    assert np.abs(heard - [whole.vocals, whole.instrumental]).max() < 1e-6


def test_who_listens_too_late_gets_all_from_the_files(
    separator: Separator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same samples, each once, although nothing was taken while the song was made."""
    song = noise(25, 44_100, 2)
    whole = separator.separate(song, 44_100)
    monkeypatch.setattr(module, "_ready_pieces", lambda _live, _told: iter(()))
    pieces = list(separator.stream(song, 44_100))
    assert len(pieces) > 1
    for stem, wanted in whole.stems.items():
        heard = np.concatenate([piece.stems[stem] for piece in pieces], axis=1)
        assert np.array_equal(heard, wanted)
    assert all(piece.stems["vocals"].shape[1] <= 10 * 44_100 for piece in pieces)


def test_leaving_the_stream_ends_the_job(separator: Separator) -> None:
    stream = separator.stream(noise(60, 44_100, 2), 44_100)
    piece = next(stream)
    assert piece.stems["vocals"].size
    stream.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("song")]
    assert separator.separate(noise(1, 44_100, 1), 44_100).vocals.shape == (1, 44_100)


def test_a_song_can_be_stopped(separator: Separator) -> None:
    stop = threading.Event()

    def report(told: Progress) -> None:
        if told.overall_fraction > 0.2:
            stop.set()

    with pytest.raises(Cancelled):
        separator.separate(noise(60, 44_100, 2), 44_100, progress=report, stop=stop)
    with pytest.raises(Cancelled):
        next(separator.stream(noise(60, 44_100, 2), 44_100, stop=stop))


def test_files_with_tags(separator: Separator, song: Path, tmp_path: Path) -> None:
    result = separator.write(song, tmp_path, name="{artist} - {title} ({stem})", progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "Nina - Blue (Instrumental).flac",
        "Nina - Blue (Vocals).flac",
    ]
    assert result.null_exact is True


@pytest.mark.parametrize("channels", [1, 2])
def test_the_profile_of_an_older_service(
    separator: Separator, tmp_path: Path, channels: int
) -> None:
    """`vocals_removed.mp3`, 44.1 kHz and stereo whatever the song is; once more replaces it."""
    song = write_song(tmp_path / "song.wav", noise(2, RATE, channels), RATE, "PCM_16")
    write_tags(song, "wav", Tags(title="Blue", artist="Nina"))
    for _ in range(2):
        separator.write(song, tmp_path / "out", profile="seed-000", progress=False)
    (made,) = (tmp_path / "out").iterdir()
    assert made.name == "vocals_removed.mp3"
    sound = MP3(made).info
    assert (sound.sample_rate, sound.channels) == (44_100, 2)
    assert sound.length == pytest.approx(2, abs=0.1)
    tags, _ = read_tags(made, sniff(made))
    assert (tags.title, tags.artist) == ("Blue (Instrumental)", "Nina")


def test_the_profile_of_spleeter(separator: Separator, song: Path, tmp_path: Path) -> None:
    result = separator.write(song, tmp_path, profile="spleeter", progress=False)
    assert {path.name for path in tmp_path.iterdir()} == {"vocals.wav", "accompaniment.wav"}
    assert result.instrumental_path == tmp_path / "accompaniment.wav"
    assert sf.info(tmp_path / "vocals.wav").frames == SECONDS * RATE


def test_many_files_at_once(song: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"no sound at all")
    other = write_song(tmp_path / "other.wav", noise(1, 44_100, 1), 44_100, "PCM_16")
    data = tmp_path / "data"
    made = dict(
        separate_files(
            [song, broken, other], tmp_path / "out", engine="instant", data_dir=data, jobs=2
        )
    )
    assert list(made) == [song, broken, other]
    assert isinstance(made[broken], KaraokeError)
    assert len(list((tmp_path / "out").iterdir())) == 4
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        list(separate_files([song], tmp_path / "no", engine="centre", data_dir=data, stop=stop))
    assert not (tmp_path / "no").exists() or not list((tmp_path / "no").iterdir())


def test_an_engine_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(KaraokeError, match="no engine"):
        Separator("nonsense", data_dir=tmp_path)
    with pytest.raises(KaraokeError, match="no engine"):
        next(separate_files([tmp_path / "x.mp3"], tmp_path, engine="nonsense", data_dir=tmp_path))


def test_a_bar_is_shown_on_a_terminal_only(song: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from karaoke_studio.api import Separator\n"
        "with Separator('centre', data_dir=sys.argv[2]) as separator:\n"
        "    separator.separate(sys.argv[1])\n"
        "    print('Qt' if any(name.startswith('PySide6') for name in sys.modules) else 'none',\n"
        "          'torch' in sys.modules, file=sys.stderr)\n"
    )
    words = [sys.executable, "-c", code, str(song), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr.split() == ["none", "False"]
    terminal, inside = os.openpty()
    termios.tcsetwinsize(inside, (24, 80))
    subprocess.run(words, stderr=inside, timeout=120, check=True)
    os.close(inside)
    assert b"100%" in os.read(terminal, 1 << 16)
    os.close(terminal)
