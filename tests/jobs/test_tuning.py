"""What is quickest is measured while nothing else is done, and never in anybody's way."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from karaoke_studio.errors import ModelDamaged
from karaoke_studio.job import JobSpec, NetworkChoice
from karaoke_studio.jobs import tuning
from karaoke_studio.jobs.tuning import Tuning
from karaoke_studio.progress import Cancelled
from tests.helpers.models import make_net, write_bag


class House:
    """A window's parts as far as tuning sees them."""

    def __init__(self, folder: Path, qtbot) -> None:
        write_bag(folder / "models", "htdemucs", [make_net()])
        self.folder = folder
        self.choice = NetworkChoice((folder / "models",))
        self.quality = "normal"
        self.is_resting = True
        self.asked = []
        self.error: Exception | None = None
        self.hold: threading.Event | None = None
        self.let_go = threading.Event()
        self.tuning = Tuning(
            lambda: JobSpec("", Path(), network=self.choice, quality=self.quality),
            lambda: self.is_resting,
            folder / "data",
            measure=self.measure,
        )

    def measure(self, model, threads, stop):
        self.asked.append((model["model"], threads))
        if self.hold is not None:
            self.hold.set()
            while not stop.is_set():
                threading.Event().wait(0.005)
            self.let_go.set()
            raise Cancelled
        if self.error is not None:
            raise self.error


@pytest.fixture
def house(tmp_path, qtbot, monkeypatch):
    monkeypatch.setattr(tuning, "IDLE_MS", 1)
    house = House(tmp_path, qtbot)
    yield house
    house.tuning.close()


def test_it_measures_once_nothing_else_is_done(house, qtbot):
    with qtbot.waitSignal(house.tuning.measured) as told:
        house.tuning.look()
    assert told.args == ["htdemucs"]
    assert house.asked == [("htdemucs", 0)]


@pytest.mark.parametrize("why", ["busy", "best", "no model", "card"])
def test_it_leaves_alone_what_needs_no_measuring(why, house, qtbot):
    if why == "busy":
        house.is_resting = False
    elif why == "best":
        house.quality = "best"
    elif why == "no model":
        house.choice = NetworkChoice((house.folder / "nowhere",))
    else:
        house.choice = NetworkChoice((house.folder / "models",), device="cuda")
    house.tuning.look()
    house.tuning._on_idle()
    house.tuning.close()  # waits for the lane
    assert house.asked == []


def test_it_lets_go_at_once_when_a_song_begins(house, qtbot):
    house.hold = threading.Event()
    house.tuning.look()
    qtbot.waitUntil(house.hold.is_set)
    house.is_resting = False
    house.tuning.look()
    qtbot.waitUntil(house.let_go.is_set)
    # and comes back afterwards
    house.hold, house.is_resting = None, True
    with qtbot.waitSignal(house.tuning.measured):
        house.tuning.look()


def test_what_failed_is_not_tried_again(house, qtbot, caplog):
    house.error = ModelDamaged("The model is damaged.")
    house.tuning.look()
    qtbot.waitUntil(lambda: "htdemucs" in house.tuning._tried)
    house.tuning._on_idle()
    house.tuning.close()
    assert len(house.asked) == 1
    caplog.clear()
