"""Backups: whole songs, added to, compared, and brought back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from karaoke_studio.errors import DiskFull, LibraryDamaged, MissingFile, OutputNotWritable
from karaoke_studio.library import backup, copying
from karaoke_studio.library.backup import FOLDER_NAME, back_up, bring_back, songs_in
from karaoke_studio.library.checking import check_library
from karaoke_studio.library.songs import Song
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.progress import Cancelled
from tests.faults.publisher import filled_take


@pytest.fixture
def library(tmp_path: Path) -> Iterator[LibraryWriter]:
    library = LibraryWriter(tmp_path / "library")
    yield library
    library.close()


@pytest.fixture
def songs(library: LibraryWriter) -> list[Song]:
    return [library.adopt(filled_take(library.staging)) for _ in range(3)]


def nothing(_fraction: float = 0.0) -> None:
    pass


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_backup_has_every_file_of_every_song(
    library: LibraryWriter, songs: list[Song], tmp_path: Path
) -> None:
    library.create_playlist("Friday", [songs[0].id]).result()
    reports: list[float] = []
    done = back_up(library.folder, tmp_path / "disk", reports.append, nothing)
    saved = tmp_path / "disk" / FOLDER_NAME
    assert sorted(done.copied) == sorted(song.id for song in songs)
    for song in songs:
        assert files(saved / song.id) == files(song.folder)
    assert "Friday" in (saved / "playlists.json").read_text()
    assert sorted(reports) == reports
    assert reports[-1] == 1.0
    assert not list(saved.glob(".arriving-*"))


def test_only_what_is_new_is_copied(
    library: LibraryWriter, songs: list[Song], tmp_path: Path
) -> None:
    back_up(library.folder, tmp_path, nothing, nothing)
    added = library.adopt(filled_take(library.staging))
    library.change_song(songs[0].id, rating=5).result()
    library.close()  # the manifest knows
    gone = tmp_path / FOLDER_NAME / songs[1].id
    songs[1].folder.rename(tmp_path / "elsewhere")
    done = back_up(library.folder, tmp_path, nothing, nothing)
    assert sorted(done.copied) == sorted([added.id, songs[0].id])
    assert done.unchanged == [songs[2].id]
    assert gone.is_dir(), "what left the library stays in the backup"
    manifest = json.loads((tmp_path / FOLDER_NAME / songs[0].id / "manifest.json").read_text())
    assert manifest["decided"]["rating"] == 5


def test_a_damaged_song_does_not_replace_a_whole_one(
    library: LibraryWriter, songs: list[Song], tmp_path: Path
) -> None:
    back_up(library.folder, tmp_path, nothing, nothing)
    saved = files(tmp_path / FOLDER_NAME / songs[0].id)
    songs[0].vocals_path.write_bytes(b"damaged")
    path = songs[0].folder / "manifest.json"
    path.write_text(path.read_text() + "\n")
    done = back_up(library.folder, tmp_path, nothing, nothing)
    assert list(done.damaged) == [songs[0].id]
    assert "vocals.flac" in done.damaged[songs[0].id]
    assert files(tmp_path / FOLDER_NAME / songs[0].id) == saved


def test_a_backup_that_breaks_off_has_whole_songs_and_goes_on(
    library: LibraryWriter, songs: list[Song], tmp_path: Path
) -> None:
    left = 16

    def check() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        back_up(library.folder, tmp_path, nothing, check)
    saved = tmp_path / FOLDER_NAME
    first = songs_in(saved)
    assert 0 < len(first) < len(songs)
    for song_id, folder in first.items():
        assert files(folder) == files(library.folder / song_id)
    back_up(library.folder, tmp_path, nothing, nothing)
    assert len(songs_in(saved)) == len(songs)
    assert not list(saved.glob(".arriving-*"))


@pytest.mark.parametrize("is_arrived", [False, True])
def test_the_former_song_stays_until_the_new_one_is_in_its_place(
    library: LibraryWriter, songs: list[Song], tmp_path: Path, *, is_arrived: bool
) -> None:
    """A break between the two renames, or right after them, loses nothing."""
    back_up(library.folder, tmp_path, nothing, nothing)
    saved = tmp_path / FOLDER_NAME
    place = saved / songs[0].id
    former = saved / f".former-{songs[0].id}"
    place.rename(former)
    if is_arrived:
        shutil.copytree(former, place)
        (former / "manifest.json").write_text("of yesterday")
    done = back_up(library.folder, tmp_path, nothing, nothing)
    assert done.copied == []
    assert files(place) == files(songs[0].folder)
    assert not former.exists()


def test_a_song_that_is_replaced_is_never_missing(
    library: LibraryWriter, songs: list[Song], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(library.folder, tmp_path, nothing, nothing)
    saved = tmp_path / FOLDER_NAME
    before = files(saved / songs[0].id)
    library.change_song(songs[0].id, rating=5).result()
    library.close()
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name.startswith(".arriving-"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OutputNotWritable, match="Input/output"):
        back_up(library.folder, tmp_path, nothing, nothing)
    assert files(saved / f".former-{songs[0].id}") == before
    monkeypatch.undo()
    back_up(library.folder, tmp_path, nothing, nothing)
    assert files(saved / songs[0].id) == files(songs[0].folder)


def test_no_room_is_told_before_anything_is_copied(
    library: LibraryWriter, songs: list[Song], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_RESERVE_BYTES", 1 << 60)
    with pytest.raises(DiskFull, match="GB are free"):
        back_up(library.folder, tmp_path, nothing, nothing)
    assert not songs_in(tmp_path / FOLDER_NAME)


def test_not_into_itself(library: LibraryWriter) -> None:
    with pytest.raises(OutputNotWritable):
        back_up(library.folder, library.folder / "inside", nothing, nothing)


def test_what_the_disk_gives_back_is_compared(
    library: LibraryWriter, songs: list[Song], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flip(file: object) -> None:
        name = Path(getattr(file, "name", ""))
        if name.name == "vocals.flac":
            data = bytearray(name.read_bytes())
            data[7] ^= 1
            name.write_bytes(data)

    monkeypatch.setattr(copying, "_forget", flip)
    with pytest.raises(copying.CopyDiffers, match=r"vocals\.flac arrived damaged"):
        back_up(library.folder, tmp_path, nothing, nothing)
    assert not songs_in(tmp_path / FOLDER_NAME)


def test_songs_come_back_whole(library: LibraryWriter, songs: list[Song], tmp_path: Path) -> None:
    back_up(library.folder, tmp_path, nothing, nothing)
    other = LibraryWriter(tmp_path / "other")
    ids = [song.id for song in songs]
    for folder in bring_back(tmp_path / FOLDER_NAME, other.staging, ids, nothing, nothing):
        other.take_in(folder).result()
    found = [other.song(song_id).result() for song_id in ids]
    other.close()
    assert [song.title for song in found if song] == ["Song"] * 3
    for song in songs:
        assert files(other.folder / song.id) == files(song.folder)
    assert not [found for found in check_library(other.folder) if found.is_error]


def test_a_damaged_backup_is_not_brought_back(
    library: LibraryWriter, songs: list[Song], tmp_path: Path
) -> None:
    back_up(library.folder, tmp_path, nothing, nothing)
    saved = tmp_path / FOLDER_NAME
    vocals = next((saved / songs[0].id).rglob("vocals.flac"))
    vocals.write_bytes(b"damaged")
    staging = tmp_path / "staging"
    with pytest.raises(LibraryDamaged):
        list(bring_back(saved, staging, [songs[0].id], nothing, nothing))
    with pytest.raises(MissingFile):
        list(bring_back(saved, staging, ["nothing"], nothing, nothing))
