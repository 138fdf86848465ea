"""`models` and `devices` in a terminal, from a hub that runs on this machine."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from karaoke_studio.catalogue import KNOWN_MODELS
from karaoke_studio.cli import main
from karaoke_studio.errors import EXIT_CANCELLED, EXIT_FAILED, EXIT_OK, EXIT_USAGE
from karaoke_studio.separation.calibration import (
    CalibrationRecord,
    Trial,
    calibration_key,
    processor,
)
from karaoke_studio.separation.hub import HUB_VARIABLE
from karaoke_studio.separation.model_files import find_model
from karaoke_studio.separation.model_store import ModelStore
from karaoke_studio.worker.host import WorkerDied
from tests.helpers.fault_server import COMMIT, FaultServer, fault_server
from tests.helpers.models import make_net, write_bag, write_safetensors
from tests.helpers.signals import sung_mix
from tests.helpers.street import write_song

NET = "955717e8.safetensors"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    write_safetensors(make_net(), tmp_path / NET)
    with fault_server() as server:
        server.repositories["adefossez/HTDemucs"] = {
            "htdemucs.yaml": b"models: ['955717e8']\n",
            NET: (tmp_path / NET).read_bytes(),
        }
        monkeypatch.setenv(HUB_VARIABLE, server.address)
        yield server


class Terminal:
    """Runs commands on one data folder."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._data, self._capsys = data, capsys
        self.err = ""

    def __call__(self, *words: str | Path, status: int = EXIT_OK) -> str:
        found = main([*map(str, words), "--data-dir", str(self._data)])
        out, self.err = self._capsys.readouterr()
        assert found == status, (found, out, self.err)
        return out

    def json(self, *words: str | Path, status: int = EXIT_OK) -> dict[str, Any]:
        out: dict[str, Any] = json.loads(self(*words, "--json", status=status))
        return out


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path / "data", capsys)


def test_what_was_measured_is_a_table(run: Terminal, tmp_path: Path) -> None:
    write_bag(tmp_path / "mine", "htdemucs", [make_net()])
    own = ("--model-folder", tmp_path / "mine")
    run("models", "verify", "htdemucs", *own)  # from then on its hashes are known
    data = tmp_path / "data"
    files = find_model("htdemucs", [tmp_path / "mine"])
    key = calibration_key(files, ModelStore(data), 2)
    assert key is not None
    trials = [Trial("torch-f32", 2.0, 126.0), Trial("openvino-bf16", 0.7, 41.0)]
    CalibrationRecord(data).put(key, [*trials, Trial("torch-bf16", 0, 0, "OUT_OF_MEMORY")])
    asked = ("models", "benchmark", "htdemucs", "--threads", "2", *own)
    first, second, *rows = run(*asked).splitlines()
    assert processor()["name"] in first
    assert second.split()[0] == "way"
    assert [row.split() for row in rows] == [
        ["torch-f32", "2.00", "-126.0", "exact,", "fast"],
        ["openvino-bf16", "0.70", "-41.0", "turbo"],
        ["torch-bf16", "OUT_OF_MEMORY"],
    ]
    assert run.json(*asked)["used"]["turbo"] == "openvino-bf16"
    assert run.err == "", "nothing was measured"


def test_a_downloaded_model_makes_a_song(
    run: Terminal, server: FaultServer, tmp_path: Path
) -> None:
    done = run.json("models", "download", "htdemucs")
    assert (done["status"], done["commit"], done["origin"]) == ("completed", COMMIT, "download")
    assert "for research" in run.err
    assert "for research" in done["terms"]
    vocals, band = sung_mix(3, 44_100)
    song = write_song(tmp_path / "song.wav", vocals + band, 44_100, "PCM_16")
    out = tmp_path / "out"
    made = run.json("make", song, "--engine", "htdemucs", "--out", out, "--device", "cpu")
    assert (made["engine"], made["null_exact"]) == ("htdemucs", True)
    assert run("models", "verify", "htdemucs").splitlines() == [
        f"htdemucs: {NET} is as it came",
        "htdemucs: htdemucs.yaml is as it came",
    ]
    assert run.json("models", "remove", "htdemucs")["status"] == "removed"
    assert run.json("models", "remove", "htdemucs", status=EXIT_FAILED)["status"] == "failed"


def test_list_says_what_there_is(run: Terminal, server: FaultServer, tmp_path: Path) -> None:
    listed = run.json("models", "list")
    assert [row["name"] for row in listed["models"]] == [model.name for model in KNOWN_MODELS]
    assert {row["state"] for row in listed["models"]} == {"not there"}
    assert "research" in listed["terms"]
    run("models", "download", "htdemucs", "--quiet")
    write_bag(tmp_path / "mine", "private", [make_net()])
    words = run("models", "list", "--model-folder", tmp_path / "mine").splitlines()
    assert words[0].split()[:2] == ["htdemucs", "there"]
    assert any(line.split()[:3] == ["private", "own", "folder"] for line in words)
    assert "for research" in words[-1]


