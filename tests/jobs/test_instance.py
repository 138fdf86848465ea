from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtNetwork import QLocalSocket

from karaoke_studio.jobs.instance import Instance
from tests.helpers.disks import fill_disk

pytestmark = pytest.mark.usefixtures("qapp")

_SECOND = """
import json, sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from karaoke_studio.jobs.instance import Instance
application = QCoreApplication([])
instance = Instance(Path(sys.argv[1]))
claimed = instance.claim()
handed = None if claimed else instance.hand_over([Path(name) for name in sys.argv[2:]])
print(json.dumps([claimed, handed]), flush=True)
if claimed:
    application.exec()
"""


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Instance]:
    instance = Instance(tmp_path)
    assert instance.claim()
    yield instance
    instance.release()


def second_start(data: Path, *files: str) -> list[Any]:
    """Start the program a second time; return whether it became the first, and handed over."""
    done = subprocess.run(
        [sys.executable, "-c", _SECOND, str(data), *files],
        capture_output=True,
        check=True,
        timeout=30,
    )
    return json.loads(done.stdout)


def test_a_second_start_hands_its_files_over(first: Instance, tmp_path: Path, qtbot: Any) -> None:
    names = ["/m/a.mp3", "/m/שיר 🎤.flac", "/m/caf\udce9\n.mp3", "relative.mp3"]
    with qtbot.waitSignal(first.files_received, timeout=10_000) as received:
        assert second_start(tmp_path, *names) == [False, True]
    assert received.args is not None
    files = received.args[0]
    assert files[:3] == [Path(name) for name in names[:3]]
    assert files[3] == Path("relative.mp3").absolute()


def test_a_second_start_without_files_only_calls(
    first: Instance, tmp_path: Path, qtbot: Any
) -> None:
    with qtbot.waitSignal(first.files_received, timeout=10_000) as received:
        assert second_start(tmp_path) == [False, True]
    assert received.args == [[]]


def test_thousands_of_files_arrive(first: Instance, qtbot: Any, tmp_path: Path) -> None:
    """More than a socket holds at once, and more than a megabyte."""
    names = [f"/music/{'x' * 200}/{number}.mp3" for number in range(6000)]
    code = _SECOND.replace("sys.argv[2:]", "sys.stdin.read().split()")
    messenger = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with messenger:
        assert messenger.stdin is not None
        assert messenger.stdout is not None
        messenger.stdin.write("\n".join(names))
        messenger.stdin.close()
        with qtbot.waitSignal(first.files_received, timeout=10_000) as received:
            pass
        assert json.loads(messenger.stdout.read()) == [False, True]
    assert received.args[0] == [Path(name) for name in names]


def test_another_data_folder_has_its_own_window(first: Instance, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Instance(tmp_path / "other")
    assert other.claim()
    other.release()


def test_a_window_that_ended_gives_the_folder_up(tmp_path: Path) -> None:
    for _ in range(3):
        instance = Instance(tmp_path)
        assert instance.claim()
        instance.release()


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_window_that_was_killed_blocks_nobody(tmp_path: Path, qtbot: Any) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", _SECOND, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with killed:
        assert killed.stdout is not None
        assert json.loads(killed.stdout.readline()) == [True, None]
        assert not Instance(tmp_path).claim()
        killed.send_signal(signal.SIGKILL)
    instance = Instance(tmp_path)
    assert instance.claim()
    with qtbot.waitSignal(instance.files_received, timeout=10_000):
        assert second_start(tmp_path, "/m/a.mp3") == [False, True]
    instance.release()


def test_a_folder_that_cannot_be_locked_is_not_taken_for_a_running_window(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is wrong with it, the library says in the right words."""
    fill_disk(small_disk)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    instance = Instance(small_disk)
    assert instance.claim()
    assert "cannot be locked" in caplog.text
    instance.release()


def test_a_window_that_is_not_there_does_not_answer(tmp_path: Path) -> None:
    assert not Instance(tmp_path).hand_over([Path("a.mp3")])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"garbage\n",
        b"{}\n",
        b"7\n",
        b"null\n",
        b'["/m/a.mp3"',
        b"\xff\xfe\n",
        b"[" * 100000 + b"\n",
    ],
)
def test_nonsense_from_the_socket_is_ignored(
    data: bytes, first: Instance, tmp_path: Path, qtbot: Any
) -> None:
    got: list[object] = []
    first.files_received.connect(got.append)
    socket = QLocalSocket()
    socket.connectToServer(first._name)
    assert socket.waitForConnected(2000)
    socket.write(data)
    socket.waitForBytesWritten(2000)
    socket.disconnectFromServer()
    messenger = Instance(tmp_path)
    with qtbot.waitSignal(first.files_received, timeout=10_000):
        assert messenger.hand_over([Path("/m/after.mp3")])
    assert [files for files in got if files] == [[Path("/m/after.mp3")]]


def test_what_is_no_name_is_left_out(first: Instance, qtbot: Any) -> None:
    socket = QLocalSocket()
    socket.connectToServer(first._name)
    assert socket.waitForConnected(2000)
    with qtbot.waitSignal(first.files_received, timeout=10_000) as received:
        socket.write(b'["/m/a.mp3", 7, null, ["x"], "/m/b.mp3"]\n')
        socket.waitForBytesWritten(2000)
    assert received.args[0] == [Path("/m/a.mp3"), Path("/m/b.mp3")]
    socket.disconnectFromServer()
