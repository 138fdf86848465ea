from __future__ import annotations

import threading

import pytest

from karaoke_studio.errors import KaraokeError
from karaoke_studio.progress import Cancelled, check


def test_check_stops_only_when_asked() -> None:
    stop = threading.Event()
    check(stop)
    stop.set()
    with pytest.raises(Cancelled):
        check(stop)


def test_cancelling_is_no_failure() -> None:
    assert not issubclass(Cancelled, KaraokeError)
    assert Cancelled.code == "CANCELLED"