def test_a_download_that_failed_says_so_and_is_resumed(
    run: Terminal, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults[NET] = ["cut", "html"]
    failed = run.json("models", "download", "htdemucs", status=EXIT_FAILED)
    assert failed["error"]["code"] == "DOWNLOAD_FAILED"
    assert "sign-in page" in run.err
    assert run.json("models", "list")["models"][0]["state"] == "in part"
    run("models", "download", "htdemucs")
    assert "htdemucs: there" in run.err


def test_ctrl_c_ends_a_download_and_keeps_what_is_there(
    run: Terminal, server: FaultServer, tmp_path: Path
) -> None:
    server.faults[NET] = ["hush"]
    waiting = tmp_path / "data" / "models" / ".incoming" / "htdemucs"

    def press() -> None:
        server.hanging.wait()
        while not any(part.stat().st_size for part in waiting.glob(f"{NET}.*.part")):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    hand = threading.Thread(target=press)
    hand.start()
    ended = run.json("models", "download", "htdemucs", status=EXIT_CANCELLED)
    hand.join()
    assert ended["status"] == "cancelled"
    assert "goes on with what is there" in run.err
    row = run.json("models", "list")["models"][0]
    assert (row["state"], row["arrived_bytes"] > 0) == ("in part", True)


def test_unknown_names_are_refused(run: Terminal) -> None:
    with pytest.raises(SystemExit) as caught:
        run("models", "download", "nothing")
    assert caught.value.code == EXIT_USAGE
    assert run.json("models", "verify", "nothing", status=EXIT_FAILED)["status"] == "failed"
    run("models", "verify", "--accept", status=EXIT_USAGE)
    run("models", "verify")


def test_import_and_verify_find_a_change(run: Terminal, tmp_path: Path) -> None:
    write_bag(tmp_path / "from", "mine", [make_net()])
    taken = run.json("models", "import", tmp_path / "from")
    assert (taken["name"], taken["status"], taken["origin"]) == ("mine", "completed", "import")
    (file,) = Path(taken["folder"]).glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    run("models", "verify", status=EXIT_FAILED)
    assert "Not every model is as it came" in run.err
    verdicts = run.json("models", "verify", "mine", status=EXIT_FAILED)
    assert verdicts["files"][file.name] == "damaged"
    failed = run.json("models", "import", tmp_path / "gone.th", status=EXIT_FAILED)
    assert failed["error"]["code"] == "MODEL_MISSING"


def test_a_changed_file_of_ones_own_can_be_accepted(run: Terminal, tmp_path: Path) -> None:
    own = tmp_path / "mine"
    (file,) = write_bag(own, "private", [make_net()])
    look = ("models", "verify", "private", "--model-folder", own)
    assert "remembered from now on" in run(*look)
    write_safetensors(make_net(seed=4), file)
    run(*look, status=EXIT_FAILED)
    run(*look, "--accept")
    assert "as it came" in run(*look)


class BrokenDriver:
    """A worker whose child does not survive a graphics card."""

    def __init__(self, *_args: Any, **_options: Any) -> None:
        self.is_closed = False

    def run(self, task: str, args: dict[str, Any], **_options: Any) -> dict[str, Any]:
        if task == "devices":
            names = ("cuda:0", "cpu")
            found = [{"name": n, "label": n.upper(), "memory_mb": None} for n in names]
            found[0]["memory_mb"] = 24 << 10
            unused = {"label": "AMD graphics", "reason": "not known", "advice": "Type: this"}
            return {"torch": "2", "devices": found, "unused": [unused | {"state": "not_built"}]}
        if args["name"] == "cuda:0":
            raise WorkerDied("engine", -11)
        return {"name": "cpu", "works": True, "seconds": 0.0, "reason": "", "advice": ""}

    def close(self) -> None:
        self.is_closed = True


def test_a_driver_that_crashes_is_told_and_not_used(
    run: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("karaoke_studio.cli_models.Worker", BrokenDriver)
    facts = run.json("devices")
    assert [device["works"] for device in facts["devices"]] == [False, True]
    assert facts["auto"] == "cpu"
    words = run("devices")
    assert "CUDA:0, 24 GB: does not work: it crashes the program" in words
    assert "CPU: works" in words
    assert "AMD graphics: cannot be used: not known" in words
    assert "AMD graphics: Type: this" in words
    why = "Automatic takes the processor, not CUDA:0: it crashes the program."
    assert words.rstrip().endswith(why)
    assert facts["explanation"] == why


def test_devices(run: Terminal) -> None:
    facts = run.json("devices")
    assert facts["devices"][-1]["name"] == "cpu"
    assert facts["devices"][-1]["works"] is True
    assert facts["auto"] in {device["name"] for device in facts["devices"]}
    assert "cpu" in run("devices")
    assert facts["explanation"] in run("devices")
