from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.errors import LibraryDamaged
from karaoke_studio.library import edits, schema
from karaoke_studio.library.finder import Finder, Query
from karaoke_studio.library.smart_lists import SmartList
from karaoke_studio.library.writer import LibraryWriter
from tests.library.takes import make_take

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[LibraryWriter]:
    library = LibraryWriter(tmp_path / "library")
    yield library
    library.close()


@pytest.fixture
def finder(library: LibraryWriter) -> Iterator[Finder]:
    finder = Finder(library.folder)
    yield finder
    finder.close()


def adopt(library: LibraryWriter, title: str, artist: str = "", **changes: Any) -> str:
    take = make_take(library.staging, title=title, artist=artist)
    song = library.adopt(take)
    shutil.rmtree(take.staging)
    if changes:
        library.change_song(song.id, **changes).result()
    return song.id


def titles(finder: Finder, **query: Any) -> list[str]:
    return [row.title for row in finder.find(Query(**query)).rows]


@pytest.fixture
def songs(library: LibraryWriter) -> dict[str, str]:
    return {
        "Éclair": adopt(library, "Éclair", "Zoe"),
        "apple": adopt(library, "apple", "", favourite=True),
        "Zebra": adopt(library, "Zebra", "ángel", remark="Sing it lower", favourite=True),
        "夜曲": adopt(library, "夜曲", "Bo"),
    }


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("added", ["夜曲", "Zebra", "apple", "Éclair"]),
        ("title", ["apple", "Éclair", "Zebra", "夜曲"]),
        ("artist", ["Zebra", "夜曲", "Éclair", "apple"]),
    ],
)
def test_songs_are_sorted_as_people_sort(
    finder: Finder, songs: dict[str, str], sort: str, order: list[str]
) -> None:
    assert titles(finder, sort=sort) == order


def test_what_was_played_last_comes_first(
    library: LibraryWriter, finder: Finder, songs: dict[str, str]
) -> None:
    library.change_song(songs["apple"], played_at="2026-02-01T00:00:00Z").result()
    library.change_song(songs["Éclair"], played_at="2026-03-01T00:00:00Z").result()
    assert titles(finder, sort="played")[:2] == ["Éclair", "apple"]


def test_what_was_rated_best_comes_first(
    library: LibraryWriter, finder: Finder, songs: dict[str, str]
) -> None:
    library.change_song(songs["Zebra"], rating=3).result()
    library.change_song(songs["apple"], rating=5).result()
    assert titles(finder, sort="rating") == ["apple", "Zebra", "夜曲", "Éclair"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"text": "zeb ang"}, ["Zebra"]),
        ({"text": "lower"}, ["Zebra"]),
        ({"text": "曲"}, ["夜曲"]),
        ({"text": "a", "favourites": True}, ["Zebra", "apple"]),
        ({"favourites": True, "sort": "title"}, ["apple", "Zebra"]),
        ({"engine": "htdemucs"}, []),
        ({"engine": "centre", "text": "eclair"}, ["Éclair"]),
        ({"text": '"*('}, []),
        ({"text": "  "}, ["夜曲", "Zebra", "apple", "Éclair"]),
        ({"recent": True}, ["夜曲", "Zebra", "apple", "Éclair"]),
    ],
)
def test_words_and_filters_narrow_the_list(
    finder: Finder, songs: dict[str, str], query: dict[str, Any], found: list[str]
) -> None:
    assert titles(finder, **query) == found


def test_old_songs_are_not_recent(
    library: LibraryWriter, finder: Finder, songs: dict[str, str]
) -> None:
    def age(connection: Any) -> None:
        connection.execute("UPDATE songs SET added_at = '2001-01-01T00:00:00Z'")

    library.submit(age).result()
    library.count_play(songs["apple"]).result()
    assert titles(finder, recent=True) == ["apple"]


def test_a_set_list_keeps_its_order_whatever_is_sorted(
    library: LibraryWriter, finder: Finder, songs: dict[str, str]
) -> None:
    order = [songs[title] for title in ("Zebra", "Éclair", "apple")]
    party = library.create_playlist("Party", order).result()
    library.remove(songs["Éclair"]).result()
    found = finder.find(Query(playlist_id=party, sort="title"))
    assert [row.title for row in found.rows] == ["Zebra", "apple"]
    assert [(entry.name, entry.songs) for entry in found.playlists] == [("Party", 2)]
    assert titles(finder, playlist_id=party, text="app") == ["apple"]
    assert titles(finder, playlist_id="gone") == []


def test_counts_are_of_the_whole_library(finder: Finder, songs: dict[str, str]) -> None:
    found = finder.find(Query(text="zebra"))
    assert (found.total, found.favourites, found.engines) == (4, 2, {"centre": 4})


