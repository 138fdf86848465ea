"""Songs that are there twice: from the same file, or the same song by its tags and length."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from karaoke_studio.library import playlists
from karaoke_studio.library.finder import ROW_COLUMNS, SongRow
from karaoke_studio.library.search_words import searchable

#: Lengths of the same recording from two sources differ by so much at most.
NEAR_S = 2.0


@dataclass(frozen=True)
class Duplicates:
    """Songs that are one song.

    Attributes:
        same_file: made of files that are alike byte by byte; else title, artist and length agree.
        songs: the one to keep first: the best rated, then most played, then oldest.
    """

    same_file: bool
    songs: tuple[SongRow, ...]


def find_duplicates(connection: sqlite3.Connection) -> list[Duplicates]:
    """Return all groups of duplicates, those of the same file first; no song is in two."""
    cursor = connection.cursor()
    cursor.row_factory = None
    found: list[Duplicates] = []
    seen: set[str] = set()
    rows = cursor.execute(
        f"SELECT sha256, {ROW_COLUMNS} FROM songs WHERE sha256 IN"
        " (SELECT sha256 FROM songs GROUP BY sha256 HAVING COUNT(*) > 1) ORDER BY sha256"
    )
    by_file: dict[str, list[SongRow]] = {}
    for sha256, *values in rows:
        by_file.setdefault(sha256, []).append(SongRow._make(values))
    for songs in by_file.values():
        found.append(Duplicates(True, _best_first(songs)))
        seen.update(song.id for song in songs)
    by_name: dict[tuple[str, str], list[SongRow]] = {}
    for values in cursor.execute(f"SELECT {ROW_COLUMNS} FROM songs ORDER BY duration_s"):
        song = SongRow._make(values)
        if song.id not in seen and song.title:
            name = (_plain(song.title), _plain(song.artist))
            by_name.setdefault(name, []).append(song)
    for songs in by_name.values():
        found += [Duplicates(False, _best_first(near)) for near in _near(songs)]
    return sorted(found, key=lambda group: (not group.same_file, _plain(group.songs[0].title)))


def _plain(words: str) -> str:
    return searchable(words).casefold()


def _near(songs: Sequence[SongRow]) -> Iterator[list[SongRow]]:
    """Yield runs of songs, given by length, of which each is nearly as long as the one before."""
    run = [songs[0]]
    for song in songs[1:]:
        if song.duration_s - run[-1].duration_s > NEAR_S:
            if len(run) > 1:
                yield run
            run = []
        run.append(song)
    if len(run) > 1:
        yield run


def _best_first(songs: Sequence[SongRow]) -> tuple[SongRow, ...]:
    oldest = sorted(songs, key=lambda song: song.added_at)
    return tuple(
        sorted(
            oldest, key=lambda song: (song.favourite, song.rating, song.play_count), reverse=True
        )
    )


def merge_in_lists(
    connection: sqlite3.Connection, keep: str, others: Sequence[str]
) -> dict[str, list[str]]:
    """Put one song into every set list where others are, in their place, and take those out.

    Returns:
        What the set lists held that were changed, so that it can be undone.
    """
    gone, before = set(others), {}
    for found in playlists.playlists(connection):
        songs = playlists.songs_of(connection, found.id)
        if gone.isdisjoint(songs):
            continue
        before[found.id] = songs
        merged = [keep if song_id in gone else song_id for song_id in songs]
        playlists.set_songs(connection, found.id, list(dict.fromkeys(merged)))
    return before
