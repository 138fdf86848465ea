"""The terminal as a person or a script uses it: real processes, real files, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
import soundfile as sf

from karaoke_studio.cli import main
from karaoke_studio.doctor import report_health, sentences
from karaoke_studio.paths import DataFolder, resource
from tests.audio.sounds import write_av
from tests.helpers.signals import noise, sung_mix
from tests.helpers.street import write_song

PROGRAM = [sys.executable, "-m", "karaoke_studio"]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    vocals, band = sung_mix(3, 44_100)
    return write_song(tmp_path / "Nina - Blue.wav", vocals + band, 44_100, "PCM_16")


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("KARAOKE_STUDIO_DATA_DIR", str(folder))
    return folder


def run(*arguments: object, **extra: Any) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *(str(a) for a in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **extra)


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_make_json(song: Path, tmp_path: Path) -> None:
    done = run("make", song, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    (made,) = objects(done.stdout)
    assert made["status"] == "completed"
    assert made["input"] == str(song)
    assert (made["title"], made["artist"]) == ("Blue", "Nina")
    assert made["engine"] == "instant"
    assert made["duration_s"] == 3.0
    assert (made["sample_rate"], made["channels"]) == (44_100, 2)
    assert made["null_exact"] is True
    assert made["null_test_db"] == -200
    assert made["gain_db"] == 0
    assert made["notes"] == []
    assert made["model_load_s"] == 0
    assert made["processing_time_s"] > 0
    assert made["realtime_factor"] == pytest.approx(3 / made["processing_time_s"], rel=0.05)
    assert Path(made["vocals_path"]).name == "Nina - Blue (Vocals).flac"
    assert Path(made["instrumental_path"]).name == "Nina - Blue (Instrumental).flac"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "Nina - Blue (Instrumental).flac",
        "Nina - Blue (Vocals).flac",
    ]


def test_progress_is_plain_lines_when_piped_and_nothing_on_stdout(
    song: Path, tmp_path: Path
) -> None:
    done = run("make", song, "--out", tmp_path / "out")
    assert done.returncode == 0
    assert done.stdout == ""
    assert "\r" not in done.stderr
    assert re.search(r"Nina - Blue\.wav: +\d+ % separating", done.stderr)
    assert "done in" in done.stderr


def test_quiet_says_nothing(song: Path, tmp_path: Path) -> None:
    done = run("make", song, "--out", tmp_path / "out", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_one_bad_song_does_not_stop_the_others(song: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_text("no sound at all")
    done = run("make", bad, song, "--out", tmp_path / "out", "--json")
    assert done.returncode == 1
    first, second = objects(done.stdout)
    assert first["status"] == "failed"
    assert first["error"]["code"] == "FORMAT_UNSUPPORTED"
    assert first["error"]["message"].endswith(".")
    assert first["error"]["hint"]
    assert second["status"] == "completed"
    assert "Traceback" not in done.stderr


def test_folders_are_walked_in_natural_order(tmp_path: Path) -> None:
    album = tmp_path / "album"
    (album / "disc 2").mkdir(parents=True)
    for name in ("10 ten.wav", "2 two.wav", "disc 2/1 one.wav"):
        write_song(album / name, noise(1, 8000, 1), 8000, "PCM_16")
    (album / "notes.txt").write_text("not a song")
    done = run("make", album, "--out", tmp_path / "out", "--json", "--format", "wav")
    assert done.returncode == 0, done.stderr
    names = [Path(made["input"]).name for made in objects(done.stdout)]
    assert names == ["2 two.wav", "10 ten.wav", "1 one.wav"]


def test_jobs_side_by_side(tmp_path: Path) -> None:
    songs = [
        write_song(tmp_path / f"{n}.wav", noise(2, 22_050, 2, seed=n), 22_050, "PCM_16")
        for n in range(4)
    ]
    done = run("make", *songs, "--out", tmp_path / "out", "--json", "--jobs", 2)
    assert done.returncode == 0, done.stderr
    made = objects(done.stdout)
    assert [Path(m["input"]).stem for m in made] == ["0", "1", "2", "3"]
    assert all(m["null_exact"] for m in made)


def test_names_clash_and_overwrite(song: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for _ in range(2):
        assert run("make", song, "--out", out, "--stems", "vocals").returncode == 0
    assert run("make", song, "--out", out, "--stems", "vocals", "--overwrite").returncode == 0
    assert sorted(p.name for p in out.iterdir()) == [
        "Nina - Blue (Vocals) (2).flac",
        "Nina - Blue (Vocals).flac",
    ]


def test_name_template(song: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    template = "{artist} / {title} [{engine}] ../{stem}"
    done = run("make", song, "--out", out, "--name", template, "--engine", "centre")
    assert done.returncode == 0, done.stderr
    names = sorted(p.name for p in out.iterdir())
    assert names == [
        "Nina - Blue [centre] ..-Instrumental.flac",
        "Nina - Blue [centre] ..-Vocals.flac",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Nina - Blue.wav", "data", "out"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["make"],
        ["make", "x.mp3", "--engine", "best"],
        ["make", "x.mp3", "--format", "exe"],
        ["make", "x.mp3", "--stems", "drums"],
        ["make", "x.mp3", "--bitrate", "much"],
        ["make", "x.mp3", "--jobs", "0"],
        ["make", "x.mp3", "--name", "{nonsense} {stem}"],
        ["make", "x.mp3", "--name", "{title}"],
        ["make", "x.mp3", "--name", "{stem"],
        ["dance"],
    ],
)
def test_wrong_usage_is_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(arguments)
    except SystemExit as exc:
        status = exc.code  # type: ignore[assignment]
    assert status == 2
    assert capsys.readouterr().err


def test_ctrl_c_cancels_within_a_second(tmp_path: Path) -> None:
    # a mono song takes the slower path; ten minutes of it take seconds
    song = write_song(tmp_path / "long.wav", noise(600, 44_100, 1), 44_100, "PCM_16")
    other = song.with_name("other.wav")
    other.symlink_to(song)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*PROGRAM, "make", str(song), str(other), "--out", str(out), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "separating" in line:
            break
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=10)
    assert time.monotonic() - asked < 1.0
    assert process.returncode == 130
    assert [made["status"] for made in objects(stdout)] == ["cancelled", "cancelled"]
    assert objects(stdout)[0]["error"]["code"] == "CANCELLED"
    assert "Traceback" not in stderr
    assert not out.exists(), "nothing may be left behind"


def test_output_folder_that_cannot_be(song: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run("make", song, "--out", tmp_path / "file" / "out", "--json")
    assert done.returncode == 1
    assert objects(done.stdout)[0]["error"]["code"] == "OUTPUT_NOT_WRITABLE"
    assert "Traceback" not in done.stderr


def test_data_dir_moves_everything(song: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home / "share")}
    del environment["KARAOKE_STUDIO_DATA_DIR"]
    other = tmp_path / "elsewhere"
    done = run("make", song, "--out", tmp_path / "out", "--data-dir", other, env=environment)
    assert done.returncode == 0
    assert (other / "logs").is_dir()
    assert not list(home.rglob("*karaoke*"))
    if os.name == "posix":
        assert other.stat().st_mode & 0o777 == 0o700


def test_seed_000_25_doctor_json(data_dir: Path) -> None:
    done = run("doctor", "--json")
    assert done.returncode == 0, done.stderr
    health = json.loads(done.stdout)
    assert health["status"] in {"healthy", "degraded"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", health["version"])
    assert isinstance(health["gpu_available"], bool)
    assert health["devices"][-1]["name"] == "cpu"
    assert "flac" in health["codecs"]["writes"]
    assert health["folders"]["data"] == str(data_dir)
    assert health["free_disk_bytes"] > 0
    assert all(problem["advice"] for problem in health["problems"])


class OneCard:
    """Workers on a machine whose second graphics card PyTorch does not know."""

    def run(self, task: str, *_args: object, **_options: object) -> dict[str, object]:
        unused = {"label": "NVIDIA graphics", "reason": "not known to this PyTorch"}
        small = {"name": "cuda:0", "label": "Small", "memory_mb": 8 << 10}
        return {
            "torch": "2",
            "gpu_available": True,
            "devices": [small, {"name": "cpu", "label": "x86_64", "memory_mb": None}],
            "unused": [unused | {"state": "not_built", "advice": "Type: this"}],
            "outputs": ["Speakers"],
        }


def test_the_doctor_tells_a_card_that_is_not_used(tmp_path: Path) -> None:
    one = OneCard()
    workers = SimpleNamespace(engine=one, transfer=one, interactive=one)
    health = report_health(DataFolder(tmp_path), workers)  # type: ignore[arg-type]
    words = "\n".join(sentences(health))
    assert "! NVIDIA graphics: not known to this PyTorch. Type: this" in words
    assert "cuda:0 (Small, 8 GB), cpu" in words
    # songs can be made all the same
    assert [one["what"] for one in health["problems"] if "NVIDIA" in one["what"]] == []


def test_doctor_for_people() -> None:
    done = run("doctor")
    assert done.returncode == 0
    assert done.stdout.startswith("Karaoke Studio ")


def test_demo_song_by_the_installed_entry_point(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("karaoke-studio")
    command = [program, "make", resource("demo/demo.opus"), "--out", tmp_path, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = objects(done.stdout)
    assert made["artist"] == "Karaoke Studio"
    assert made["null_exact"] is True
    assert sf.info(made["vocals_path"]).frames == round(made["duration_s"] * 48_000)


def test_without_a_display_the_window_says_so() -> None:
    environment = {
        k: v
        for k, v in os.environ.items()
        if k not in {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
    }
    if sys.platform != "linux":
        pytest.skip("only Linux can be without a display")
    done = run(env=environment)
    assert done.returncode == 2
    assert "no display" in done.stderr


def test_the_terminal_never_opens_the_song(song: Path, tmp_path: Path) -> None:
    # an audit hook in the parent process sees every file it opens and every module it imports
    script = tmp_path / "watch.py"
    script.write_text(
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda e, a: opened.append(str(a[0])) if e == 'open' else None)\n"
        "from karaoke_studio.cli import main\n"
        "status = main(sys.argv[1:])\n"
        "heavy = {'numpy', 'torch', 'soundfile', 'av', 'mutagen', 'PySide6', 'librosa'}\n"
        "print([o for o in opened if o.endswith('.wav')], sorted(heavy & set(sys.modules)))\n"
        "sys.exit(status)\n"
    )
    command = [sys.executable, str(script), "make", str(song), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[] []"


def test_music_video(tmp_path: Path) -> None:
    vocals, band = sung_mix(3, 48_000)
    samples = np.ascontiguousarray((vocals + band).T)
    video = write_av(tmp_path / "Nina - Blue.mp4", "aac", "mp4", samples, 48_000, picture=True)
    done = run("make", video, "--out", tmp_path / "out", "--video", "--json")
    assert done.returncode == 0, done.stderr
    (made,) = objects(done.stdout)
    assert Path(made["video_path"]).name == "Nina - Blue (Karaoke).mp4"
    with av.open(made["video_path"]) as container:
        assert len(container.streams.video) == len(container.streams.audio) == 1
    # the sound of the video is the instrumental
    again = run(
        "make", made["video_path"], "--out", tmp_path / "again", "--format", "wav", "--json"
    )
    (heard,) = objects(again.stdout)
    assert heard["duration_s"] == pytest.approx(made["duration_s"], abs=0.03)


def test_video_of_a_song_without_picture_is_said(song: Path, tmp_path: Path) -> None:
    done = run("make", song, "--out", tmp_path / "out", "--video", "--json")
    (made,) = objects(done.stdout)
    assert made["video_path"] is None
    assert "no_picture" in made["notes"]
    assert made["status"] == "completed"


def test_the_doctor_names_the_library_that_is_used(data_dir: Path, tmp_path: Path) -> None:
    own = tmp_path / "disk" / "library"
    data_dir.mkdir()
    (data_dir / "settings.json").write_text(json.dumps({"library_folder": str(own)}))
    done = run("doctor", "--json")
    assert json.loads(done.stdout)["folders"]["library"] == str(own)
