"""What can pass is tried again, a little later each time; what cannot is not."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio import pipeline, retries
from karaoke_studio.errors import (
    CorruptAudio,
    KaraokeError,
    LibraryLocked,
    SourceChanged,
    UnreadableFile,
    error_from_os,
)
from karaoke_studio.job import STEMS, JobSpec
from karaoke_studio.progress import Cancelled
from tests.conftest import AllowedLog

SPEC = JobSpec("j", Path("a.mp3"), "instant", STEMS)


class Tries:
    """Fails as it is told to, then works; knows when it was called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: Exception) -> None:
        self._errors, self.at_s = list(errors), []  # type: tuple[Any, list[float]]
        monkeypatch.setattr(pipeline, "_run_once", self._run)
        monkeypatch.setattr(pipeline, "PAUSES_S", (0.1, 0.2, 0.4))

    def _run(self, *_arguments: Any) -> str:
        self.at_s.append(time.monotonic())
        if self._errors:
            raise self._errors.pop(0)
        return "done"

    def run(self, stop: threading.Event | None = None) -> Any:
        around: Any = None
        return pipeline.run_job(
            SPEC, Path("x"), lambda _progress: None, stop or threading.Event(), around
        )


@pytest.mark.parametrize("error", [SourceChanged("It grows."), LibraryLocked("Busy.")])
def test_seed_001_14_what_can_pass_is_tried_again_after_longer_and_longer_pauses(
    monkeypatch: pytest.MonkeyPatch, calm_log: AllowedLog, error: KaraokeError
) -> None:
    calm_log.allow("it is tried again")
    tries = Tries(monkeypatch, error, error, error)
    assert tries.run() == "done"
    pauses = [after - before for before, after in zip(tries.at_s, tries.at_s[1:], strict=False)]
    assert len(pauses) == 3
    for pause_s, wanted_s in zip(pauses, (0.1, 0.2, 0.4), strict=True):
        assert pause_s >= 0.75 * wanted_s


def test_the_fourth_failure_is_the_last(
    monkeypatch: pytest.MonkeyPatch, calm_log: AllowedLog
) -> None:
    calm_log.allow("it is tried again")
    error = SourceChanged("It grows.")
    tries = Tries(monkeypatch, error, error, error, error)
    with pytest.raises(SourceChanged):
        tries.run()
    assert len(tries.at_s) == 4


def test_what_cannot_pass_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = Tries(monkeypatch, CorruptAudio("Broken."))
    with pytest.raises(CorruptAudio):
        tries.run()
    assert len(tries.at_s) == 1


@pytest.mark.parametrize("number", [errno.ETIMEDOUT, errno.ESTALE, errno.ENOTCONN])
def test_a_network_that_is_away_for_a_moment_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, calm_log: AllowedLog, number: int
) -> None:
    calm_log.allow("it is tried again")
    error = error_from_os(OSError(number, os.strerror(number)), "a.mp3")
    tries = Tries(monkeypatch, error, error)
    assert tries.run() == "done"
    assert len(tries.at_s) == 3


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_read_that_fails_for_no_reason_is_repeated_on_a_network_only(
    monkeypatch: pytest.MonkeyPatch, calm_log: AllowedLog, is_shared: bool
) -> None:
    calm_log.allow("it is tried again")
    monkeypatch.setattr(retries, "is_on_network", lambda _path: is_shared)
    error = error_from_os(OSError(errno.EIO, os.strerror(errno.EIO)), "a.mp3")
    tries = Tries(monkeypatch, *[error] * 4)
    with pytest.raises(UnreadableFile):
        tries.run()
    assert len(tries.at_s) == (4 if is_shared else 1)


def test_a_pause_ends_at_once_when_the_song_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, calm_log: AllowedLog
) -> None:
    calm_log.allow("it is tried again")
    tries = Tries(monkeypatch, SourceChanged("It grows."), Cancelled())
    monkeypatch.setattr(pipeline, "PAUSES_S", (60.0,))
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    began_s = time.monotonic()
    with pytest.raises(Cancelled):
        tries.run(stop)
    assert time.monotonic() - began_s < 30


def test_seed_000_22_the_pauses_are_one_two_and_four_seconds() -> None:
    assert pipeline.PAUSES_S == (1.0, 2.0, 4.0)
