"""Finds the licences of everything that is in a package."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from pathlib import Path

from karaoke_studio.licences import papers_of


def collect(sources: Iterable[Path], target: Path) -> list[str]:
    """Copy the licences of all parts into a folder, one folder per part.

    Args:
        sources: the files on this system that the package was made of.
        target: a new folder.

    Returns:
        Names of the parts, sorted.
    """
    files = set(sources)
    found = {
        **{name: papers for name, papers in _of_distributions(files) if papers},
        **dict(_of_system_packages(files)),
    }
    found[f"Python {sys.version.split()[0]}"] = [Path(sysconfig.get_path("stdlib"), "LICENSE.txt")]
    for name, papers in found.items():
        folder = target / name
        folder.mkdir(parents=True)
        for number, paper in enumerate(papers):
            # two files of one name, in folders of a distribution
            file = folder / paper.name
            shutil.copyfile(paper, folder / f"{number}-{paper.name}" if file.exists() else file)
    return sorted(found, key=str.lower)


def _of_distributions(files: set[Path]) -> Iterator[tuple[str, list[Path]]]:
    for distribution in distributions():
        listed = [Path(str(distribution.locate_file(file))) for file in distribution.files or ()]
        if not files.isdisjoint(listed):
            name = f"{distribution.metadata['Name']} {distribution.version}"
            yield name, papers_of(distribution)


def _of_system_packages(files: set[Path]) -> Iterator[tuple[str, list[Path]]]:
    """Find the Debian packages that system libraries came in; elsewhere nothing is found."""
    if shutil.which("dpkg-query") is None:
        return
    libraries = {file.resolve() for file in files if re.match(r"/(usr/)?lib\d*/", str(file))}
    # a package may list a file under the name it had before /lib became /usr/lib
    names = {str(file) for file in libraries} | {
        str(file).removeprefix("/usr") for file in libraries
    }
    if not names:
        return
    asked = subprocess.run(
        ["dpkg-query", "--search", *sorted(names)], capture_output=True, text=True, check=False
    )
    packages = {line.split(":", 1)[0] for line in asked.stdout.splitlines()}
    for package in sorted(packages):
        paper = Path("/usr/share/doc", package, "copyright")
        if paper.exists():
            yield f"system/{package}", [paper]
