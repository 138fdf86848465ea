"""The whole program as a process that can be killed with all its children."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from karaoke_studio.paths import DATA_DIR_VARIABLE

_ROOT = Path(__file__).resolve().parents[2]
#: How long a killed program's last child may live.
_LAST_BREATH_S = 10.0


class Program:
    """`karaoke-studio WORDS… --json`, or a broken variant of it.

    Attributes:
        told: objects that it has printed so far.
        lines: its progress so far.
    """

    def __init__(
        self,
        *words: object,
        data: Path,
        mutant: str = "",
        before: Sequence[str] = (),
        shell: str = "",
        environment: Mapping[str, str | None] | None = None,
        is_window: bool = False,
    ) -> None:
        """Start it.

        Args:
            words: what it is asked for.
            data: its data folder.
            mutant: a broken variant, or a fault that it meets; see `mutants`.
            before: a command that runs it.
            shell: what a shell does first ("ulimit -n 64").
            environment: changes of the environment; None = without the variable.
            is_window: it opens its window; nothing is printed as JSON.
        """
        start = ["-m", "tests.faults.mutants", mutant] if mutant else ["-m", "karaoke_studio"]
        command = [*before, sys.executable, *start, *(_word(word) for word in words)]
        if not is_window:
            command += ["--data-dir", str(data), "--json"]
        if shell:
            command = ["sh", "-c", f'{shell}; exec "$@"', "sh", *command]
        # found wherever it is started
        wanted = {**os.environ, "PYTHONPATH": str(_ROOT), DATA_DIR_VARIABLE: str(data)}
        wanted |= environment or {}  # type: ignore[arg-type]  # None: without it
        self.told: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self._popen = subprocess.Popen(
            command,
            env={name: value for name, value in wanted.items() if value is not None},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream, take))
            for stream, take in (
                (self._popen.stdout, lambda line: self.told.append(json.loads(line))),
                (self._popen.stderr, self.lines.append),
            )
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: IO[str], take: Any) -> None:
        for line in stream:
            take(line.strip())

    @property
    def text(self) -> str:
        """What it has said so far to people."""
        return "\n".join(self.lines)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def wait_for(self, word: str, timeout_s: float = 30) -> bool:
        """Wait until its progress says `word`; False when it ended before."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.is_running:
            if any(word in line for line in self.lines):
                return True
            time.sleep(0.002)
        return False

    def wait_for_folder(self, folder: Path, timeout_s: float = 30) -> bool:
        """Wait until a folder is there; False when the program ended before."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.is_running:
            if folder.is_dir():
                return True
            time.sleep(0.002)
        return False

    def wait(self, timeout_s: float = 60) -> int:
        """Wait for its end and return its status."""
        status = self._popen.wait(timeout_s)
        self._close()
        return status

    def kill(self) -> bool:
        """Kill it and all its children at once; False when it had ended before."""
        family = [self._popen.pid, *descendants(self._popen.pid)]
        was_running = self.is_running
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._popen.wait()
        deadline = time.monotonic() + _LAST_BREATH_S
        while any(_is_alive(pid) for pid in family) and time.monotonic() < deadline:
            time.sleep(0.005)
        self._close()
        return was_running

    def _close(self) -> None:
        for reader in self._readers:
            reader.join()
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream is not None:
                stream.close()


def tracebacks(data: Path) -> list[str]:
    """Return the last lines of the tracebacks in the logs of a data folder."""
    found = []
    for path in sorted((data / "logs").glob("*.log")):
        parts = path.read_text(encoding="utf-8", errors="replace").split("Traceback (most")
        for part in parts[1:]:
            lines = [line for line in part.splitlines()[1:] if line and line[0] != " "]
            found.append(f"{path.name}: {lines[0] if lines else part[-100:]}")
    return found


def _word(word: object) -> str:
    return os.fspath(word) if isinstance(word, Path) else str(word)


def descendants(pid: int) -> list[int]:
    """Return the children of a process, theirs, and so on."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z"
