"""The desk between the player and its thread."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from karaoke_studio.playback.deck import Desk, Orders
from karaoke_studio.playback.ring import StemRing
from karaoke_studio.playback.take_reader import TakeFiles


def ring(ticket: int) -> StemRing:
    return StemRing(
        ticket=ticket, stems=2, channels=1, sample_rate=8_000, song_rate=8_000, start_frame=0
    )


def move(now: Orders) -> Orders:
    return replace(now, ticket=now.ticket + 1)


def test_a_ring_that_comes_too_late_is_not_played() -> None:
    desk = Desk()
    late, timely = ring(0), ring(1)
    desk.change(move)
    desk.publish(late)
    assert desk.controls.ring is None
    desk.publish(timely)
    assert desk.controls.ring is timely


def test_a_move_while_paused_leaves_nothing_of_the_old_place() -> None:
    desk = Desk()
    desk.publish(ring(0))
    desk.change(move)
    assert desk.controls.ring is None


def test_a_move_while_playing_plays_on_until_the_new_place_is_read() -> None:
    desk = Desk()
    old = ring(0)
    desk.publish(old)
    desk.change(lambda now: replace(now, wants_play=True))
    desk.change(move)
    assert desk.controls.ring is old
    assert desk.controls.is_running


def test_another_song_silences_the_last_at_once() -> None:
    desk = Desk()
    desk.publish(ring(0))
    desk.change(lambda now: replace(now, wants_play=True))
    take = TakeFiles({"vocals": Path("v.flac")}, 8_000, 1, 8_000)
    desk.change(lambda now: replace(move(now), take=take, wants_play=False))
    assert desk.controls.ring is None
    assert not desk.controls.is_running
    assert desk.woken.is_set()
