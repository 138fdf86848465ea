"""Duplicates, trash, storage, links, statistics and a person's data, over real folders."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.errors import MissingFile
from karaoke_studio.library import data_export, dated, duplicates, erasing, relocate, storage, trash
from karaoke_studio.library import statistics as figures
from karaoke_studio.library.manifest import NewTake, read_manifest
from karaoke_studio.library.schema import DATABASE, open_for_reading
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.progress import Cancelled
from tests.library.takes import make_take

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[LibraryWriter]:
    library = LibraryWriter(tmp_path / "data" / "library")
    yield library
    library.close()


def adopt(library: LibraryWriter, title: str, *, sha256: str = "", **options: Any) -> Song:
    take = make_take(library.staging, title=title, **options)
    facts = {"sha256": sha256 or hashlib.sha256(os.urandom(8)).hexdigest()}
    facts["frames"] = 44_100 * 100
    song = library.adopt(replace(take, song=take.song | facts))
    shutil.rmtree(take.staging)
    return song


def found(library: LibraryWriter) -> list[tuple[bool, list[str]]]:
    with closing(open_for_reading(library.folder)) as connection:
        groups = duplicates.find_duplicates(connection)
    return [(group.same_file, [song.id for song in group.songs]) for group in groups]


# -- duplicates


def test_the_same_file_and_the_same_song_are_found(library: LibraryWriter) -> None:
    one = adopt(library, "Blue", sha256="aa" * 32)
    two = adopt(library, "Blue moon", sha256="aa" * 32)
    three = adopt(library, "Été", artist="Zoe")
    four = adopt(library, "ete", artist="ZOÉ")
    adopt(library, "Ete", artist="Other")
    library.change_song(two.id, rating=3).result()
    library.count_play(four.id).result()
    assert found(library) == [(True, [two.id, one.id]), (False, [four.id, three.id])]


def test_songs_of_other_lengths_are_other_songs(library: LibraryWriter) -> None:
    one, two = adopt(library, "Blue"), adopt(library, "Blue")
    third = adopt(library, "Blue")
    library.submit(lambda c: _set_length(c, two.id, one.duration_s + 1.9)).result()
    library.submit(lambda c: _set_length(c, third.id, one.duration_s + 3.9001)).result()
    assert [sorted(ids) for _, ids in found(library)] == [sorted([one.id, two.id])]


def _set_length(connection: Any, song_id: str, seconds: float) -> None:
    connection.execute("UPDATE songs SET duration_s = ? WHERE id = ?", (seconds, song_id))


def test_set_lists_hold_the_song_that_is_kept_once(library: LibraryWriter) -> None:
    a, b, c, keep = (adopt(library, name).id for name in "abck")
    one = library.create_playlist("one", [a, b, c]).result()
    two = library.create_playlist("two", [b, keep]).result()
    other = library.create_playlist("other", [c]).result()
    before = library.merge_in_lists(keep, [a, b]).result()
    assert before == {one: [a, b, c], two: [b, keep]}
    view = SongLibrary(library.folder)
    assert [view.playlist_songs(key) for key in (one, two, other)] == [[keep, c], [keep], [c]]
    library.set_playlists(before).result()
    assert [view.playlist_songs(key) for key in (one, two)] == [[a, b, c], [b, keep]]
    view.close()


# -- trash


def test_the_trash_is_listed_and_emptied(library: LibraryWriter) -> None:
    old, new = adopt(library, "Old", artist="Band"), adopt(library, "New")
    for song in (old, new):
        library.remove(song.id).result()
    os.utime(library.trash / old.id, (1_700_000_000, 1_700_000_000))
    (library.trash / "damaged").mkdir()
    os.utime(library.trash / "damaged", (1_600_000_000, 1_600_000_000))
    entries = trash.list_trash(library.folder)
    assert [(entry.title, entry.artist, entry.can_return) for entry in entries] == [
        ("New", "", True),
        ("Old", "Band", True),
        ("A damaged song", "", False),
    ]
    assert entries[1].removed_at == "2023-11-14T22:13:20Z"
    assert entries[1].size_bytes > 40
    assert trash.empty(library.folder, [old.id]) == 1
    assert not (library.trash / old.id).exists()
    with pytest.raises(MissingFile):
        library.restore(old.id).result()
    library.restore(new.id).result()
    (library.trash / "going-1").mkdir()  # left by a crash
    assert trash.empty(library.folder) == 1
    assert list(library.trash.iterdir()) == []


def test_emptying_can_be_stopped(library: LibraryWriter) -> None:
    for title in ("One", "Two"):
        library.remove(adopt(library, title).id).result()
    calls = iter([None])

    def check() -> None:
        if next(calls, "end") == "end":
            raise Cancelled

    with pytest.raises(Cancelled):
        trash.empty(library.folder, None, check)
    assert len(trash.list_trash(library.folder)) == 1


# -- deleting everywhere

_MARK = b"Xylophonia"


def test_seed_001_16_delete_everywhere_leaves_no_byte(
    library: LibraryWriter, tmp_path: Path
) -> None:
    data = library.folder.parent
    take = make_take(
        library.staging,
        title="Xylophonia of dawn",
        artist="Xylophonia Band",
        name="Xylophonia.mp3",
        words=[[None, "Xylophonia sings"]],
    )
    for path in (*take.files.values(), take.peaks, take.staging / "copy.mp3"):
        path.write_bytes(_MARK + b" sound")
    song = library.adopt(take)
    shutil.rmtree(take.staging)
    other = adopt(library, "Stays", artist="Band")
    playlist = library.create_playlist("Friday", [song.id, other.id]).result()
    library.change_songs([song.id], remark="Xylophonia?", labels=["Xylophonia"]).result()
    library.submit(lambda c: None).result()
    logs = data / "logs"
    logs.mkdir()
    (logs / "window.log").write_bytes(b"a\nthe length of Xylophonia.mp3 is not known\nb\n")
    with closing(open_for_reading(library.folder)) as connection:
        dated.back_up_index(connection, library.folder)
    library.remove(song.id).result()
    library.restore(song.id).result()
    shutil.copy(library.folder / DATABASE, library.folder / f"{DATABASE}.damaged-20260101-000000")
    assert _holding(data)

    names = erasing.names_of(library.folder, [song.id])
    library.erase([song.id]).result()
    erasing.clean_files(logs.iterdir(), names)

    assert _holding(data) == []
    assert song.id.encode() not in b"".join(p.read_bytes() for p in data.rglob("*") if p.is_file())
    assert (logs / "window.log").read_bytes() == b"a\nb\n"
    view = SongLibrary(library.folder)
    assert [kept.id for kept in view.songs()] == [other.id]
    assert view.playlist_songs(playlist) == [other.id]
    view.close()


def _holding(data: Path) -> list[str]:
    """Return the files and folders in which the mark is found."""
    files = [path for path in data.rglob("*") if path.is_file()]
    named = [str(path) for path in data.rglob("*") if _MARK.decode().lower() in str(path).lower()]
    return named + [str(p) for p in files if _MARK.lower() in p.read_bytes().lower()]


def test_a_song_in_the_trash_is_deleted_everywhere_too(library: LibraryWriter) -> None:
    song = adopt(library, "Xylophonia")
    library.remove(song.id).result()
    library.erase([song.id]).result()
    assert _holding(library.folder) == []
    assert trash.list_trash(library.folder) == []


# -- storage


def test_every_byte_is_of_one_kind(library: LibraryWriter, tmp_path: Path) -> None:
    song = adopt(library, "Blue")
    library.submit(lambda c: None).result()
    newer = _redo(library, song, "htdemucs")
    again = _redo(library, song, "htdemucs")
    library.remove(adopt(library, "Gone").id).result()
    models = tmp_path / "models"
    models.mkdir()
    (models / "m").write_bytes(b"x" * 1000)
    made = storage.measure(library.folder, {"models": models})
    assert made.songs == 1
    files = [path for path in library.folder.rglob("*") if path.is_file()]
    assert made.total_bytes == 1000 + sum(path.stat().st_size for path in files)
    assert made.sizes["originals"] == len("copy.mp3")
    assert made.sizes["pictures"] == len("cover.jpg")
    takes = {take.take_id: take.is_draft for take in made.spare}
    assert takes == {song.take_id: True, newer.take_id: False}
    assert made.sizes["stems"] == sum(path.stat().st_size for path in again.take_folder.iterdir())
    assert made.sizes["trash"] > 0


def _redo(library: LibraryWriter, song: Song, engine: str) -> Song:
    take: NewTake = make_take(library.staging)
    facts = {name: read_manifest(song.folder)["facts"][name] for name in ("frames", "sample_rate")}
    take = replace(take, song=take.song | facts, result=replace(take.result, engine=engine))
    made = library.add_take(take, song.id)
    shutil.rmtree(take.staging)
    return made


def test_old_drafts_are_found_by_their_age(library: LibraryWriter) -> None:
    song = adopt(library, "Blue")
    _redo(library, song, "htdemucs")
    made_at = read_manifest(song.folder)["takes"][song.take_id]["made_at"]
    year = str(int(made_at[:4]) + 1) + made_at[4:]
    assert storage.drafts_older_than(library.folder, 30, made_at) == []
    old = storage.drafts_older_than(library.folder, 30, year)
    assert [take.take_id for take in old] == [song.take_id]
    assert storage.drafts_older_than(library.folder, 400, year) == []


# -- linked originals


def test_moved_files_are_found_by_content_whole_folders_at_once(
    library: LibraryWriter, tmp_path: Path
) -> None:
    moved = tmp_path / "new place" / "deep"
    moved.mkdir(parents=True)
    songs = []
    for number in range(3):
        content = f"song {number}".encode() * 100
        sha256 = hashlib.sha256(content).hexdigest()
        take = make_take(library.staging, title=f"Song {number}", copy=None, name=f"{number}.mp3")
        facts = {"sha256": sha256, "size_bytes": len(content)}
        songs.append(library.adopt(replace(take, song=take.song | facts)))
        shutil.rmtree(take.staging)
        if number < 2:
            (moved / f"renamed {number}.mp3").write_bytes(content)
    (moved / "same size.mp3").write_bytes(b"x" * 600)
    missing = relocate.linked_songs(library.folder)
    assert [(song.path, song.is_there, song.size_bytes) for song in missing] == [
        (Path(f"/music/{number}.mp3"), False, 600) for number in range(3)
    ]
    shares: list[float] = []
    places = relocate.look_for(missing, tmp_path / "new place", shares.append)
    assert places == {songs[n].id: moved / f"renamed {n}.mp3" for n in range(2)}
    before = library.relink(places).result()
    assert before == {songs[n].id: f"/music/{n}.mp3" for n in range(2)}
    now = relocate.linked_songs(library.folder)
    assert [song.is_there for song in now] == [True, True, False]
    song = library.find_song(songs[0].id)
    assert song is not None
    assert song.original_path == moved / "renamed 0.mp3"
    assert read_manifest(song.folder)["linked"] == str(moved / "renamed 0.mp3")
    with pytest.raises(MissingFile):
        library.relink({"x": moved}).result()


# -- statistics


def test_figures_of_what_was_made(library: LibraryWriter) -> None:
    with closing(open_for_reading(library.folder)) as connection:
        empty = figures.statistics(connection)
    assert (empty.success, empty.speed, empty.today) == (None, None, 0)
    song = adopt(library, "Blue")
    library.count_play(song.id).result()
    library.note_made("completed", "instant", song_s=200.0, taken_s=10.0).result()
    library.note_made("completed", "htdemucs", song_s=100.0, taken_s=50.0).result()
    library.note_made("failed", "instant", code="FILE_CORRUPT").result()
    library.note_made("cancelled", "instant").result()
    library.submit(
        lambda c: c.execute("UPDATE made SET ended_at = '2020-01-01T00:00:00Z' WHERE id = 2")
    ).result()
    with closing(open_for_reading(library.folder)) as connection:
        now = figures.statistics(connection, days=3)
    assert (now.today, now.finished, now.failed, now.songs, now.plays) == (1, 2, 1, 1, 1)
    assert now.success == pytest.approx(2 / 3)
    assert now.speed == pytest.approx(5.0)
    assert [(day.engine, day.songs, day.speed) for day in now.engines] == [
        ("htdemucs", 1, 2.0),
        ("instant", 1, 20.0),
    ]
    assert [songs for _, songs in now.days] == [0, 0, 1]
    assert now.reasons == [("FILE_CORRUPT", 1)]


# -- a person's data


@pytest.mark.parametrize("with_sound", [False, True])
def test_data_is_exported_as_json_csv_and_songs(
    library: LibraryWriter, tmp_path: Path, with_sound: bool
) -> None:
    song = adopt(library, "Blue", artist="=SUM(A1)", words=[[1.5, "La"]])
    library.change_song(song.id, labels=["duet", "slow"], rating=4, favourite=True).result()
    library.create_playlist("Friday", [song.id]).result()
    view = SongLibrary(library.folder)
    folders = [
        data_export.export_data(view.songs(), library.folder, tmp_path, with_sound=with_sound)
        for _ in range(2)
    ]
    view.close()
    assert folders[1].name == f"{folders[0].name} (2)"
    (fact,) = json.loads((folders[0] / "songs.json").read_text(encoding="utf-8"))["songs"]
    assert (fact["title"], fact["tags"], fact["words"]) == ("Blue", ["duet", "slow"], [[1.5, "La"]])
    with (folders[0] / "songs.csv").open(encoding="utf-8-sig", newline="") as file:
        head, row = csv.reader(file)
    cells = dict(zip(head, row, strict=True))
    assert cells["artist"] == "'=SUM(A1)"
    assert (cells["favourite"], cells["rating"], cells["tags"]) == ("yes", "4", "duet, slow")
    lists = json.loads((folders[0] / "set lists.json").read_text(encoding="utf-8"))
    assert lists["playlists"][0]["songs"] == [song.id]
    copied = sorted(path.name for path in (folders[0] / "songs").rglob("*.*")) if with_sound else []
    assert copied == (
        ["cover.jpg", "instrumental.flac", "original.mp3", "vocals.flac"] if with_sound else []
    )
