"""Models on their way beside everything else, from a hub on this machine: true small networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from karaoke_studio.errors import DownloadFailed, ModelDamaged, ModelRefused, NetworkUnavailable
from karaoke_studio.jobs.models import IMPORT, Models, ModelState, ModelView
from karaoke_studio.paths import DataFolder
from karaoke_studio.separation.hub import Hub
from karaoke_studio.separation.web import Patience
from tests.helpers.fault_server import FaultServer, fault_server
from tests.helpers.models import make_net, write_bag, write_safetensors

NET, SIX = "955717e8.safetensors", "5c90dfd2.safetensors"
QUICK = Patience(answer_s=1.0, stall_s=1.0, tries=0, pause_s=0.01)

pytestmark = pytest.mark.usefixtures("qapp", "nothing_left")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FaultServer]:
    write_safetensors(make_net(), tmp_path / NET)
    body = (tmp_path / NET).read_bytes()
    with fault_server() as server:
        server.repositories = {
            "adefossez/HTDemucs": {"htdemucs.yaml": b"models: ['955717e8']", NET: body},
            "adefossez/HTDemucs-6s": {"htdemucs_6s.yaml": b"models: ['5c90dfd2']", SIX: body},
        }
        yield server


class Desk:
    def __init__(self, models: Models, qtbot: QtBot) -> None:
        self.models, self._qtbot = models, qtbot
        self.changes: list[tuple[str, ...]] = []
        models.models_changed.connect(self.changes.append)

    def view(self, name: str) -> ModelView:
        return next(view for view in self.models.views() if view.name == name)

    def wait_for(self, name: str, state: ModelState) -> ModelView:
        self._qtbot.waitUntil(lambda: self.view(name).state is state, timeout=20_000)
        return self.view(name)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "own"


@pytest.fixture
def desk(data: DataFolder, own: Path, server: FaultServer, qtbot: QtBot) -> Iterator[Desk]:
    hub = Hub(server.address, QUICK)
    models = Models(data.root, lambda: (own, data.models), data.logs, hub)
    yield Desk(models, qtbot)
    models.close()
    models.deleteLater()


def test_a_model_comes_and_goes(desk: Desk) -> None:
    assert desk.view("htdemucs").state is ModelState.ABSENT
    desk.models.download("htdemucs")
    assert desk.view("htdemucs").state is ModelState.WAITING
    assert desk.models.is_busy()
    view = desk.wait_for("htdemucs", ModelState.THERE)
    assert view.size > 100_000
    assert desk.models.installed == ("htdemucs",)
    desk.models.verify("htdemucs")
    desk.wait_for("htdemucs", ModelState.THERE)
    assert desk.view("htdemucs").was_verified
    desk.models.remove("htdemucs")
    desk.wait_for("htdemucs", ModelState.ABSENT)
    assert desk.changes == [("htdemucs",), ()]
    assert not desk.models.is_busy()


def test_two_wishes_are_met_one_after_the_other(desk: Desk, server: FaultServer) -> None:
    desk.models.download("htdemucs")
    desk.models.download("htdemucs_6s")
    desk.models.download("htdemucs")
    desk.wait_for("htdemucs_6s", ModelState.THERE)
    assert desk.models.installed == ("htdemucs", "htdemucs_6s")
    assert [name for name, _ in server.asked].count(NET) == 1


def test_a_download_is_paused_and_goes_on(desk: Desk, server: FaultServer, qtbot: QtBot) -> None:
    server.faults[NET] = ["hush"]
    with qtbot.waitSignal(
        desk.models.progressed, check_params_cb=lambda _name, one: one.done > 1000
    ):
        desk.models.download("htdemucs")
    desk.models.download("htdemucs_6s")
    desk.models.pause("htdemucs")
    view = desk.wait_for("htdemucs", ModelState.PAUSED)
    assert view.error is None
    assert view.arrived > 1000
    desk.wait_for("htdemucs_6s", ModelState.THERE)
    desk.models.download("htdemucs")
    desk.wait_for("htdemucs", ModelState.THERE)
    assert any(asked for name, asked in server.asked if name == NET)


def test_what_waits_can_be_taken_back(desk: Desk, server: FaultServer) -> None:
    server.faults[NET] = ["hush"]
    desk.models.download("htdemucs")
    desk.models.download("htdemucs_6s")
    desk.models.pause("htdemucs_6s")
    desk.models.pause("htdemucs")
    desk.wait_for("htdemucs_6s", ModelState.ABSENT)
    assert "htdemucs_6s.yaml" not in [name for name, _ in server.asked]


def test_a_failure_is_told_and_forgotten_at_the_next_try(
    desk: Desk, server: FaultServer, qtbot: QtBot
) -> None:
    server.faults["main"] = ["silence", "html"]
    for kind in (NetworkUnavailable, DownloadFailed):
        with qtbot.waitSignal(desk.models.failed) as told:
            desk.models.download("htdemucs")
            assert desk.view("htdemucs").error is None
        assert told.args[0] == "htdemucs"
        assert isinstance(desk.view("htdemucs").error, kind)
    desk.models.download("htdemucs")
    desk.wait_for("htdemucs", ModelState.THERE)


def test_files_are_taken_in(desk: Desk, tmp_path: Path, qtbot: QtBot) -> None:
    write_bag(tmp_path / "from", "mine", [make_net()])
    with qtbot.waitSignals([desk.models.arrived, desk.models.import_ended], timeout=20_000):
        desk.models.import_path(tmp_path / "from")
        assert desk.models.is_importing()
    assert not desk.models.is_importing()
    assert desk.models.installed == ("mine",)
    assert not desk.view("mine").can_download
    with qtbot.waitSignal(desk.models.failed) as told:
        desk.models.import_path(Path(__file__))
    assert told.args[0] == IMPORT
    assert isinstance(told.args[1], ModelRefused)


def test_models_of_ones_own_folder_are_seen_and_left_alone(
    desk: Desk, own: Path, qtbot: QtBot
) -> None:
    (file,) = write_bag(own, "private", [make_net()])
    with qtbot.waitSignal(desk.models.models_changed) as told:
        desk.models.refresh()
    assert told.args == [("private",)]
    assert desk.view("private").state is ModelState.OWN
    with qtbot.waitSignal(desk.models.failed):
        desk.models.remove("private")
    assert file.exists()


def test_damage_is_seen_and_mended(desk: Desk, data: DataFolder, qtbot: QtBot) -> None:
    desk.models.download("htdemucs")
    desk.wait_for("htdemucs", ModelState.THERE)
    path = data.models / "htdemucs" / NET
    path.write_bytes(path.read_bytes()[:-4] + b"oops")
    with qtbot.waitSignal(desk.models.failed) as told:
        desk.models.verify("htdemucs")
    assert isinstance(told.args[1], ModelDamaged)
    assert desk.view("htdemucs").state is ModelState.DAMAGED
    desk.models.download("htdemucs")
    desk.wait_for("htdemucs", ModelState.THERE)
    assert desk.view("htdemucs").error is None


def test_closing_stops_a_download_at_once(desk: Desk, server: FaultServer) -> None:
    server.faults[NET] = ["hush"]
    desk.models.download("htdemucs")
    server.hanging.wait()
    desk.models.close()
    desk.models.refresh()
    desk.models.download("htdemucs_6s")
    assert desk.view("htdemucs_6s").state is ModelState.ABSENT
