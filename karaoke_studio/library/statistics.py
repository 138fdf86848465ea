"""How making songs went: what was finished when, how fast, and how often it failed.

Only times, engines and outcomes are kept, no names of songs.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any

COMPLETED, FAILED, CANCELLED = "completed", "failed", "cancelled"
#: Older lines say nothing about this computer any more, and are many.
_MOST_LINES = 100_000


@dataclass(frozen=True)
class EngineFigures:
    """What one engine did.

    Attributes:
        songs: that it finished.
        speed: seconds of song for each second of work; 0 = nothing finished.
    """

    engine: str
    songs: int
    speed: float


@dataclass(frozen=True)
class Statistics:
    """The figures of a library.

    Attributes:
        today: songs finished today, by the clock here.
        days: the last days, (ISO date, songs finished), today last.
        finished: songs finished ever.
        failed: songs that failed.
        song_s: seconds of song that were finished.
        taken_s: seconds that it took.
        engines: the most used first.
        reasons: error code → how often, the most frequent first.
        songs: in the library now.
        library_s: how long they are together.
        plays: how often songs were played.
    """

    today: int = 0
    days: list[tuple[str, int]] = field(default_factory=list)
    finished: int = 0
    failed: int = 0
    song_s: float = 0.0
    taken_s: float = 0.0
    engines: list[EngineFigures] = field(default_factory=list)
    reasons: list[tuple[str, int]] = field(default_factory=list)
    songs: int = 0
    library_s: float = 0.0
    plays: int = 0

    @property
    def success(self) -> float | None:
        """Share of songs that did not fail, 0…1; None where none was made."""
        whole = self.finished + self.failed
        return self.finished / whole if whole else None

    @property
    def speed(self) -> float | None:
        """Seconds of song for each second of work; None where nothing was finished."""
        return self.song_s / self.taken_s if self.taken_s > 0 else None


def note(
    connection: sqlite3.Connection,
    outcome: str,
    engine: str,
    *,
    song_s: float = 0.0,
    taken_s: float = 0.0,
    code: str = "",
) -> None:
    """Note that a song is over.

    Args:
        connection: of the writer.
        outcome: `COMPLETED`, `FAILED` or `CANCELLED`.
        engine: that made it, or "".
        song_s: length of the song.
        taken_s: how long it took.
        code: of the error where it failed.
    """
    connection.execute(
        "INSERT INTO made (ended_at, engine, outcome, song_s, taken_s, code)"
        " VALUES (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?, ?, ?, ?, ?)",
        (engine, outcome, song_s, taken_s, code),
    )
    connection.execute(
        "DELETE FROM made WHERE id <= (SELECT MAX(id) FROM made) - ?", (_MOST_LINES,)
    )


def statistics(connection: sqlite3.Connection, days: int = 14) -> Statistics:
    """Return the figures of now, with the last so many days."""

    def one(statement: str, *values: Any) -> tuple[Any, ...]:
        return tuple(connection.execute(statement, values).fetchone())

    finished, song_s, taken_s = one(
        "SELECT COUNT(*), COALESCE(SUM(song_s), 0), COALESCE(SUM(taken_s), 0)"
        " FROM made WHERE outcome = ?",
        COMPLETED,
    )
    (failed,) = one("SELECT COUNT(*) FROM made WHERE outcome = ?", FAILED)
    songs, library_s, plays = one(
        "SELECT COUNT(*), COALESCE(SUM(duration_s), 0), COALESCE(SUM(play_count), 0) FROM songs"
    )
    rows = connection.execute(
        "WITH RECURSIVE day (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM day WHERE n < ? - 1)"
        " SELECT date('now', 'localtime', '-' || n || ' days') AS day,"
        " (SELECT COUNT(*) FROM made WHERE outcome = ?"
        "  AND date(ended_at, 'localtime') = date('now', 'localtime', '-' || n || ' days')"
        "  AND ended_at >= datetime('now', '-' || (n + 2) || ' days')) AS songs"
        " FROM day ORDER BY n DESC",
        (days, COMPLETED),
    ).fetchall()
    by_day = [(row["day"], row["songs"]) for row in rows]
    engines = connection.execute(
        "SELECT engine, COUNT(*) AS songs, SUM(song_s) AS song_s, SUM(taken_s) AS taken_s"
        " FROM made WHERE outcome = ? GROUP BY engine ORDER BY songs DESC, engine",
        (COMPLETED,),
    ).fetchall()
    reasons = connection.execute(
        "SELECT code, COUNT(*) AS often FROM made WHERE outcome = ? AND code != ''"
        " GROUP BY code ORDER BY often DESC, code LIMIT 5",
        (FAILED,),
    ).fetchall()
    return Statistics(
        today=by_day[-1][1],
        days=by_day,
        finished=finished,
        failed=failed,
        song_s=song_s,
        taken_s=taken_s,
        engines=[
            EngineFigures(
                row["engine"], row["songs"], row["song_s"] / row["taken_s"] if row["taken_s"] else 0
            )
            for row in engines
        ],
        reasons=[(row["code"], row["often"]) for row in reasons],
        songs=songs,
        library_s=library_s,
        plays=plays,
    )
