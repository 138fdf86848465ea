from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from karaoke_studio import paths
from karaoke_studio.paths import DATA_DIR_VARIABLE, DataFolder, data_folder, is_on_network, resource

posix_only = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


def test_what_is_chosen_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path / "environment"))
    assert data_folder(tmp_path / "chosen").root == tmp_path / "chosen"
    assert data_folder().root == tmp_path / "environment"


@pytest.mark.parametrize("value", ["", None])
def test_without_any_wish_it_is_the_systems_place(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is None:
        monkeypatch.delenv(DATA_DIR_VARIABLE)
    else:
        monkeypatch.setenv(DATA_DIR_VARIABLE, value)
    assert data_folder().root.name == paths.APP_ID
    assert data_folder().root.is_absolute()


def test_relative_and_home_folders_become_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert data_folder(Path("data")).root == tmp_path / "data"
    assert data_folder(Path("~/data")).root == tmp_path / "home" / "data"


def test_a_home_that_does_not_exist_is_a_name_like_any_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "~nobody-of-this-name/data"
    assert data_folder(Path(name)).root == tmp_path / name


def test_everything_lies_in_the_data_folder(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "new" / "data")
    assert data.create() is data
    assert data.logs.is_dir()
    for path in (data.library, data.logs, data.settings_file, data.speeds_file):
        assert path.parent == data.root
    data.create()  # again is fine


@posix_only
def test_a_new_data_folder_is_private(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data").create()
    assert data.root.stat().st_mode & 0o077 == 0


@posix_only
def test_a_folder_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    """`--data-dir /tmp` must not lock everybody else out of /tmp."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    DataFolder(shared).create()
    assert shared.stat().st_mode & 0o7777 == 0o1777


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(OSError, match=r".") as caught:
        DataFolder(tmp_path / "data").create()
    assert caught.value.errno


def test_resources_are_found_in_the_source_tree_and_in_a_frozen_build(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert resource("icons").is_dir()
    assert not paths.is_frozen()
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert resource("icons") == tmp_path / "resources" / "icons"
    assert paths.is_frozen()


MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
40 22 0:50 / /mnt/my\\040share rw - cifs //nas/music rw
41 22 0:51 / /home/me/nas rw - fuse.sshfs me@nas:/music rw
42 22 0:52 / /mnt/stick rw - fuseblk /dev/sdb1 rw
43 40 8:2 / /mnt/my\\040share/local rw - ext4 /dev/sdc1 rw
44 22 0:53 / /over rw - nfs4 nas:/a rw
45 22 0:54 / /over rw - ext4 /dev/sdd1 rw
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Linux's list of mounts")
@pytest.mark.parametrize(
    ("path", "is_far"),
    [
        ("/music/a.mp3", False),
        ("/mnt/my share/a.mp3", True),
        ("/mnt/my share", True),
        ("/mnt/my share 2/a.mp3", False),
        ("/mnt/my share/local/a.mp3", False),
        ("/home/me/nas/b/a.mp3", True),
        ("/mnt/stick/a.mp3", False),
        ("/over/a.mp3", False),
    ],
)
def test_files_on_other_computers_are_known(tmp_path: Path, path: str, is_far: bool) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert is_on_network(Path(path), mounts) is is_far
    assert not is_on_network(Path(path), tmp_path / "nothing")
