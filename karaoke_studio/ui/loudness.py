"""Original, instrumental and vocals equally loud, so that one compares them and not their volume.

Only what is heard changes: files are exported as the faders stand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeGuard

from PySide6.QtCore import QObject, Slot

from karaoke_studio.library.songs import Song
from karaoke_studio.ui.listening import Listening
from karaoke_studio.ui.mixer_strip import MixerStrip
from karaoke_studio.ui.open_song import OpenSong

#: The original is not made quieter than this for the sake of a whispered voice.
MOST_DB = 12.0


def match_gains(song: Song) -> dict[str, float]:
    """Return the gain of each source; {} where it has not been measured.

    All come down to the quietest, so nothing needs headroom; one that is very quiet stays behind.
    """
    facts = song.analysis or {}
    stems = facts.get("stem_lufs")
    if facts.get("take_id") != song.take_id or not isinstance(stems, dict):
        return {}
    found = {
        "original": facts.get("lufs"),
        "instrumental": stems.get("instrumental"),
        "vocals": stems.get("vocals"),
    }
    levels = {source: at for source, at in found.items() if _is_level(at)}
    if "original" not in levels:
        return {}
    target = max(min(levels.values()), levels["original"] - MOST_DB)
    return {source: min(1.0, 10 ** ((target - at) / 20)) for source, at in levels.items()}


def _is_level(value: Any) -> TypeGuard[float]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


class LoudnessMatch(QObject):
    """Keeps the player on the gains of the open song while the person wants that.

    Args:
        is_on: as the settings say.
        change_setting: keeps a change.
    """

    def __init__(
        self,
        is_on: bool,
        opened: OpenSong,
        listening: Listening,
        strip: MixerStrip,
        change_setting: Callable[[str, Any], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._is_on, self._opened, self._listening = is_on, opened, listening
        self._is_tested = False
        self._change_setting, self._strip = change_setting, strip
        strip.match_button.setChecked(is_on)
        strip.match_requested.connect(self._on_requested)
        opened.changed.connect(self.follow)
        opened.refreshed.connect(self.follow)

    @Slot()
    def follow(self) -> None:
        """Take the gains of the song that is open."""
        song = self._opened.song()
        self._listening.set_matches(self.gains_of(song) if song else {})

    def gains_of(self, song: Song) -> dict[str, float]:
        """Return the gains that a song is played at."""
        return match_gains(song) if self._is_on or self._is_tested else {}

    def match_for_test(self, *, on: bool) -> None:
        """Match the sources while they are compared blindly, whatever is chosen."""
        self._is_tested = on
        self.follow()

    @Slot(bool)
    def _on_requested(self, is_on: bool) -> None:
        self.turn(on=is_on)
        self._change_setting("match_loudness", is_on)

    def turn(self, *, on: bool) -> None:
        """Match the sources, or leave them as they are."""
        if on != self._is_on:
            self._is_on = on
            self._strip.match_button.setChecked(on)
            self.follow()
