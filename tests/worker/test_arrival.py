"""Models from files: only what the real loader takes is ever on the shelf."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import pytest

from karaoke_studio.engines import installed_models
from karaoke_studio.errors import KaraokeError, ModelDamaged, ModelMissing, ModelRefused
from karaoke_studio.paths import DataFolder
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.model_files import find_model
from karaoke_studio.separation.shelf import Arrival, Shelf, Verdict
from karaoke_studio.worker.arrival import import_models
from tests.helpers.models import make_net, write_bag, write_legacy, write_safetensors

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def shelf(data: DataFolder) -> Shelf:
    return Shelf(data.root)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "from elsewhere"
    folder.mkdir()
    return folder


def take_in(path: Path, shelf: Shelf) -> list[str]:
    return [placed.name for placed in import_models(path, shelf, threading.Event())]


def left_over(shelf: Shelf) -> list[str]:
    """What lies about outside of models that are whole."""
    incoming = shelf.store.folder / ".incoming"
    return [path.name for path in incoming.glob("*") if path.suffix != ".lock" and path.is_file()]


def test_a_folder_with_a_yaml(shelf: Shelf, source: Path) -> None:
    write_bag(source, "mine", [make_net(), make_net(seed=1)], [[1, 0, 1, 1], [0, 1, 1, 1]], 0.5)
    told: list[Arrival] = []
    (placed,) = import_models(source, shelf, threading.Event(), told.append)
    assert (placed.name, placed.origin, placed.is_own) == ("mine", "import", True)
    assert told[-1].done == told[-1].total == placed.size
    copied, original = (find_model("mine", [place]) for place in (shelf.store.folder, source))
    assert (copied.weights, copied.segment_s) == (original.weights, original.segment_s)
    assert set(shelf.verify("mine").values()) == {Verdict.GOOD}
    # the hashes are those of where the files lie now
    assert all(".incoming" not in name for name in shelf.store.records._load())


def test_one_published_network_without_its_yaml(shelf: Shelf, source: Path) -> None:
    write_safetensors(make_net(), source / "955717e8.safetensors")
    assert take_in(source / "955717e8.safetensors", shelf) == ["htdemucs"]
    assert installed_models(shelf.folders) == ["htdemucs"]


def test_a_network_that_nobody_knows_gets_its_own_name(shelf: Shelf, source: Path) -> None:
    write_safetensors(make_net(), source / "karaoke1.safetensors")
    assert take_in(source / "karaoke1.safetensors", shelf) == ["karaoke1"]
    assert installed_models(shelf.folders) == ["karaoke1"]


def test_a_folder_of_networks_that_nobody_knows(shelf: Shelf, source: Path) -> None:
    write_safetensors(make_net(), source / "karaoke1.safetensors")
    write_safetensors(make_net(seed=1), source / "karaoke2.safetensors")
    # part of a bag is no model, wherever it lies
    write_safetensors(make_net(seed=2), source / "f7e0c4bc.safetensors")
    assert take_in(source, shelf) == ["karaoke1", "karaoke2"]


def test_an_old_file_is_converted_apart(shelf: Shelf, source: Path) -> None:
    old = write_legacy(make_net(), source, "abcd1234")
    assert take_in(old, shelf) == ["abcd1234"]
    (converted,) = (shelf.store.folder / "converted").iterdir()
    assert converted.suffix == ".safetensors"
    assert shelf.verify("abcd1234")[old.name] is Verdict.GOOD
    shelf.remove("abcd1234")
    assert not converted.exists()


def test_an_old_file_under_a_published_name_must_be_the_published_one(
    shelf: Shelf, source: Path
) -> None:
    other = write_legacy(make_net(), source, "955717e8", prefix=False)
    with pytest.raises(ModelDamaged, match="not the file that was published"):
        take_in(other, shelf)
    assert installed_models(shelf.folders) == []


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (self.marker,))

    def __init__(self, marker: str) -> None:
        self.marker = marker


def test_what_is_no_network_stays_outside(shelf: Shelf, source: Path, tmp_path: Path) -> None:
    marker = tmp_path / "it ran"
    (source / "evil.th").write_bytes(pickle.dumps(Evil(marker)))
    (source / "noise.safetensors").write_bytes(bytes(range(256)) * 40)
    (source / "text.txt").write_text("no model")
    (source / "auto.yaml").write_text("models: [noise]")
    for name, kind in {
        "evil.th": ModelRefused,
        "noise.safetensors": ModelRefused,
        "text.txt": ModelRefused,
        "auto.yaml": ModelRefused,
        "gone.th": ModelMissing,
    }.items():
        with pytest.raises(kind) as caught:
            take_in(source / name, shelf)
        assert isinstance(caught.value, KaraokeError)
        assert caught.value.hint
    assert not marker.exists()
    assert installed_models(shelf.folders) == []
    assert left_over(shelf) == []


def test_part_of_a_bag_is_not_enough(shelf: Shelf, source: Path) -> None:
    write_safetensors(make_net(), source / "f7e0c4bc.safetensors")
    with pytest.raises(ModelMissing, match="incomplete"):
        take_in(source / "f7e0c4bc.safetensors", shelf)
    with pytest.raises(ModelMissing, match="no model in"):
        take_in(source, shelf)


def test_cancel_leaves_nothing(shelf: Shelf, source: Path) -> None:
    write_safetensors(make_net(), source / "karaoke1.safetensors")
    stop = threading.Event()
    with pytest.raises(Cancelled):
        import_models(source / "karaoke1.safetensors", shelf, stop, lambda _arrival: stop.set())
    assert installed_models(shelf.folders) == []
    assert left_over(shelf) == []
