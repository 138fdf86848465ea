"""Fixtures for all tests: no real home, no real screen, and nothing left behind where asked."""

from __future__ import annotations

import gc
import logging
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from karaoke_studio.paths import DATA_DIR_VARIABLE, DataFolder
from karaoke_studio.worker.compiled import COMPILED_DIR_VARIABLE, own_compiled_folder
from tests.helpers.compiled import compile_once

# before anybody imports Qt
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# before anybody imports librosa; compiled once, not in every test's data folder
os.environ[COMPILED_DIR_VARIABLE] = str(Path(__file__).parents[1] / "build" / "compiled")
_COMPILED = own_compiled_folder(Path())


def pytest_configure(config: pytest.Config) -> None:
    """Compile librosa before test processes do so beside each other, each for itself."""
    if config.getoption("numprocesses", None) and _COMPILED.name == "0":
        compile_once(_COMPILED)


@pytest.fixture(scope="session", autouse=True)
def _no_real_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep every test, and every program a test starts, away from the person's own data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_DIR_VARIABLE, str(tmp_path_factory.mktemp("home") / "data"))
        yield


@pytest.fixture(autouse=True)
def _own_log_files() -> Iterator[None]:
    """Close the log files a test's program opened; else the next test writes into them."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in root.handlers[:]:
        if handler not in before and isinstance(handler, logging.FileHandler):
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    """A data folder of its own."""
    return DataFolder(tmp_path / "data").create()


class AllowedLog:
    """What a test expects to be warned about; anything else of that rank fails it."""

    def __init__(self) -> None:
        self._patterns: list[str] = []

    def allow(self, pattern: str) -> None:
        """Expect a message of WARNING or above that this regular expression finds."""
        self._patterns.append(pattern)

    def unexpected(self, records: list[logging.LogRecord]) -> list[str]:
        """Return what nobody expected."""
        loud = [record for record in records if record.levelno >= logging.WARNING]
        return [
            f"{record.levelname} {record.name}: {record.getMessage()}"
            for record in loud
            if not any(re.search(pattern, record.getMessage()) for pattern in self._patterns)
        ]


@pytest.fixture
def calm_log(caplog: pytest.LogCaptureFixture) -> Iterator[AllowedLog]:
    """Fail on any record of WARNING or above that the test did not allow."""
    allowed = AllowedLog()
    yield allowed
    unexpected = allowed.unexpected(caplog.get_records("call"))
    assert not unexpected, unexpected


def child_processes() -> set[int]:
    """Return the ids of this process's children (Linux; elsewhere none are seen)."""
    found: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            found |= {int(pid) for pid in task.read_text().split()}
        except OSError:  # the thread ended meanwhile
            continue
    return found


def open_descriptors() -> set[str]:
    """Return what this process has open, as `number target` (Linux; elsewhere nothing)."""
    found = set()
    folder = Path("/proc/self/fd")
    for entry in folder.iterdir() if folder.exists() else ():
        try:
            found.add(f"{entry.name} {entry.readlink()}")
        except OSError:
            continue
    return found


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Fail when a thread, a child process or an open file outlives the test."""
    threads, children = set(threading.enumerate()), child_processes()
    descriptors = open_descriptors()
    yield
    deadline = time.monotonic() + 3
    while True:
        # Qt's threads leave a dummy behind once Python has seen them
        left: list[object] = [
            thread
            for thread in threading.enumerate()
            if thread not in threads and not isinstance(thread, threading._DummyThread)
        ]
        left += child_processes() - children
        left += sorted(open_descriptors() - descriptors)
        if not left or time.monotonic() > deadline:
            break
        gc.collect()  # what only waits to be collected is not left behind
        time.sleep(0.01)
    assert not left, f"left behind: {left}"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte (needs root; skipped without)."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount program")
    if done.returncode:
        pytest.skip("mounting a disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
