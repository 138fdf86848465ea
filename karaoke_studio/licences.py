"""Whose work the program is made of, and on what terms: read from the package, or from Python's."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from karaoke_studio.catalogue import TERMS
from karaoke_studio.paths import is_frozen, resource

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_IS_LICENCE = re.compile(r"(?i)(?!.*\.py$).*(licen[cs]e|copying|notice|authors|copyright)[^/]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: Fields of a description that say who made something, and on what terms.
_TELLING = (
    *("Name", "Version", "Summary", "Author", "Maintainer", "License", "Home-page"),
    *("Project-URL", "Classifier: License"),
)
_PROGRAM = "karaoke-studio"
#: A paper longer than this is cut; the file itself is named.
_LIMIT_CHARACTERS = 400_000


@dataclass(frozen=True)
class Part:
    """Something that the program is made of.

    Attributes:
        name: with its version, where it has one.
        papers: files that say on what terms it may be used.
        words: the same as text, where there is no file.
    """

    name: str
    papers: tuple[Path, ...] = ()
    words: str = ""


def papers_of(found: Distribution) -> list[Path]:
    """Return a Python distribution's description and licences."""
    return [
        Path(str(found.locate_file(file)))
        for file in found.files or ()
        if file.parts[0].endswith(".dist-info")
        and (file.name == "METADATA" or _IS_LICENCE.fullmatch(file.name))
    ]


def list_parts() -> list[Part]:
    """Return the program itself, its models and fonts, then everything else by name.

    Looks at many small files: not for the window's thread.
    """
    own = (Path(sys.executable) if is_frozen() else resource("")).parent / "LICENSE"
    first = [
        Part("Karaoke Studio", (own,)),
        Part("Models of Demucs", words=TERMS),
        Part("Net of the engine Instant", words=_net_words()),
        *(
            Part(f"{paper.stem.removesuffix('-OFL')} (font)", (paper,))
            for paper in sorted(resource("licences").glob("*.txt"))
        ),
    ]
    others = _packed() if is_frozen() else _installed()
    return [*first, *sorted(others, key=lambda part: part.name.lower())]


def _net_words() -> str:
    """Say what the built-in engine's net has learned from, as its card tells."""
    card = json.loads(resource("engines/instant.json").read_text(encoding="utf-8"))
    sources = (f"{one['what']}: {one['licence']}" for one in card["learned_from"])
    return "\n".join(
        [f"Licence: {card['licence']}", "Trained on songs that we synthesise:", *sources]
    )


def _packed() -> Iterator[Part]:
    """Yield the parts of a packaged program: a folder each, as `packaging` collects them."""
    root = Path(sys.executable).parent / "licences"
    folders = {paper.parent for paper in root.rglob("*") if paper.is_file()}
    for folder in folders:
        papers = sorted(paper for paper in folder.iterdir() if paper.is_file())
        yield Part(folder.relative_to(root).as_posix(), tuple(papers))


def _installed() -> Iterator[Part]:
    """Yield the Python distributions that the program needs, with all that those need."""
    # takes a fiftieth of a second, which a start of the window need not wait for
    from importlib.metadata import PackageNotFoundError, distribution

    seen: set[str] = set()
    waiting = [_PROGRAM]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:  # only needed on other systems
            continue
        if name != _PROGRAM:
            title = f"{found.metadata['Name']} {found.version}"
            yield Part(title, tuple(papers_of(found)))
        waiting += [
            match.group().lower().replace("_", "-")
            for need in found.requires or ()
            if "extra ==" not in need and (match := _NAME.match(need))
        ]


def read_papers(part: Part) -> str:
    """Return all that a part says about its terms."""
    texts = [part.words] if part.words else []
    for paper in part.papers:
        try:
            text = paper.read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = "This file cannot be read."
        if paper.name == "METADATA":
            fields = text.split("\n\n", 1)[0].splitlines()
            text = "\n".join(field for field in fields if field.startswith(_TELLING))
        texts.append(text[:_LIMIT_CHARACTERS].strip())
    return "\n\n――――\n\n".join(texts) or "It says nothing about its terms."