def test_changes_are_seen(library: LibraryWriter, finder: Finder, songs: dict[str, str]) -> None:
    assert titles(finder, text="berry") == []
    library.change_song(songs["apple"], title="Blueberry Berry").result()
    assert titles(finder, text="berry") == ["Blueberry Berry"]
    assert titles(finder, text="apple") == []
    library.remove(songs["apple"]).result()
    assert titles(finder, text="berry") == []


def test_a_damaged_index_is_told(tmp_path: Path) -> None:
    (tmp_path / schema.DATABASE).write_bytes(b"no database at all" * 100)

    def look() -> None:
        finder = Finder(tmp_path)
        try:
            finder.find(Query())
        finally:
            finder.close()

    with pytest.raises(LibraryDamaged):
        look()


def test_labels_colours_ratings_and_plays_narrow_and_sort(
    library: LibraryWriter, finder: Finder, songs: dict[str, str]
) -> None:
    library.change_songs([songs["apple"], songs["Zebra"]], labels=["Duet", "Party"]).result()
    library.change_song(songs["Zebra"], colour="teal", rating=4).result()
    library.change_song(songs["夜曲"], labels=["party "], rating=2).result()
    library.count_play(songs["夜曲"]).result()
    assert titles(finder, label="duet", sort="title") == ["apple", "Zebra"]
    assert titles(finder, label="PARTY", sort="title") == ["apple", "Zebra", "夜曲"]
    assert titles(finder, colour="teal") == ["Zebra"]
    assert titles(finder, least_rating=2, sort="rating") == ["Zebra", "夜曲"]
    assert titles(finder, unplayed=True, sort="title") == ["apple", "Éclair", "Zebra"]
    assert titles(finder, sort="plays")[0] == "夜曲"
    assert titles(finder, sort="title", backwards=True)[0] == "夜曲"
    assert titles(finder, text="duet", sort="title") == ["apple", "Zebra"]
    assert finder.find(Query()).labels == {"Duet": 2, "Party": 2, "party": 1}


def test_lyrics_are_searched(library: LibraryWriter, finder: Finder) -> None:
    take = make_take(library.staging, title="Blue", words=[[None, "Under the déjà vu moon"]])
    library.adopt(take)
    shutil.rmtree(take.staging)
    assert titles(finder, text="deja moon") == ["Blue"]


def test_lyrics_of_older_songs_are_found_once_they_were_read(
    library: LibraryWriter, finder: Finder
) -> None:
    take = make_take(library.staging, title="Blue", words=[[1.0, "Harbour lights"]])
    library.adopt(take)
    shutil.rmtree(take.staging)

    def forget(connection: Any) -> None:
        connection.execute("UPDATE songs SET lyrics = NULL")

    library.submit(forget).result()
    library.change_song(adopt(library, "Other"), remark="x").result()
    assert not library.submit(lambda c: edits.fill_lyrics(c, library.folder)).result()
    assert titles(finder, text="harbour") == ["Blue"]


def test_a_smart_list_is_a_saved_search(
    library: LibraryWriter, finder: Finder, songs: dict[str, str]
) -> None:
    query = Query(text="z", favourites=True, sort="title", backwards=True)
    library.put_smart_list(SmartList("s", " Z\nand  stars ", query.to_json())).result()
    (kept,) = finder.find(Query()).smart_lists
    assert kept.name == "Z and stars"
    again = Query.from_json(kept.query)
    assert again == Query(within="z", favourites=True, sort="title", backwards=True)
    assert [row.title for row in finder.find(again).rows] == ["Zebra"]
    library.rename_smart_list("s", "Mine").result()
    assert [found.name for found in finder.find(Query()).smart_lists] == ["Mine"]
    library.delete_smart_list("s").result()
    assert finder.find(Query()).smart_lists == []


def test_smart_lists_outlive_the_index(library: LibraryWriter, songs: dict[str, str]) -> None:
    library.put_smart_list(SmartList("s", "Mine", Query(engine="instant").to_json())).result()
    library.close()
    for path in library.folder.glob(schema.DATABASE + "*"):
        path.unlink()
    LibraryWriter(library.folder).close()
    finder = Finder(library.folder)
    assert finder.find(Query()).smart_lists == [SmartList("s", "Mine", {"engine": "instant"})]
    finder.close()


@pytest.mark.parametrize(
    "data", [{"sort": "nonsense"}, {"least_rating": "5"}, {"unknown": 1}, {"favourites": 1}]
)
def test_a_saved_search_of_another_version_is_understood_as_far_as_it_goes(
    data: dict[str, Any],
) -> None:
    assert Query.from_json(data) == Query()
