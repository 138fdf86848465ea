from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from karaoke_studio import publishing
from karaoke_studio.errors import OutputNotWritable
from karaoke_studio.job import OutputSpec
from karaoke_studio.names import WrongTemplate
from karaoke_studio.publishing import publish_files

FIELDS = {"base": "Song"}
SONG = Path("/music/Song.mp3")


@pytest.fixture
def output(tmp_path: Path) -> OutputSpec:
    folder = tmp_path / "out"
    folder.mkdir()
    return OutputSpec(folder)


@pytest.fixture
def staged(output: OutputSpec) -> dict[str, Path]:
    return stage(output)


def stage(output: OutputSpec, stems: tuple[str, ...] = ("vocals", "instrumental")) -> dict:
    folder = output.folder / ".karaoke-x"
    folder.mkdir(exist_ok=True)
    files = {stem: folder / f"{stem}.flac" for stem in stems}
    for stem, path in files.items():
        path.write_text(f"new {stem}")
    return files


@pytest.fixture(params=["links", "no links"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both kinds of disks."""

    def refuse(_source: Path, _target: Path) -> None:
        raise PermissionError(errno.EPERM, "no hard links here")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)
    return


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.mark.usefixtures("links")
def test_files_get_their_names(output: OutputSpec, staged: dict[str, Path]) -> None:
    placed = publish_files(staged, output, FIELDS, SONG)
    assert placed == {
        "vocals": output.folder / "Song (Vocals).flac",
        "instrumental": output.folder / "Song (Instrumental).flac",
    }
    assert placed["vocals"].read_text() == "new vocals"
    assert not any(path.exists() for path in staged.values())


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("taken", ["Song (Vocals).flac", "Song (Instrumental).flac"])
def test_a_taken_name_numbers_the_whole_pair(output: OutputSpec, taken: str) -> None:
    (output.folder / taken).write_text("theirs")
    for number in (2, 3):
        placed = publish_files(stage(output), output, FIELDS, SONG)
        assert {path.name for path in placed.values()} == {
            f"Song (Vocals) ({number}).flac",
            f"Song (Instrumental) ({number}).flac",
        }
        assert {stem: path.read_text() for stem, path in placed.items()} == {
            "vocals": "new vocals",
            "instrumental": "new instrumental",
        }
    assert (output.folder / taken).read_text() == "theirs"
    assert len(names_in(output.folder)) == 5


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("kind", ["folder", "dangling link", "link"])
def test_whatever_has_the_name_is_left_alone(
    output: OutputSpec, staged: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    taken = output.folder / "Song (Instrumental).flac"
    other = tmp_path / "other"
    if kind == "folder":
        taken.mkdir()
    else:
        taken.symlink_to(other)
        if kind == "link":
            other.write_text("theirs")
    placed = publish_files(staged, output, FIELDS, SONG)
    assert placed["instrumental"].name == "Song (Instrumental) (2).flac"
    assert taken.is_dir() if kind == "folder" else taken.is_symlink()
    if kind == "link":
        assert other.read_text() == "theirs"
    assert kind == "link" or not other.exists()


def test_overwrite_replaces(output: OutputSpec, staged: dict[str, Path]) -> None:
    (output.folder / "Song (Vocals).flac").write_text("old")
    placed = publish_files(staged, replace(output, overwrite=True), FIELDS, SONG)
    assert placed["vocals"].read_text() == "new vocals"
    assert names_in(output.folder) == {"Song (Vocals).flac", "Song (Instrumental).flac"}


def test_overwrite_replaces_a_link_and_not_what_it_points_to(
    output: OutputSpec, staged: dict[str, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.write_text("theirs")
    (output.folder / "Song (Vocals).flac").symlink_to(other)
    placed = publish_files(staged, replace(output, overwrite=True), FIELDS, SONG)
    assert not placed["vocals"].is_symlink()
    assert other.read_text() == "theirs"


@pytest.mark.parametrize("path", ["Song.flac", "link", "../out/Song.flac"])
def test_overwrite_never_replaces_the_song_itself(output: OutputSpec, path: str) -> None:
    original = output.folder / "Song.flac"
    for made in (original, output.folder / "Song (2).flac"):
        made.write_text("theirs")
    (output.folder / "link").symlink_to(original)
    onto_itself = replace(output, name="{base}", overwrite=True)
    staged = stage(output, ("instrumental",))
    placed = publish_files(staged, onto_itself, FIELDS, output.folder / path)
    assert original.read_text() == "theirs"
    assert placed["instrumental"].name == "Song (2).flac"
    assert placed["instrumental"].read_text() == "new instrumental"


def test_overwrite_does_not_replace_half_a_pair(
    output: OutputSpec, staged: dict[str, Path]
) -> None:
    (output.folder / "Song (Vocals).flac").write_text("old")
    (output.folder / "Song (Instrumental).flac").mkdir()
    with pytest.raises(OutputNotWritable):
        publish_files(staged, replace(output, overwrite=True), FIELDS, SONG)
    assert (output.folder / "Song (Vocals).flac").read_text() == "old"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EACCES, errno.ENAMETOOLONG])
def test_a_pair_is_published_whole_or_not_at_all(
    output: OutputSpec,
    staged: dict[str, Path],
    number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = os.link

    def fail_second(source: Path, target: Path) -> None:
        if "Instrumental" in target.name:
            raise OSError(number, os.strerror(number))
        link(source, target)

    monkeypatch.setattr(os, "link", fail_second)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the next line's business
        publish_files(staged, output, FIELDS, SONG)
    assert caught.value.code in {"DISK_FULL", "OUTPUT_NOT_WRITABLE"}  # type: ignore[attr-defined]
    assert names_in(output.folder) == set()
    assert all(path.exists() for path in staged.values())


def test_a_name_taken_behind_our_back_is_not_replaced(
    output: OutputSpec, staged: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else makes the file after we looked and before we move."""
    link = os.link

    def race(source: Path, target: Path) -> None:
        if target.name == "Song (Instrumental).flac" and not target.exists():
            target.write_text("theirs")
        link(source, target)

    monkeypatch.setattr(os, "link", race)
    placed = publish_files(staged, output, FIELDS, SONG)
    assert placed["vocals"].name == "Song (Vocals) (2).flac"
    assert (output.folder / "Song (Instrumental).flac").read_text() == "theirs"
    assert not (output.folder / "Song (Vocals).flac").exists()


def test_two_files_of_one_name_are_refused_and_not_tried_for_ever(
    output: OutputSpec, staged: dict[str, Path]
) -> None:
    with pytest.raises(WrongTemplate):
        publish_files(staged, replace(output, name="{base}"), FIELDS, SONG)
    assert names_in(output.folder) == set()


def test_a_video_may_share_the_name_with_another_suffix(output: OutputSpec) -> None:
    files = stage(output, ("instrumental",))
    files["video"] = output.folder / ".karaoke-x" / "video.mp4"
    files["video"].write_text("picture")
    placed = publish_files(files, replace(output, name="{base}"), FIELDS, SONG)
    assert {path.name for path in placed.values()} == {"Song.flac", "Song.mp4"}


def test_a_folder_that_is_gone_is_told(output: OutputSpec, staged: dict[str, Path]) -> None:
    with pytest.raises(OutputNotWritable) as caught:
        publish_files(staged, replace(output, folder=output.folder / "gone"), FIELDS, SONG)
    assert caught.value.hint


def test_everything_is_flushed_before_it_has_a_name(
    output: OutputSpec, staged: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAULTS 0-2: a rename without the flush loses songs at a power cut."""
    events: list[str] = []
    link = os.link
    monkeypatch.setattr(publishing, "sync_file", lambda path: events.append(f"sync {path.name}"))
    monkeypatch.setattr(publishing, "sync_folder", lambda path: events.append(f"sync {path.name}"))
    monkeypatch.setattr(os, "link", lambda s, t: (events.append("move"), link(s, t)))
    publish_files(staged, output, FIELDS, SONG)
    assert sorted(events[:2]) == ["sync instrumental.flac", "sync vocals.flac"]
    assert events[2:] == ["move", "move", "sync out"]
