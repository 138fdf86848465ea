"""Models that arrive over a network that goes wrong, and what is on the shelf afterwards."""

from __future__ import annotations

import gc
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from karaoke_studio.catalogue import KnownModel, known_model
from karaoke_studio.engines import installed_models
from karaoke_studio.errors import (
    DiskFull,
    DownloadFailed,
    KaraokeError,
    ModelDamaged,
    ModelMissing,
    ModelRefused,
    NetworkUnavailable,
    OutputNotWritable,
)
from karaoke_studio.paths import DataFolder
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.converted import conversions_folder
from karaoke_studio.separation.hub import HUB_VARIABLE, Hub
from karaoke_studio.separation.model_files import find_model
from karaoke_studio.separation.model_networks import is_empty, load_model
from karaoke_studio.separation.shelf import RECORD, Arrival, Shelf, Verdict
from karaoke_studio.separation.web import Patience, check_url
from tests.helpers.disks import fill_disk
from tests.helpers.fault_server import COMMIT, FaultServer, fault_server
from tests.helpers.models import make_net, write_bag, write_safetensors

MODEL = known_model("htdemucs")
NET = "955717e8.safetensors"
WHOLE = {NET: Verdict.GOOD, "htdemucs.yaml": Verdict.GOOD}
#: As patient as a test may be.
QUICK = Patience(answer_s=0.5, stall_s=0.4, stall_bytes=1000, tries=2, pause_s=0.01)

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A true network, as small as they get."""
    path = tmp_path_factory.mktemp("net") / NET
    write_safetensors(make_net(), path)
    return path.read_bytes()


@pytest.fixture
def server(body: bytes) -> Iterator[FaultServer]:
    with fault_server() as server:
        server.repositories[MODEL.repository] = {
            "htdemucs.yaml": b"models: ['955717e8']\n",
            NET: body,
            "README.md": b"Weights.",
        }
        yield server


@pytest.fixture
def shelf(data: DataFolder) -> Shelf:
    return Shelf(data.root)


def bring(
    shelf: Shelf,
    server: FaultServer,
    stop: threading.Event | None = None,
    model: KnownModel = MODEL,
) -> list[Arrival]:
    told: list[Arrival] = []
    shelf.download(model, Hub(server.address, QUICK), stop or threading.Event(), told.append)
    return told


def visible(shelf: Shelf) -> list[str]:
    """What a person finds in the folder of models."""
    return sorted(path.name for path in shelf.store.folder.iterdir() if path.name[0] != ".")


def test_a_model_arrives_whole(shelf: Shelf, server: FaultServer, body: bytes) -> None:
    told = bring(shelf, server)
    assert installed_models(shelf.folders) == ["htdemucs"]
    assert visible(shelf) == ["htdemucs"]
    assert (shelf.store.folder / "htdemucs" / NET).read_bytes() == body
    placed = shelf.placed("htdemucs")
    assert (placed.origin, placed.commit, placed.is_own) == ("download", COMMIT, True)
    record = json.loads((placed.folder / RECORD).read_text())
    assert record["repository"] == MODEL.repository
    assert record["licence"] == "other"
    assert record["files"][NET]["size"] == len(body)
    # the pin that every load compares with
    assert shelf.store.records.expected(placed.folder / NET) == record["files"][NET]["sha256"]
    assert told[-1] == Arrival(told[-1].total, told[-1].total)
    assert all(one.done <= two.done for one, two in itertools.pairwise(told))
    # main is asked for once, and the files are those of its commit
    assert [name for name, _ in server.asked] == ["main", "htdemucs.yaml", NET]


def test_what_arrived_is_loaded_and_a_later_change_is_not(
    shelf: Shelf, server: FaultServer
) -> None:
    bring(shelf, server)
    files = find_model("htdemucs", shelf.folders)
    assert load_model(files, shelf.store).sources == ("drums", "bass", "other", "vocals")
    assert shelf.verify("htdemucs") == WHOLE
    data = bytearray(files.files[0].path.read_bytes())
    data[-1] ^= 1
    files.files[0].path.write_bytes(data)
    with pytest.raises(ModelDamaged):
        load_model(files, shelf.store)
    assert shelf.verify("htdemucs") == WHOLE | {NET: Verdict.DAMAGED}
    with pytest.raises(ModelDamaged):
        shelf.verify("htdemucs", accept=True)
    # a new download mends it
    bring(shelf, server)
    assert shelf.verify("htdemucs") == WHOLE
    assert visible(shelf) == ["htdemucs"]


def test_a_model_that_is_there_is_not_fetched_again(shelf: Shelf, server: FaultServer) -> None:
    bring(shelf, server)
    server.asked.clear()
    bring(shelf, server)
    assert [name for name, _ in server.asked] == ["main"]


def test_a_new_version_takes_the_place_of_the_old(
    shelf: Shelf, server: FaultServer, tmp_path: Path
) -> None:
    bring(shelf, server)
    write_safetensors(make_net(seed=9), tmp_path / NET)
    server.repositories[MODEL.repository][NET] = (tmp_path / NET).read_bytes()
    server.commit = COMMIT[::-1]
    bring(shelf, server)
    assert shelf.placed("htdemucs").commit == COMMIT[::-1]
    assert shelf.verify("htdemucs") == WHOLE


def test_a_cut_line_is_taken_up_again(shelf: Shelf, server: FaultServer, body: bytes) -> None:
    server.faults[NET] = ["cut", "cut"]
    bring(shelf, server)
    ranges = [asked for name, asked in server.asked if name == NET]
    half = len(body) // 2
    assert ranges == ["", f"bytes={half}-", f"bytes={half + (len(body) - half) // 2}-"]
    assert shelf.verify("htdemucs") == WHOLE


def test_a_line_that_is_always_cut_can_be_resumed_later(shelf: Shelf, server: FaultServer) -> None:
    server.faults[NET] = ["cut"] * 3
    with pytest.raises(DownloadFailed, match="broke off") as caught:
        bring(shelf, server)
    assert "Resume" in caught.value.hint
    arrived = shelf.arrived_bytes("htdemucs")
    assert arrived > 0
    assert visible(shelf) == []
    assert installed_models(shelf.folders) == []
    server.asked.clear()
    told = bring(shelf, server)
    assert (NET, f"bytes={arrived}-") in server.asked
    assert next(one.done for one in told if one.done > 1000) >= arrived
    assert shelf.arrived_bytes("htdemucs") == 0


def test_a_server_that_ignores_ranges_sends_all_again(shelf: Shelf, server: FaultServer) -> None:
    server.faults[NET] = ["cut", "whole"]
    bring(shelf, server)
    assert shelf.verify("htdemucs") == WHOLE


def test_a_part_that_was_changed_meanwhile_is_noticed(shelf: Shelf, server: FaultServer) -> None:
    server.faults[NET] = ["cut"] * 3
    with pytest.raises(DownloadFailed):
        bring(shelf, server)
    (part,) = shelf.store.folder.glob(f".incoming/htdemucs/{NET}.*.part")
    data = bytearray(part.read_bytes())
    data[100] ^= 1
    part.write_bytes(data)
    with pytest.raises(DownloadFailed, match="did not arrive as the hub has it"):
        bring(shelf, server)
    assert not part.exists()


@pytest.mark.parametrize(
    ("name", "faults", "kind", "words"),
    [
        (NET, ["flip"], DownloadFailed, "did not arrive as the hub has it"),
        (NET, ["short"], DownloadFailed, "another size"),
        (NET, ["long"], DownloadFailed, "another size"),
        (NET, ["404"], DownloadFailed, "does not give out"),
        (NET, ["503"], DownloadFailed, "cannot give out .* now"),
        (NET, ["html"], DownloadFailed, "sign-in page"),
        (NET, ["drip"], DownloadFailed, "stands still"),
        (NET, ["hush"], DownloadFailed, "stands still"),
        (NET, ["silence"], NetworkUnavailable, "does not answer"),
        (NET, ["elsewhere"], DownloadFailed, "no safe connection"),
        ("htdemucs.yaml", ["flip"], DownloadFailed, "did not arrive as the hub has it"),
        ("main", ["html"], DownloadFailed, "sign-in page"),
        ("main", ["404"], DownloadFailed, "does not give out"),
        ("main", ["silence"], NetworkUnavailable, "does not answer"),
        ("main", ["hang up"], NetworkUnavailable, "does not answer"),
        ("main", ["elsewhere"], DownloadFailed, "no safe connection"),
    ],
)
def test_nothing_wrong_ever_arrives(
    shelf: Shelf,
    server: FaultServer,
    name: str,
    faults: list[str],
    kind: type[KaraokeError],
    words: str,
) -> None:
    server.faults[name] = faults
    started_s = time.monotonic()
    with pytest.raises(kind, match=words) as caught:
        bring(shelf, server)
    assert time.monotonic() - started_s < 5
    assert caught.value.hint
    assert visible(shelf) == []
    assert installed_models(shelf.folders) == []
    del caught
    gc.collect()  # a socket left open is told here
    # and it can be tried again at once
    bring(shelf, server)
    assert shelf.verify("htdemucs") == WHOLE


def test_a_small_file_may_be_slow(shelf: Shelf, server: FaultServer) -> None:
    server.faults["htdemucs.yaml"] = ["drip"]
    patient = replace(QUICK, stall_bytes=1)
    shelf.download(MODEL, Hub(server.address, patient), threading.Event())
    assert shelf.verify("htdemucs") == WHOLE


def test_offline_is_told_at_once(shelf: Shelf) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    started_s = time.monotonic()
    with pytest.raises(NetworkUnavailable, match="offline") as caught:
        shelf.download(MODEL, Hub(address), threading.Event())
    assert time.monotonic() - started_s < 1
    assert "imported" in caught.value.hint


def test_a_server_that_goes_away_is_told(shelf: Shelf, server: FaultServer) -> None:
    server.faults[NET] = ["hush"]
    gone = threading.Thread(target=lambda: server.hanging.wait() and server.closing.set())
    gone.start()
    patient = replace(QUICK, stall_s=5.0, tries=0)
    with pytest.raises(DownloadFailed, match="broke off"):
        shelf.download(MODEL, Hub(server.address, patient), threading.Event())
    gone.join()
    assert shelf.arrived_bytes("htdemucs") > 0


@pytest.mark.parametrize("fault", ["silence", "hush"])
def test_cancel_is_obeyed_while_nothing_comes(
    shelf: Shelf, server: FaultServer, fault: str
) -> None:
    server.faults[NET] = [fault]
    stop, stopped_s = threading.Event(), [0.0]

    def cancel() -> None:
        server.hanging.wait()
        stopped_s[0] = time.monotonic()
        stop.set()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        shelf.download(MODEL, Hub(server.address), stop)
    assert time.monotonic() - stopped_s[0] < 0.5
    thread.join()
    assert visible(shelf) == []
    bring(shelf, server)
    assert installed_models(shelf.folders) == ["htdemucs"]


def test_two_at_once_do_not_meet(shelf: Shelf, server: FaultServer) -> None:
    server.faults[NET] = ["hush"]
    stop = threading.Event()
    ends: list[BaseException] = []

    def first() -> None:
        try:
            shelf.download(MODEL, Hub(server.address), stop)
        except Cancelled as exc:
            ends.append(exc)

    thread = threading.Thread(target=first)
    thread.start()
    server.hanging.wait()
    # as another program would: locks belong to open files
    with pytest.raises(DownloadFailed, match="arriving already"):
        bring(Shelf(shelf.store.data), server)
    stop.set()
    thread.join()
    assert len(ends) == 1
    bring(shelf, server)


def test_a_full_disk_is_told_before_anything_is_fetched(
    small_disk: Path, server: FaultServer
) -> None:
    shelf = Shelf(small_disk)
    with pytest.raises(DiskFull, match="too little room"):
        bring(shelf, server)
    assert [name for name, _ in server.asked] == ["main"]


def test_a_disk_that_fills_up_on_the_way_is_told(
    small_disk: Path, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(small_disk)
    monkeypatch.setattr(Shelf, "check_room", lambda _self, _size: None)
    server.repositories[MODEL.repository][NET] += bytes(2 << 20)
    with pytest.raises(DiskFull):
        bring(shelf, server)
    fill_disk(small_disk)
    with pytest.raises(DiskFull):
        bring(shelf, server)
    assert installed_models(shelf.folders) == []


def test_a_repository_without_a_file_of_the_model_is_refused(
    shelf: Shelf, server: FaultServer
) -> None:
    del server.repositories[MODEL.repository][NET]
    with pytest.raises(ModelMissing, match="no longer offers"):
        bring(shelf, server)


@pytest.mark.parametrize(
    "change",
    [
        {"sha": "main"},
        {"siblings": None},
        {"siblings": [{"rfilename": "htdemucs.yaml", "size": 10}]},
        {"siblings": [{"rfilename": "htdemucs.yaml", "size": -1, "blobId": COMMIT}]},
    ],
)
def test_a_hub_that_states_nonsense_is_refused(
    shelf: Shelf,
    server: FaultServer,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object],
) -> None:
    listing = server.listing(MODEL.repository) | change
    monkeypatch.setattr(server, "listing", lambda _repository: listing)
    with pytest.raises(DownloadFailed, match="Something other than the hub"):
        bring(shelf, server)


def test_weights_without_the_strong_hash_are_refused(
    shelf: Shelf, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = server.listing(MODEL.repository)
    for one in listing["siblings"]:
        one.pop("lfs", None)
    monkeypatch.setattr(server, "listing", lambda _repository: listing)
    with pytest.raises(DownloadFailed):
        bring(shelf, server)
    assert [name for name, _ in server.asked] == ["main"]


def test_a_yaml_that_is_none_never_becomes_visible(shelf: Shelf, server: FaultServer) -> None:
    server.repositories[MODEL.repository]["htdemucs.yaml"] = b"models: [../../x]\n"
    with pytest.raises(ModelRefused):
        bring(shelf, server)
    assert visible(shelf) == []


def test_only_safe_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    check_url("https://huggingface.co/x")
    check_url("http://127.0.0.1:8000/x")
    for address in ("http://huggingface.co/x", "ftp://a/b", "file:///etc/passwd", "https:///x", ""):
        with pytest.raises(DownloadFailed):
            check_url(address)
    monkeypatch.delenv(HUB_VARIABLE, raising=False)
    assert Hub.chosen().address == "https://huggingface.co"
    monkeypatch.setenv(HUB_VARIABLE, "https://mirror.example/")
    assert Hub.chosen().address == "https://mirror.example"


# ------------------------------------------------------------------ on the shelf


def test_removing_takes_all_of_it(shelf: Shelf, server: FaultServer) -> None:
    bring(shelf, server)
    path = shelf.placed("htdemucs").folder / NET
    cached = [conversions_folder(shelf.store.data, name) for name in ("htdemucs", "htdemucs_ft")]
    for folder in cached:
        (folder / "0123").mkdir(parents=True)
    shelf.remove("htdemucs")
    assert visible(shelf) == []
    assert [folder.exists() for folder in cached] == [False, True]
    assert shelf.store.records.expected(path) is None
    with pytest.raises(ModelMissing):
        shelf.remove("htdemucs")


def test_removing_also_takes_what_has_arrived_so_far(shelf: Shelf, server: FaultServer) -> None:
    server.faults[NET] = ["cut"] * 3
    with pytest.raises(DownloadFailed):
        bring(shelf, server)
    shelf.remove("htdemucs")
    assert shelf.arrived_bytes("htdemucs") == 0


def test_loose_files_are_replaced_and_removed_too(shelf: Shelf, server: FaultServer) -> None:
    write_bag(shelf.store.folder, "htdemucs", [make_net(seed=5)])
    assert shelf.placed("htdemucs").folder == shelf.store.folder
    bring(shelf, server)
    assert visible(shelf) == ["htdemucs"]
    write_bag(shelf.store.folder, "other", [make_net(seed=5)])
    shelf.remove("other")
    assert visible(shelf) == ["htdemucs"]


def test_a_persons_own_folder_is_left_alone(data: DataFolder, tmp_path: Path) -> None:
    (file,) = write_bag(tmp_path / "mine", "htdemucs", [make_net()])
    shelf = Shelf(data.root, tmp_path / "mine")
    assert shelf.verify("htdemucs") == {file.name: Verdict.NEW}
    assert shelf.verify("htdemucs") == {file.name: Verdict.GOOD}
    with pytest.raises(OutputNotWritable, match="your own folder"):
        shelf.remove("htdemucs")
    assert file.exists()
    # its bytes hold from their first use on
    write_safetensors(make_net(seed=2), file)
    assert shelf.verify("htdemucs") == {file.name: Verdict.DAMAGED}
    assert shelf.verify("htdemucs", accept=True) == {file.name: Verdict.NEW}
    assert shelf.verify("htdemucs") == {file.name: Verdict.GOOD}


def test_what_cannot_be_put_in_place_leaves_the_old_one(
    shelf: Shelf, server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bring(shelf, server)
    write_safetensors(make_net(seed=9), tmp_path / NET)
    server.repositories[MODEL.repository][NET] = (tmp_path / NET).read_bytes()
    server.commit = COMMIT[::-1]
    rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if target == shelf.store.folder / "htdemucs" and path.parent.name == ".incoming":
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OutputNotWritable):
        bring(shelf, server)
    assert shelf.placed("htdemucs").commit == COMMIT
    assert shelf.verify("htdemucs") == WHOLE


def test_what_a_crash_left_half_done_is_mended(shelf: Shelf, server: FaultServer) -> None:
    bring(shelf, server)
    incoming = shelf.store.folder / ".incoming"
    attic = incoming / f".old-htdemucs-{'a' * 32}"
    attic.mkdir()
    (shelf.store.folder / "htdemucs").rename(attic / "htdemucs")
    (incoming / f".new-htdemucs-{'b' * 32}").mkdir()
    other = incoming / f".new-htdemucs_ft-{'b' * 32}"
    other.mkdir()
    server.asked.clear()
    bring(shelf, server)
    assert [name for name, _ in server.asked] == ["main"]
    assert shelf.verify("htdemucs") == WHOLE
    assert list(incoming.glob(".*")) == [other]


# ------------------------------------------------------------------ only what a pair needs

FT = known_model("htdemucs_ft")
VOCALS = "04573f0d.safetensors"
FT_YAML = b"models: [f7e0c4bc, d12395a8, 92cfc3b6, 04573f0d]\nweights: [%b]\n"
ROWS = [b"[%s]" % b", ".join(b"1." if a == b else b"0." for a in range(4)) for b in range(4)]


@pytest.fixture
def specialists(server: FaultServer, tmp_path: Path) -> FaultServer:
    """A hub with four networks, one for each stem."""
    files = {"htdemucs_ft.yaml": FT_YAML % b", ".join(ROWS)}
    for seed, signature in enumerate(FT.signatures):
        path = tmp_path / f"{signature}.safetensors"
        write_safetensors(make_net(seed=seed), path)
        files[path.name] = path.read_bytes()
    server.repositories[FT.repository] = files
    return server


def bring_ft(shelf: Shelf, server: FaultServer, *, pair_only: bool) -> list[str]:
    """Download and return what was asked of the hub."""
    server.asked.clear()
    shelf.download(FT, Hub(server.address), threading.Event(), pair_only=pair_only)
    return [name for name, _ in server.asked]


def test_a_pair_takes_a_quarter_of_a_fine_tuned_model(
    shelf: Shelf, specialists: FaultServer
) -> None:
    assert bring_ft(shelf, specialists, pair_only=True) == ["main", "htdemucs_ft.yaml", VOCALS]
    placed = shelf.placed("htdemucs_ft")
    assert not placed.is_whole
    assert placed.size == len(specialists.repositories[FT.repository][VOCALS])
    assert set(shelf.verify("htdemucs_ft").values()) == {Verdict.GOOD}
    # once is enough
    assert bring_ft(shelf, specialists, pair_only=True) == ["main"]
    files = find_model("htdemucs_ft", shelf.folders)
    part = load_model(files, shelf.store, stems=["vocals"])
    assert [is_empty(network) for network in part.networks] == [True, True, True, False]
    with pytest.raises(ModelMissing, match="only some parts") as caught:
        load_model(files, shelf.store)
    assert "models download htdemucs_ft --stems all" in caught.value.hint
    with pytest.raises(ModelMissing):
        load_model(files, shelf.store, stems=["vocals", "bass"])
    assert installed_models(shelf.folders) == ["htdemucs_ft"]
    assert installed_models(shelf.folders, whole=True) == []
    # the rest comes later, without what is there
    others = {f"{signature}.safetensors" for signature in FT.signatures} - {VOCALS}
    asked = {*bring_ft(shelf, specialists, pair_only=False)}
    assert asked - {"main", "htdemucs_ft.yaml"} == others
    assert shelf.placed("htdemucs_ft").is_whole
    assert installed_models(shelf.folders, whole=True) == ["htdemucs_ft"]
    whole = load_model(find_model("htdemucs_ft", shelf.folders), shelf.store)
    for name, value in whole.networks[3].state_dict().items():
        assert value.equal(part.networks[3].state_dict()[name])
    # and is not taken away by asking for less
    assert bring_ft(shelf, specialists, pair_only=True) == ["main"]
    assert shelf.placed("htdemucs_ft").is_whole


def test_what_a_pair_needs_is_read_from_the_weights_and_not_assumed(
    shelf: Shelf, specialists: FaultServer
) -> None:
    rows = [ROWS[0], ROWS[1], ROWS[2].replace(b"0.]", b"1.]"), ROWS[3]]
    files = specialists.repositories[FT.repository]
    files["htdemucs_ft.yaml"] = FT_YAML % b", ".join(rows)
    with pytest.raises(DownloadFailed, match="another way") as caught:
        bring_ft(shelf, specialists, pair_only=True)
    assert "--stems all" in caught.value.hint
    assert installed_models(shelf.folders) == []
    bring_ft(shelf, specialists, pair_only=False)
    assert shelf.placed("htdemucs_ft").is_whole


def test_models_of_one_piece_are_brought_whole(shelf: Shelf, server: FaultServer) -> None:
    shelf.download(MODEL, Hub(server.address), threading.Event(), pair_only=True)
    assert shelf.placed("htdemucs").is_whole
    assert MODEL.pair_bytes == MODEL.size_bytes
    assert FT.pair_bytes == FT.size_bytes // 4
