"""Thirty difficult file names, through import, separation, export and the terminal."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

from karaoke_studio.library.checking import check_library
from tests.faults.program import Program
from tests.faults.report import Report, Scale
from tests.helpers.signals import noise
from tests.helpers.street import write_song

_RATE, _SECONDS = 8000, 1
_LONGEST_S = 400
_MOST_BYTES = 255
NAMES = (
    "שיר אהבה.wav",
    "أغنية.wav",
    "夜の歌.wav",
    "🎤 emoji 🎶.wav",
    "👩\u200d🎤 joined.wav",
    "\u202egpj.wav",
    "caf\u00e9.wav",
    "cafe\u0301.wav",
    "x" * 251 + ".wav",
    "ש" * 125 + ".wav",
    "new\nline.wav",
    "tab\there.wav",
    "escape\x1b[31m.wav",
    "-leading.wav",
    "--help.wav",
    ".hidden.wav",
    "100%d %s %n.wav",
    "quo'te\"d.wav",
    "back`tick`$(touch ran).wav",
    "a; touch ran & b.wav",
    "con.wav",
    "LPT1.mp3.wav",
    "trailing space .wav",
    "trailing dots....wav",
    "concat:a|b.wav",
    "http:x.wav",
    "back\\slash.wav",
    "{title}{0}.wav",
    "#?*<>~.wav",
    "..%2e%2e%2fup.wav",
)
#: A name that is no text, which only Linux has.
_NO_TEXT = b"caf\xe9.wav"


def run(scale: Scale) -> Report:
    """Make songs of files with such names, for a person and for the library, and export them."""
    report = _try(scale.folder / "program", "")
    if scale.with_mutant:
        broken = _try(scale.folder / "mutant", "unsafe_names")
        report.mutant = broken.failures[0] if broken.failures else ""
    return report


def _try(folder: Path, mutant: str) -> Report:
    songs, refused = _write_songs(folder / "in")
    report = Report(points=len(songs), hits=len(songs), notes={"refused by the disk": refused})
    before = _contents(folder / "in")
    data = folder / "data"
    made = Program(
        "make", "--engine", "centre", "--out", folder / "out", *songs, data=data, mutant=mutant
    )
    made.wait(_LONGEST_S)
    report.failures += _ends(made, len(songs), "make")
    report.failures += _bad_files(folder / "out", made)
    added = Program("library", "add", "--engine", "centre", *songs, data=data, mutant=mutant)
    added.wait(_LONGEST_S)
    report.failures += _ends(added, len(songs), "add")
    ids = [told["song_id"] for told in added.told if told.get("song_id")]
    exported = Program("library", "export", *ids, "--out", folder / "exports", data=data)
    exported.wait(_LONGEST_S)
    report.failures += _ends(exported, len(ids), "export")
    report.failures += _bad_files(folder / "exports", exported)
    listed = Program("library", "list", data=data)
    listed.wait()
    if {song["id"] for song in listed.told} != {*ids} or len(ids) != len(songs):
        report.failures.append(f"{len(listed.told)} of {len(songs)} songs are in the library")
    found = check_library(data / "library")
    report.failures += [finding.message for finding in found if finding.is_error]
    if _contents(folder / "in") != before:
        report.failures.append("the songs' own folder was written to")
    strangers = {path.name for path in folder.iterdir()} - {"in", "out", "exports", "data"}
    if strangers:
        report.failures.append(f"files appeared beside: {strangers}")
    return report


def _write_songs(folder: Path) -> tuple[list[Path], int]:
    """Write a song of its own under each name; return those that the disk takes."""
    folder.mkdir(parents=True)
    songs, refused = [], 0
    wanted = [os.fsencode(name) for name in NAMES]
    if sys.platform == "linux":
        wanted.append(_NO_TEXT)
    for number, name in enumerate(wanted):
        plain = write_song(folder / "plain.wav", noise(_SECONDS, _RATE, 1, seed=number), _RATE)
        try:
            songs.append(plain.rename(folder / os.fsdecode(name)))
        except OSError:
            refused += 1
    return songs, refused


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _ends(program: Program, wanted: int, what: str) -> list[str]:
    """Return what is wrong with how a program ended: each song is made or refused in words."""
    faults = []
    failed = [told for told in program.told if told.get("status") == "failed"]
    if len(program.told) != wanted:
        faults.append(f"{what}: {len(program.told)} of {wanted} songs were told of")
    faults += [f"{what}: {told}" for told in failed if not told.get("error", {}).get("message")]
    faults += [f"{what}: {told['input']!r}: {told['error']['message']}" for told in failed]
    if "Traceback" in program.text:
        faults.append(f"{what}: a traceback is shown")
    if any(not char.isprintable() for line in program.lines for char in line):
        faults.append(f"{what}: the terminal was told something that is no text")
    return faults


def _bad_files(folder: Path, program: Program) -> list[str]:
    """Return what is wrong with the names of the files that were written."""
    told = {Path(path) for one in program.told for path in one.get("stem_paths", {}).values()}
    told |= {Path(one[k]) for one in program.told for k in one if k.endswith("_path") and one[k]}
    there = {*folder.rglob("*")}
    faults = [f"{path!r} is not there" for path in told - there]
    for path in there:
        name = path.name
        is_plain = all(unicodedata.category(char) not in {"Cc", "Cf", "Cs"} for char in name)
        if not is_plain and "\u200d" not in name:
            faults.append(f"{name!r} has characters that cannot be seen")
        if name[0] in "-. " or set(name) & set('\\/:*?"<>|') or name.split(".")[0].strip() == "con":
            faults.append(f"{name!r} is no name for every system")
        if len(os.fsencode(name)) > _MOST_BYTES:
            faults.append(f"{name!r} is too long")
    if len(there) < 2 * len([one for one in program.told if one.get("status") == "completed"]):
        faults.append(f"files of different songs took each other's place: {len(there)} are there")
    return faults
