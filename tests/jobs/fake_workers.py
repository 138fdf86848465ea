"""Workers with behaviour and without processes: what a job meets is written in its file's name.

"slow" waits in the engine till it is let go or cancelled · "broken" cannot be read · "bug" raises
what no task should · "exit" calls sys.exit · "dies" loses its child every time · "once" the first
time only.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

from karaoke_studio.errors import CorruptAudio, DeviceLost
from karaoke_studio.progress import Cancelled
from karaoke_studio.worker.host import WorkerDied
from tests.library.takes import FACTS


class FakeWorker:
    """Runs the tasks of a job in the caller's thread."""

    start_wait_s = 0.0

    def __init__(self, shop: FakeWorkers) -> None:
        self._shop = shop

    def start(self) -> None:
        """Nothing to start."""

    def close(self) -> None:
        """Nothing to close."""

    def run(
        self,
        task: str,
        args: dict[str, Any],
        *,
        on_progress: Any = None,
        stop: threading.Event | None = None,
        stall_s: float | None = None,
        hints: Any = dict,
    ) -> dict[str, Any]:
        stop = stop or threading.Event()
        if stop.is_set():
            raise Cancelled
        tell = on_progress or (lambda _facts: None)
        self._shop.tasks.append((task, args))
        return getattr(self, f"_{task}")(args, tell, stop)

    def _import_song(self, args: dict[str, Any], tell: Any, stop: threading.Event) -> Any:
        path, staging = Path(args["path"]), Path(args["staging"])
        self._shop.misbehave(path.name)
        if args["copy"]:
            (staging / "copy.mp3").write_bytes(b"original")
        tell({"described": {"title": path.stem, "artist": "A", "cover": None, "duration_s": 2.0}})
        tell({"fraction": 1.0})
        copy = "copy.mp3" if args["copy"] else None
        tags = {"title": path.stem}
        return {**FACTS, "tags": tags, "cover": None, "copy": copy, "words": [], "notes": []}

    def _separate(self, args: dict[str, Any], tell: Any, stop: threading.Event) -> Any:
        tell({"fraction": 0.5})
        if "slow" in args["song"]["tags"]["title"]:
            self._shop.separating.set()
            while not self._shop.let_go.wait(0.005):
                if stop.is_set():
                    raise Cancelled
        tell({"fraction": 1.0})
        return {"engine": "centre"}

    def _write_pair(self, args: dict[str, Any], _tell: Any, _stop: threading.Event) -> Any:
        for stem, path in args["files"].items():
            Path(path).write_bytes(stem.encode())
        if args["peaks"]:
            Path(args["peaks"]).write_bytes(b"peaks")
        return {
            "gain": 1.0,
            "null_test_db": -200.0,
            "null_exact": True,
            "sha256": dict.fromkeys(args["files"], "00"),
            "notes": [],
            "sample_rate": FACTS["sample_rate"],
        }

    def _restore_take(self, args: dict[str, Any], tell: Any, stop: threading.Event) -> Any:
        self._shop.restoring.set()
        while self._shop.hold_exports.is_set():
            if stop.wait(0.005):
                raise Cancelled
        self._shop.misbehave(args["song"]["tags"]["title"])
        tell({"fraction": 1.0})
        return {"frames": args["song"]["frames"]}

    def _write_fix(self, args: dict[str, Any], tell: Any, stop: threading.Event) -> Any:
        return self._write_pair(args, tell, stop) | {"gain": 2.0 ** -args["shift_bits"]}

    def _analyse(self, args: dict[str, Any], tell: Any, _stop: threading.Event) -> Any:
        tell({"fraction": 1.0})
        return {"bpm": 120.0, "key": "A minor", "lufs": -14.0, "stem_lufs": {}, "beats": None}

    def _judge_split(self, _args: dict[str, Any], tell: Any, _stop: threading.Event) -> Any:
        tell({"fraction": 1.0})
        return {"quality": None}

    def _song_length(self, args: dict[str, Any], _tell: Any, _stop: threading.Event) -> Any:
        path = Path(args["path"])
        if "broken" in path.name:
            raise CorruptAudio(f"{path.name} is broken.")
        return {"seconds": None if "endless" in path.name else 60.0}

    def _devices(self, _args: dict[str, Any], _tell: Any, _stop: threading.Event) -> Any:
        if not self._shop.devices:
            raise DeviceLost("The driver is broken.")
        found = [
            {"name": n, "label": n.upper(), "memory_mb": 8192 if "cuda" in n else None}
            for n in self._shop.devices
        ]
        unused = {"label": "Intel graphics", "reason": "not known", "advice": "Type this"}
        return {"devices": found, "unused": [unused]}

    def _probe_device(self, args: dict[str, Any], _tell: Any, _stop: threading.Event) -> Any:
        if args["name"] == "cuda:1":
            raise WorkerDied("engine", -11)
        works = args["name"] != "mps"
        reason = "" if works else "it computes wrongly"
        return {"works": works, "reason": reason, "advice": reason and "Update its driver."}

    def _sound_outputs(self, _args: dict[str, Any], _tell: Any, stop: threading.Event) -> Any:
        self._shop.watching.append(threading.current_thread().name)
        if len(self._shop.watching) == 1:
            raise DeviceLost("The first look fails.")
        return {"outputs": ["Speakers"]}


class FakeWorkers:
    """The children a queue needs."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, dict[str, Any]]] = []
        self.watching: list[str] = []
        self.devices = ["cuda:0", "cuda:1", "mps", "cpu"]
        self.separating = threading.Event()
        self.let_go = threading.Event()
        self.restoring = threading.Event()
        self.hold_exports = threading.Event()
        self._met: set[str] = set()
        self.interactive = self.transfer = FakeWorker(self)
        self.builtin = self.engine = self.analysis = FakeWorker(self)

    def another_engine(self) -> FakeWorker:
        """Return a child for questions."""
        return FakeWorker(self)

    def inputs(self) -> list[str]:
        """Return the names of the files that were opened, in order."""
        return [Path(args["path"]).name for task, args in self.tasks if task == "import_song"]

    def misbehave(self, name: str) -> None:
        """Do what a file's name says."""
        if "once" in name and name in self._met:
            return
        self._met.add(name)
        if "broken" in name:
            raise CorruptAudio(f"{name} is broken.", hint="Get it once more.")
        if "bug" in name:
            raise KeyError(name)
        if "exit" in name:
            sys.exit(3)
        if "dies" in name:
            raise WorkerDied("transfer", -9)
