from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from karaoke_studio.awake import Awake

pytestmark = [
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.skipif(sys.platform != "linux", reason="stands in for systemd-inhibit"),
]

#: Behaves as the real one: runs the last argument and ends with it.
_INHIBIT = """#!/bin/sh
echo "$$ $*" >> "{folder}/calls"
for last; do :; done
"$last"
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system that can hold off sleep; the file says who asked."""
    program = tmp_path / "systemd-inhibit"
    program.write_text(_INHIBIT.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "calls"


def wait_for(condition: object, seconds: float = 3.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.01)
    assert condition()  # type: ignore[operator]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_sleep_is_held_off_once_and_let_go(calls: Path) -> None:
    awake = Awake()
    awake.hold()
    awake.hold()
    wait_for(calls.exists)
    wait_for(lambda: calls.read_text().endswith("\n"))
    (line,) = calls.read_text().splitlines()
    assert "--what=sleep:idle" in line
    assert "Karaoke Studio" in line
    pid = int(line.split()[0])
    assert is_running(pid)
    started = time.monotonic()
    awake.release()
    assert time.monotonic() - started < 0.5
    assert not is_running(pid)
    awake.release()
    awake.hold()
    wait_for(lambda: len(calls.read_text().splitlines()) == 2)
    awake.release()


def test_a_killed_program_lets_go(calls: Path) -> None:
    code = "import time; from karaoke_studio.awake import Awake; a = Awake(); a.hold()"
    program = subprocess.Popen([sys.executable, "-c", f"{code}; time.sleep(60)"])
    with program:
        wait_for(lambda: calls.exists() and calls.read_text().strip())
        program.send_signal(signal.SIGKILL)
    pid = int(calls.read_text().split()[0])
    wait_for(lambda: not is_running(pid))


@pytest.mark.parametrize("kind", ["missing", "refuses", "broken"])
def test_a_system_without_the_means_is_left_alone(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / "systemd-inhibit"
    if kind == "refuses":
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
    elif kind == "broken":
        program.write_bytes(b"\x7fELF no program")
        program.chmod(0o755)
    else:
        assert shutil.which("systemd-inhibit") is None
    awake = Awake()
    awake.hold()
    assert awake.is_held
    time.sleep(0.05)
    awake.release()
    assert not awake.is_held
