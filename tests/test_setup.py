"""Set-up stops with one clear sentence, and is quick when there is nothing to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell script")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the files that set-up looks at, with tools of its own in front of the real ones."""
    root = tmp_path / "project"
    (root / "packaging").mkdir(parents=True)
    for name in ("pyproject.toml", "packaging/setup.sh", "packaging/constraints.txt"):
        shutil.copy(ROOT / name, root / name)
    tools = tmp_path / "tools"
    tools.mkdir()
    # system packages are not the matter here: every one is there
    tool(tools, "dpkg-query", "echo install ok installed")
    return root


def tool(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def set_up(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    tools = checkout.parent / "tools"
    return subprocess.run(
        [checkout / "packaging" / "setup.sh", "run"],
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def only_sentence(done: subprocess.CompletedProcess[str]) -> str:
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("karaoke-studio:")]
    return sentence


def test_old_python(checkout: Path) -> None:
    old = tool(
        checkout.parent / "tools",
        "python3.9",
        'case "$1" in -c) exit 1;; *) echo Python 3.9.2;; esac',
    )
    done = set_up(checkout, PYTHON=str(old))
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in only_sentence(done)
    assert "3.9.2" in only_sentence(done)


def test_no_python(checkout: Path) -> None:
    done = set_up(checkout, PYTHON="python-that-is-not-there")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in only_sentence(done)


def test_full_disk(checkout: Path) -> None:
    tool(checkout.parent / "tools", "df", "echo header; echo tmpfs 100 90 12 90% /")
    done = set_up(checkout)
    assert done.returncode == 1
    assert "12 MB are free" in only_sentence(done)


def test_no_venv_module(checkout: Path) -> None:
    bare = tool(
        checkout.parent / "tools",
        "bare-python",
        f'case "$1" in -m) exit 1;; *) exec {sys.executable} "$@";; esac',
    )
    done = set_up(checkout, PYTHON=str(bare))
    assert done.returncode == 1
    assert "python3-venv" in only_sentence(done)


def test_package_that_cannot_be_had(checkout: Path, tmp_path: Path) -> None:
    # a virtual environment whose pip finds nothing: no index, no local files
    environment = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "nowhere"),
        "PIP_CONFIG_FILE": os.devnull,
    }
    done = set_up(checkout, **environment)
    assert done.returncode == 1
    assert "could not be had" in only_sentence(done)
    again = set_up(checkout, **environment)
    assert again.returncode == 1, "a failed set-up must not count as done"


@pytest.mark.parametrize(
    ("index", "again"),
    [("", False), ("https://host/whl/gpu", True), ("https://host/whl/{build}/", False)],
)
def test_another_build_of_torch_takes_the_place_of_the_one_that_is_there(
    checkout: Path, index: str, again: bool
) -> None:
    log = checkout.parent / "pip.log"
    bin_ = checkout / ".venv" / "bin"
    bin_.mkdir(parents=True)
    tool(bin_, "karaoke-studio", "true")
    pip = f'[ "$1" = -m ] && {{ echo "$*" >> {log}; exit 0; }}'
    tool(bin_, "python", f'{pip}; exec {sys.executable} "$@"')
    build = version("torch").partition("+")[2] or "none"
    done = set_up(checkout, TORCH_INDEX=index.format(build=build))
    assert done.returncode == 0, done.stderr
    first = log.read_text().splitlines()[0]
    assert ("--force-reinstall" in first) is again
    assert ("--index-url" in first) is bool(index)


def test_second_time_is_quick() -> None:
    if not list((ROOT / ".venv").glob(".ready-*")):
        pytest.skip("this checkout was not set up by its script")
    started = time.monotonic()
    done = subprocess.run(
        [ROOT / "packaging" / "setup.sh", "run"], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started <= 1.0
