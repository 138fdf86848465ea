"""The checks of OpenVINO, in a process that nothing else runs in: beside torch it crashes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = Path(__file__).with_name("openvino_in_a_process.py")


def test_the_checks_hold_in_a_process_of_their_own() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(CHECKS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == pytest.ExitCode.OK, done.stdout[-4000:] + done.stderr[-1000:]
    assert "passed" in done.stdout
