from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.errors import KaraokeError, MissingFile
from karaoke_studio.library import playlists, schema
from karaoke_studio.library.playlists import Playlist
from karaoke_studio.library.writer import LibraryWriter
from tests.conftest import AllowedLog
from tests.library.takes import make_take

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def library(folder: Path, calm_log: AllowedLog) -> Iterator[LibraryWriter]:
    library = LibraryWriter(folder)
    yield library
    library.close()


@pytest.fixture
def ids(library: LibraryWriter) -> list[str]:
    found = []
    for letter in "abcd":
        take = make_take(library.staging, letter * 32)
        found.append(library.adopt(take).id)
        shutil.rmtree(take.staging)
    return found


def lists(library: LibraryWriter) -> list[Playlist]:
    return library.submit(playlists.playlists).result()


def members(library: LibraryWriter, playlist_id: str) -> list[str]:
    return library.submit(lambda c: playlists.songs_of(c, playlist_id)).result()


def test_a_set_list_keeps_its_order_and_counts(library: LibraryWriter, ids: list[str]) -> None:
    party = library.create_playlist("Party", ids[:2]).result()
    library.create_playlist(" Slow\nones ").result()
    library.add_to_playlist(party, [ids[3], ids[0], ids[3]]).result()
    assert members(library, party) == [ids[0], ids[1], ids[3]]
    library.reorder_playlist(party, [ids[3], ids[1], ids[0]]).result()
    assert members(library, party) == [ids[3], ids[1], ids[0]]
    library.take_from_playlist(party, [ids[1]]).result()
    assert [(found.name, found.songs) for found in lists(library)] == [
        ("Party", 2),
        ("Slow ones", 0),
    ]
    library.rename_playlist(party, "").result()
    assert lists(library)[0].name == "Set list"
    library.delete_playlist(party).result()
    assert [found.name for found in lists(library)] == ["Slow ones"]
    assert members(library, party) == []


def test_a_song_from_the_trash_is_in_its_set_lists_again(
    library: LibraryWriter, ids: list[str]
) -> None:
    party = library.create_playlist("Party", ids).result()
    library.remove(ids[1]).result()
    assert lists(library)[0].songs == 3
    library.reorder_playlist(party, [ids[3], ids[2], ids[0]]).result()
    library.restore(ids[1]).result()
    assert lists(library)[0].songs == 4
    assert members(library, party) == [ids[3], ids[1], ids[2], ids[0]]


def test_set_lists_outlive_the_index(library: LibraryWriter, folder: Path, ids: list[str]) -> None:
    party = library.create_playlist("Fête 🎉", ids[::-1]).result()
    library.close()
    for path in folder.glob(schema.DATABASE + "*"):
        path.unlink()
    again = LibraryWriter(folder)
    assert lists(again) == [Playlist(party, "Fête 🎉", 4)]
    assert members(again, party) == ids[::-1]
    again.close()


def test_a_lost_file_is_written_again(library: LibraryWriter, folder: Path, ids: list[str]) -> None:
    library.create_playlist("Party", ids).result()
    library.close()
    (folder / playlists.FILE).unlink()
    again = LibraryWriter(folder)
    assert json.loads((folder / playlists.FILE).read_text())["playlists"][0]["songs"] == ids
    again.close()


@pytest.mark.parametrize(
    "body", ["{", "[]", "null", '{"format": 9}', '{"format": 1, "revision": 1}']
)
def test_a_damaged_file_is_told_and_replaced(
    library: LibraryWriter, folder: Path, calm_log: AllowedLog, body: str
) -> None:
    party = library.create_playlist("Party").result()
    library.close()
    (folder / playlists.FILE).write_text(body)
    calm_log.allow("set lists")
    again = LibraryWriter(folder)
    assert lists(again) == [Playlist(party, "Party", 0)]
    again.close()


def test_a_set_list_that_is_gone_takes_no_songs(library: LibraryWriter, ids: list[str]) -> None:
    for change in (
        library.add_to_playlist("x", ids),
        library.rename_playlist("x", "y"),
        library.reorder_playlist("x", ids),
    ):
        with pytest.raises(MissingFile):
            change.result()


def test_a_change_that_cannot_be_written_is_not_made(
    library: LibraryWriter, calm_log: AllowedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm_log.allow("could not be written")
    party = library.create_playlist("Party").result()

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(playlists, "write_json_atomic", fail)
        with pytest.raises(KaraokeError):
            library.rename_playlist(party, "Other").result()
    assert lists(library)[0].name == "Party"
