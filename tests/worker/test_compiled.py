"""Compiled code of processes that run at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from karaoke_studio.worker.compiled import COMPILED_DIR_VARIABLE

TAKE = (
    "import os, sys\n"
    "from pathlib import Path\n"
    "from karaoke_studio.worker.compiled import own_compiled_folder\n"
    "own = own_compiled_folder(Path(sys.argv[1]))\n"
    "assert own_compiled_folder(Path(sys.argv[1])) == own\n"
    "assert os.environ['NUMBA_CACHE_DIR'] == str(own)\n"
    "print(own.name, flush=True)\n"
    "sys.stdin.read()\n"
)


def take(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a process that takes a folder, and return it with that folder's name."""
    environment = {k: v for k, v in os.environ.items() if k != COMPILED_DIR_VARIABLE}
    child = subprocess.Popen(
        [sys.executable, "-c", TAKE, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert child.stdout is not None
    return child, child.stdout.readline().strip()


@pytest.mark.usefixtures("nothing_left")
def test_no_two_processes_share_a_folder(tmp_path: Path) -> None:
    first, name = take(tmp_path)
    second, other = take(tmp_path)
    assert (name, other) == ("0", "1")
    first.kill()
    first.communicate()
    third, again = take(tmp_path)
    assert again == "0", "what the first one compiled is used again"
    for child in (second, third):
        child.communicate(timeout=10)
        assert child.returncode == 0
