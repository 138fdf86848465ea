"""Builds the packaged program for this system: dist/karaoke-studio.

    python packaging/build.py [--out FOLDER]

PyInstaller gathers what karaoke_studio.spec describes; here the result is stripped, given its
licences and icons, checked, and put in place as a whole.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import icons
import licences

ROOT = Path(__file__).resolve().parent.parent
NAME = "karaoke-studio"
PARTS = "_internal"
NEEDED_BYTES = 2_500_000_000
#: A fifth of these is names of inner functions, which only a debugger reads.
STRIPPED = ("libpython*.so*", "torch/lib/libtorch*.so", "torch/lib/libc10*.so")


class Refused(Exception):
    """The package cannot be built; the message says why and what to do."""


def main() -> int:
    """Build, and say where and how large."""
    parser = argparse.ArgumentParser(description="Build the packaged program.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="FOLDER")
    out = parser.parse_args().out.resolve()
    started = time.monotonic()
    try:
        check_tools(out)
        program = build(out, ROOT / "build" / "package")
    except Refused as exc:
        print(f"karaoke-studio: {exc}", file=sys.stderr)
        return 1
    seconds = time.monotonic() - started
    print(f"{program}: {size_of(program) / 1e6:.0f} MB, built in {seconds:.0f} s")
    return 0


def check_tools(out: Path) -> None:
    """See that there is what a build takes.

    Raises:
        Refused: something is missing.
    """
    if importlib.util.find_spec("PyInstaller") is None:
        raise Refused("PyInstaller is not there. Type: packaging/setup.sh package")
    if sys.platform == "linux" and shutil.which("objcopy") is None:
        raise Refused("objcopy is not there. Type: sudo apt-get install -y binutils")
    out.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out).free
    if free < NEEDED_BYTES:
        raise Refused(
            f"Building takes {NEEDED_BYTES / 1e6:.0f} MB of disk, {free / 1e6:.0f} MB are free."
        )


def build(out: Path, work: Path) -> Path:
    """Build into a folder and return the program's folder there.

    Raises:
        Refused: PyInstaller failed, or what it made is not whole.
    """
    fresh = freeze(work)
    strip(fresh / PARTS)
    sources = json.loads((work / "karaoke_studio" / "sources.json").read_text())
    licences.collect(map(Path, sources), fresh / "licences")
    shutil.copy(ROOT / "LICENSE", fresh / "LICENSE")
    icons.write_all(fresh / "share" / "icons" / "hicolor")
    broken = [str(path) for path in fresh.rglob("*") if path.is_symlink() and not path.exists()]
    if broken:
        raise Refused(f"Links lead nowhere: {', '.join(broken)}")
    program = out / NAME
    if program.exists():
        shutil.rmtree(program)
    shutil.move(fresh, program)
    return program


def freeze(work: Path) -> Path:
    """Run PyInstaller and return the folder it made.

    Raises:
        Refused: it failed; its last words are in the message.
    """
    work.mkdir(parents=True, exist_ok=True)
    log_file = work / "pyinstaller.log"
    command = [
        *(sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "INFO"),
        *("--distpath", str(work / "dist"), "--workpath", str(work)),
        str(ROOT / "packaging" / "karaoke_studio.spec"),
    ]
    with log_file.open("w", encoding="utf-8") as log:
        done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False)
    if done.returncode:
        last = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise Refused(f"PyInstaller failed ({' '.join(last)}); {log_file} says more.")
    return work / "dist" / NAME


def strip(parts: Path) -> None:
    """Take names that nothing links to out of the largest libraries, where the tool is there."""
    tool = shutil.which("strip")
    if tool is None or sys.platform != "linux":
        return
    for pattern in STRIPPED:
        for library in sorted(parts.glob(pattern)):
            if not library.is_symlink():
                subprocess.run([tool, "--strip-unneeded", library], check=True)


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder, links not counted."""
    return sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    )


if __name__ == "__main__":
    sys.exit(main())
