"""A graphics card that takes its process with it, or falls silent, in the middle of a song."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio import notes
from karaoke_studio.errors import EngineCrashed, ProcessingTimeout
from karaoke_studio.job import JobSpec, NetworkChoice
from karaoke_studio.pipeline import Surroundings, _Run
from karaoke_studio.worker.host import WorkerDied
from karaoke_studio.worker.network import Plan

SILENT = ProcessingTimeout("It says nothing.")
DIED = WorkerDied("engine", -11)


class Card:
    """An engine child on a card: what happens there, try by try; None = the song is made."""

    start_wait_s = 0.0

    def __init__(self, *failures: Exception | None, device: str = "cuda:0") -> None:
        self._failures, self._device = list(failures), device
        self.fallbacks: list[list[str]] = []
        self.asked: list[str] = []
        self.ends = 0

    def end_idle(self) -> None:
        self.ends += 1

    def run(self, task: str, args: dict[str, Any], **how: Any) -> dict[str, Any]:
        if task == "load_model":
            return {"sources": ["drums", "vocals"], "load_s": 0.0}
        wanted = args["options"]["device"]
        self.asked.append(wanted)
        device = "cpu" if wanted == "cpu" else self._device
        how["on_progress"]({"device": device})
        how["on_progress"]({"fraction": 0.4})
        failure = self._failures.pop(0) if self._failures else None
        if failure is not None:
            raise failure
        facts = {"engine": "htdemucs", "model_load_s": 0.0, "device": device}
        return facts | {"fallbacks": self.fallbacks}


class Street:
    """A job that has come to its network."""

    def __init__(self, folder: Path, card: Card, device: str = "auto") -> None:
        choice = NetworkChoice((folder,), device=device)
        spec = JobSpec("1", folder / "song.flac", "htdemucs", network=choice)
        around = Surroundings(Workers(card), data=folder)  # type: ignore[arg-type]
        self.fractions: list[float] = []

        def report(progress: Any) -> None:
            self.fractions.append(progress.overall_fraction)

        self.run = _Run(spec, folder, report, threading.Event(), around)
        self.run.song = {"sha256": "ab", "frames": 1, "channels": 2}
        self.plan = Plan("engine", {"device": device, "mode": "exact"})

    def go(self) -> list[str]:
        """Run the network; return what is told of it."""
        self.run._run_network({"model": "htdemucs"}, self.plan)
        assert self.fractions == sorted(self.fractions)
        return [notes.describe(note) for note in self.run.notes]


class Workers:
    def __init__(self, card: Card) -> None:
        self.engine = card


@pytest.mark.parametrize("failure", [DIED, SILENT], ids=["dies", "hangs"])
def test_the_processor_goes_on_when_the_card_is_lost(tmp_path: Path, failure: Exception) -> None:
    card = Card(failure)
    street = Street(tmp_path, card)
    said = ["Made on the CPU because the graphics card stopped answering."]
    assert street.go() == said
    assert card.asked == ["auto", "cpu"]
    assert (street.run.device, street.run.fallback_from) == ("cpu", "cuda:0")


@pytest.mark.parametrize(
    ("failure", "raised"), [(DIED, EngineCrashed), (SILENT, ProcessingTimeout)]
)
def test_nothing_is_tried_a_third_time(
    tmp_path: Path, failure: Exception, raised: type[Exception]
) -> None:
    card = Card(failure, failure)
    with pytest.raises(raised):
        Street(tmp_path, card).go()
    assert card.asked == ["auto", "cpu"]


def test_a_card_that_was_named_is_not_replaced(tmp_path: Path) -> None:
    card = Card(DIED, DIED)
    with pytest.raises(EngineCrashed):
        Street(tmp_path, card, "cuda:0").go()
    assert card.asked == ["cuda:0", "cuda:0"]
    card = Card(SILENT)
    with pytest.raises(ProcessingTimeout):
        Street(tmp_path, card, "cuda:0").go()
    assert card.asked == ["cuda:0"]


def test_a_child_that_dies_on_the_processor_is_started_once_more(tmp_path: Path) -> None:
    card = Card(DIED, device="cpu")
    street = Street(tmp_path, card)
    assert street.go() == [notes.describe(notes.CHILD_RESTARTED)]
    assert card.asked == ["auto", "auto"]
    assert street.run.fallback_from is None


def test_the_child_of_a_lost_card_makes_no_further_song(tmp_path: Path) -> None:
    for code, ends in (("OUT_OF_MEMORY", 0), ("DEVICE_LOST", 1)):
        card = Card()
        card.fallbacks = [["cuda:0", code]]
        street = Street(tmp_path, card)
        assert len(street.go()) == 1
        assert street.run.fallback_from == "cuda:0"
        assert card.ends == ends
