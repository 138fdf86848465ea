"""The package leaves out nothing that is needed, and the checks on it can fail."""

from __future__ import annotations

import ast
import configparser
import importlib.util
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from karaoke_studio.paths import resource

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
SOURCES = sorted((ROOT / "karaoke_studio").rglob("*.py"))
posix_only = pytest.mark.skipif(os.name != "posix", reason="shell scripts")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="what /proc shows")


def load(name: str) -> ModuleType:
    """Import a script of the folder packaging, whose name a package on the index has as well."""
    spec = importlib.util.spec_from_file_location(f"packaging_{name}", PACKAGING / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


contents = load("contents")
entry = load("entry")
licences = load("licences")
smoke = load("smoke")


# --- what is left out ---

ABSENT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if any(name == left_out or name.startswith(left_out + ".") for left_out in {names!r}):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


class WithoutModules:
    """Runs Python, and every child of it, where some modules cannot be imported."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.folder = folder
        (folder / "sitecustomize.py").write_text(ABSENT.format(names=names))

    def python(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}",
            "KARAOKE_STUDIO_DATA_DIR": str(self.folder / "data"),
        }
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def program(self, *arguments: str | Path) -> str:
        done = self.python("-m", "karaoke_studio", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def packaged(tmp_path: Path) -> WithoutModules:
    """Python as the packaged program has it: without what is left out."""
    return WithoutModules(tmp_path, contents.EXCLUDED_MODULES)


def test_the_window_and_a_song_need_nothing_that_is_left_out(
    packaged: WithoutModules, tmp_path: Path
) -> None:
    packaged.program("--smoke")
    song, out = resource("demo/demo.opus"), tmp_path / "out"
    result = json.loads(
        packaged.program("make", "--json", "--engine", "instant", "--out", out, song)
    )
    assert result["null_exact"] is True


def test_a_module_left_out_by_mistake_is_noticed(tmp_path: Path) -> None:
    """The same, with a module that the child processes need."""
    without = WithoutModules(tmp_path, (*contents.EXCLUDED_MODULES, "soundfile"))
    song = resource("demo/demo.opus")
    done = without.python("-m", "karaoke_studio", "make", "--quiet", "--out", tmp_path / "o", song)
    assert done.returncode != 0


def imported_names() -> set[str]:
    """Every module that the program imports anywhere, inside functions as well."""
    names: set[str] = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    return names


def is_left_out(name: str) -> bool:
    return any(name == e or name.startswith(f"{e}.") for e in contents.EXCLUDED_MODULES)


def test_the_program_imports_nothing_that_is_left_out() -> None:
    names = imported_names()
    assert {"torch", "soundfile", "PySide6.QtCore"} <= names
    assert not [name for name in sorted(names) if is_left_out(name)]


def test_what_the_program_imports_needs_nothing_that_is_left_out(packaged: WithoutModules) -> None:
    """All it ever imports, torch and the networks too, in one process."""
    foreign = {"msvcrt"} if os.name != "nt" else {"fcntl", "resource"}
    own = (".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES)
    names = (imported_names() | {name.removesuffix(".__init__") for name in own}) - foreign
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = packaged.python("-c", code, *sorted(names))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("path", "is_wanted"),
    [
        ("torch/bin/torch_shm_manager", True),
        ("openvino/libs/libopenvino.so.2641", True),
        ("openvino/libs/libopenvino_intel_cpu_plugin.so", True),
        ("openvino/libs/libopenvino_ir_frontend.so.2641", True),
        ("openvino/libs/libopenvino_intel_gpu_plugin.so", False),
        ("openvino/libs/libopenvino_onnx_frontend.so.2641", False),
        ("torch/bin/protoc", False),
        ("torch/bin/test_api", False),
        ("torch/test/cpp/x.so", False),
        ("torch/include/ATen/ATen.h", False),
        ("torch/testing/_comparison.py", True),
        ("torch/lib/libtorch_cpu.so", True),
        ("libportaudio.so.2", False),
        ("libasound.so.2", False),
        ("libjack.so.0", False),
        ("libstdc++.so.6", False),
        ("libpython3.11.so.1.0", True),
        ("_sounddevice_data/portaudio-binaries/libportaudio.dylib", True),
        ("_soundfile_data/libsndfile_x86_64.so", True),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", True),
        ("PySide6/Qt/plugins/platforms/libqoffscreen.so", True),
        ("PySide6/Qt/plugins/platforms/libqwayland.so", True),
        ("PySide6/Qt/plugins/platforms/libqvnc.so", False),
        ("PySide6/Qt/plugins/imageformats/libqsvg.so", True),
        ("PySide6/Qt/plugins/platformthemes/libqgtk3.so", False),
        ("PySide6\\Qt\\translations\\qtbase_de.qm", False),
        ("qtawesome/fonts/phosphor-1.3.0.ttf", True),
        ("qtawesome/fonts/fontawesome5-solid-webfont-5.15.4.ttf", False),
        ("resources/demo/demo.opus", True),
    ],
)
def test_files_that_go_along(path: str, is_wanted: bool) -> None:
    assert bool(contents.wanted([(path, "/source", "BINARY")])) is is_wanted


def test_libraries_go_with_those_that_needed_them() -> None:
    links = {
        "/q/platform.so": ["libQt6Gui.so.6", "libX11.so.6"],
        "/q/libQt6Gui.so.6": ["libQt6Core.so.6"],
        "/q/libgtk-3.so.0": ["libpango-1.0.so.0"],
        "/q/libtorch.so": [],
        "/q/libpython3.11.so.1.0": [],
    }
    entries = [
        ("PySide6/Qt/plugins/platforms/platform.so", "/q/platform.so", "BINARY"),
        ("PySide6/Qt/lib/libQt6Gui.so.6", "/q/libQt6Gui.so.6", "BINARY"),
        ("libQt6Gui.so.6", "PySide6/Qt/lib/libQt6Gui.so.6", "SYMLINK"),
        ("libQt6Core.so.6", "/q/libQt6Core.so.6", "BINARY"),
        ("libX11.so.6", "/q/libX11.so.6", "BINARY"),
        ("libgtk-3.so.0", "/q/libgtk-3.so.0", "BINARY"),
        ("libpango-1.0.so.0", "/q/libpango-1.0.so.0", "BINARY"),
        ("PySide6/Qt/lib/libQt6Quick.so.6", "/q/libQt6Quick.so.6", "BINARY"),
        ("libQt6Quick.so.6", "PySide6/Qt/lib/libQt6Quick.so.6", "SYMLINK"),
        # loaded by name: nobody links to these
        ("torch/lib/libtorch.so", "/q/libtorch.so", "BINARY"),
        ("libpython3.11.so.1.0", "/q/libpython3.11.so.1.0", "BINARY"),
        ("resources/icons/karaoke-studio.svg", "/q/karaoke-studio.svg", "DATA"),
    ]
    kept = contents.still_needed(entries, lambda source: links.get(source, []))
    gone = {path for path, _, _ in set(entries) - set(kept)}
    assert gone == {
        "libgtk-3.so.0",
        "libpango-1.0.so.0",
        "libQt6Quick.so.6",
        "PySide6/Qt/lib/libQt6Quick.so.6",
    }


def test_resources_that_the_program_names_exist() -> None:
    """And the spec takes their folder as a whole."""
    folders = "|".join(path.name for path in (ROOT / "resources").iterdir())
    words = re.compile(rf'"((?:{folders})/[^"{{}}]+)"')
    names = {name for source in SOURCES for name in words.findall(source.read_text("utf-8"))}
    assert "demo/demo.opus" in names
    assert not [name for name in sorted(names) if not resource(name).exists()]
    assert '"resources"), "resources")' in (PACKAGING / "karaoke_studio.spec").read_text()


def test_licences_of_parts_are_found(tmp_path: Path) -> None:
    import numpy
    import soundfile

    assert soundfile.__file__
    assert numpy.__file__
    sources = [Path(soundfile.__file__), Path(numpy.__file__)]
    names = licences.collect(sources, tmp_path / "licences")
    assert [name.split()[0] for name in names] == ["numpy", "Python", "soundfile"]
    for name in names:
        papers = [path.name for path in (tmp_path / "licences" / name).iterdir()]
        assert any("LICENSE" in paper for paper in papers), name


# --- the start ---


def test_the_package_is_forgotten() -> None:
    parts = "/opt/karaoke-studio/_internal"
    environment = {
        "HOME": "/home/x",
        "PATH": f"{parts}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "_PYI_ARCHIVE_FILE": "/opt/karaoke-studio/karaoke-studio",
        "_PYI_PARENT_PROCESS_LEVEL": "1",
        "LD_LIBRARY_PATH": f"{parts}{os.pathsep}/opt/mine",
        "LD_LIBRARY_PATH_ORIG": "/opt/mine",
        "QT_PLUGIN_PATH": f"{parts}/PySide6/Qt/plugins",
    }
    entry.forget_packaging(environment, parts)
    assert environment == {
        "HOME": "/home/x",
        "PATH": f"/usr/bin{os.pathsep}/bin",
        "LD_LIBRARY_PATH": "/opt/mine",
    }
    bare = {"HOME": "/home/x"}
    entry.forget_packaging(bare, parts)
    assert bare == {"HOME": "/home/x"}


# --- set-up ---


@posix_only
def test_set_up_for_packaging_is_done_once(tmp_path: Path) -> None:
    root, asked = tmp_path / "project", tmp_path / "asked"
    (root / "packaging").mkdir(parents=True)
    for name in ("pyproject.toml", "packaging/setup.sh", "packaging/constraints.txt"):
        shutil.copy(ROOT / name, root / name)
    tools = tmp_path / "tools"
    for file, script in (
        (tools / "dpkg-query", "echo install ok installed"),
        (root / ".venv/bin/python", f'echo "$@" >>"{asked}"'),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def set_up(profile: str) -> list[str]:
        asked.write_text("")
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        subprocess.run(
            [root / "packaging/setup.sh", profile],
            env=environment | {"PYTHON": sys.executable},
            capture_output=True,
            check=True,
            timeout=60,
        )
        return [line for line in asked.read_text().splitlines() if "pip install" in line]

    assert any(line.endswith("-e .[package]") for line in set_up("package"))
    assert set_up("package") == []
    assert set_up("run") == [], "what packs the program also runs it"
    assert any(line.endswith("-e .[dev]") for line in set_up("dev"))
    assert set_up("package") == []


@posix_only
def test_a_profile_that_is_none() -> None:
    done = subprocess.run(
        [PACKAGING / "setup.sh", "nonsense"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "nonsense" in done.stderr


# --- the checks of smoke.py, on programs that only pretend ---

PRETENDER = """
import json, os, sys
from pathlib import Path
fault, arguments = {fault!r}, sys.argv[1:]
if fault == "hangs":
    import time; time.sleep(60)
if fault == "traceback":
    print("Traceback (most recent call last):", file=sys.stderr)
if fault == "needs stdout" and sys.stdout is None:
    sys.exit(1)
if fault == "needs PYTHONPATH unset" and "PYTHONPATH" in os.environ:
    sys.exit(1)
if fault == "writes beside itself":
    (Path(__file__).parent / "cache").write_text("")
if fault == "fails":
    print("it is broken", file=sys.stderr)
    sys.exit(3)
if arguments == ["--smoke"]:
    if fault == "complains":
        print("qt.qpa.plugin: could not find xcb", file=sys.stderr)
elif arguments[0] == "doctor":
    health = dict(
        status="healthy",
        versions=dict.fromkeys(["torch", "av", "soundfile", "numpy", "mutagen"], "1.0"),
        codecs=dict(writes=["wav", "flac", "mp3", "m4a", "ogg", "opus"]),
        devices=[dict(name="cpu")],
        problems=[],
        folders=dict(data=os.environ["HOME"] + "/data"),
    )
    if fault == "no torch":
        health["versions"]["torch"] = None
    if fault == "no opus":
        health["codecs"]["writes"].remove("opus")
    if fault == "no device":
        health["devices"] = []
    if fault == "no sound":
        health["problems"] = [dict(what="There is no sound output.")]
    if fault == "problem":
        health["problems"] = [dict(what="The codecs could not be loaded.")]
    if fault == "other data":
        health["folders"]["data"] = "/var/data"
    print("no report" if fault == "no json" else json.dumps(health))
elif arguments[0] == "make":
    options = dict(zip(arguments, arguments[1:]))
    kind = options.get("--format", "flac")
    if fault == "wrong suffix" and kind == "mp3":
        kind = "wav"
    out = Path(options["--out"])
    out.mkdir()
    for song in [a for a in arguments if Path(a).is_file()]:
        paths = [out / f"{{Path(song).parent.name}} ({{stem}}).{{kind}}" for stem in "VI"]
        for path in paths[: 1 if fault == "one file" else 2]:
            path.write_bytes(b"x" * (10 if fault == "empty file" else 2000))
        is_short = fault == "short" and Path(song).suffix == ".m4a"
        result = dict(
            status="failed" if fault == "not made" else "completed",
            vocals_path=str(paths[0]),
            instrumental_path=str(paths[1]),
            engine="centre" if fault == "other engine" else "instant",
            null_exact=fault != "not exact",
            null_test_db=-60.0,
            realtime_factor=10.0,
            duration_s=40.0 if is_short else 44.9,
        )
        if fault == "no null test":
            del result["null_exact"]
        print("no result" if fault == "no json" else json.dumps(result))
"""


def pretend(tmp_path: Path, fault: str = "") -> Path:
    """A folder with a program that answers like the real one, but for one fault."""
    folder = tmp_path / "pretender"
    (folder / "resources/demo").mkdir(parents=True)
    shutil.copy(resource("demo/demo.opus"), folder / "resources/demo")
    (folder / "script.py").write_text(PRETENDER.format(fault=fault))
    program = folder / smoke.NAME
    # isolated: as deaf to PYTHONPATH and PYTHONHOME as the real one
    start = f'exec "{sys.executable}" -I "$(dirname "$0")/script.py" "$@"'
    program.write_text(f"#!/bin/sh\n{start}\n")
    program.chmod(0o755)
    return folder


@posix_only
@pytest.mark.parametrize("name", ["window", "doctor", "karaoke", "exports", "untouched"])
def test_a_check_that_holds(name: str, tmp_path: Path) -> None:
    with smoke.stranger(pretend(tmp_path)) as trial:
        assert getattr(smoke, f"check_{name}")(trial)


@posix_only
def test_a_lack_of_the_machine_is_not_the_packages(tmp_path: Path) -> None:
    with smoke.stranger(pretend(tmp_path, "no sound")) as trial:
        assert "There is no sound output." in smoke.check_doctor(trial)


@posix_only
@pytest.mark.parametrize(
    ("name", "fault", "why"),
    [
        ("window", "fails", "ended with 3: it is broken"),
        ("window", "traceback", "traceback"),
        ("window", "complains", "could not find xcb"),
        ("start", "fails", "ended with 3"),
        ("doctor", "fails", "ended with 3"),
        ("doctor", "no json", "not a report"),
        ("doctor", "no torch", "no torch"),
        ("doctor", "no opus", "can be written"),
        ("doctor", "no device", "no device"),
        ("doctor", "problem", "The codecs could not be loaded."),
        ("doctor", "other data", "/var/data"),
        ("karaoke", "not exact", "not exact"),
        ("karaoke", "other engine", "centre"),
        ("karaoke", "not made", "did not complete"),
        ("karaoke", "one file", "not there"),
        ("karaoke", "empty file", "empty"),
        ("karaoke", "no json", "no JSON"),
        ("exports", "not exact", "WAV"),
        ("exports", "wrong suffix", "mp3 was written as"),
        ("exports", "short", "m4a reads back with 40.0 s"),
        ("children", "", "a process runs"),
        ("library", "", "did not put the song"),
        ("streams", "needs stdout", "with >&-"),
        ("surroundings", "needs PYTHONPATH unset", "ended with 1"),
        ("cancel", "", "no child was seen at work"),
    ],
)
def test_a_check_that_does_not_hold(name: str, fault: str, why: str, tmp_path: Path) -> None:
    with (
        smoke.stranger(pretend(tmp_path, fault)) as trial,
        pytest.raises(smoke.Failed, match=re.escape(why)),
    ):
        getattr(smoke, f"check_{name}")(trial)


@posix_only
def test_a_program_that_writes_beside_itself(tmp_path: Path) -> None:
    with smoke.stranger(pretend(tmp_path, "writes beside itself")) as trial:
        smoke.check_window(trial)
        with pytest.raises(smoke.Failed, match="cache"):
            smoke.check_untouched(trial)


@posix_only
def test_a_program_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "TIMEOUT_S", 0.2)
    with (
        smoke.stranger(pretend(tmp_path, "hangs")) as trial,
        pytest.raises(smoke.Failed, match="had not ended"),
    ):
        smoke.check_window(trial)


@posix_only
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb")
def test_a_window_that_does_not_appear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "SCREEN_S", 0.5)
    with (
        smoke.stranger(pretend(tmp_path, "hangs")) as trial,
        pytest.raises(smoke.Failed, match="still empty"),
    ):
        smoke.check_screen(trial)


@linux_only
def test_children_that_are_not_the_packaged_program(tmp_path: Path) -> None:
    """The program from the checkout works as well as a packaged one, but is none."""
    folder = tmp_path / "checkout"
    (folder / "resources/demo").mkdir(parents=True)
    shutil.copy(resource("demo/demo.opus"), folder / "resources/demo")
    program = folder / smoke.NAME
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m karaoke_studio "$@"\n')
    program.chmod(0o755)
    with smoke.stranger(folder) as trial:
        assert smoke.check_karaoke(trial)
        assert smoke.check_cancel(trial)
        with pytest.raises(smoke.Failed, match="a process runs"):
            smoke.check_children(trial)


@linux_only
def test_a_program_that_does_all_by_itself(tmp_path: Path) -> None:
    true = shutil.which("true")
    assert true
    folder = tmp_path / "alone"
    folder.mkdir()
    shutil.copy(true, folder / smoke.NAME)
    with (
        smoke.stranger(folder) as trial,
        pytest.raises(smoke.Failed, match="no child with --worker"),
    ):
        smoke.check_children(trial)


@pytest.mark.parametrize(
    ("file", "foreign"),
    [
        ("/opt/ks/_internal/libpython3.11.so.1.0", False),
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", False),
        ("/usr/lib/libpython3.11.so.1.0", True),
        ("/home/x/.venv/lib/python3.11/site-packages/numpy/core.so", True),
        (str(ROOT / "resources/demo/demo.opus"), True),
    ],
)
def test_files_of_others(file: str, foreign: bool) -> None:
    assert smoke.is_foreign(file, Path("/opt/ks")) is foreign


def test_colours_on_a_screen(tmp_path: Path) -> None:
    """An XWD file: a header, a colour map with many entries, and the pixels."""
    picture = tmp_path / "screen"
    assert smoke.count_colours(picture) == 0
    header = [0] * 25
    header[0], header[19] = 100, 256
    colour_map = bytes(range(256)) * 12
    for pixels, count in (([0, 0xFFFFFF] * 500, 2), (list(range(1000)), 1000)):
        stored = struct.pack(">25I", *header) + colour_map + struct.pack("1000I", *pixels)
        picture.write_bytes(stored)
        assert smoke.count_colours(picture) == count


def test_each_check_has_a_name_of_its_own() -> None:
    names = [smoke.name_of(check) for check in smoke.CHECKS]
    assert len(set(names)) == len(names)
    defined = {name for name in vars(smoke) if name.startswith("check_")} - {"check_results"}
    assert {f"check_{name}" for name in names} == defined, "a check that is never made"


@posix_only
def test_the_exit_status_says_whether_all_held(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = str(pretend(tmp_path / "good"))
    assert smoke.main([good, "--only", "window", "karaoke"]) == 0
    assert capsys.readouterr().out.count("ok  ") == 2
    bad = str(pretend(tmp_path / "bad", "no null test"))
    assert smoke.main([bad, "--only", "window", "karaoke", "untouched"]) == 1
    window, karaoke, untouched = capsys.readouterr().out.splitlines()
    assert window.startswith("ok")
    assert karaoke.startswith("FAILED   karaoke: KeyError")
    assert untouched.startswith("ok")


def test_without_a_package_there_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert smoke.main([str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "make package" in line


@pytest.mark.slow
@linux_only
@pytest.mark.skipif(importlib.util.find_spec("PyInstaller") is None, reason="needs PyInstaller")
def test_the_package_is_built_and_works(tmp_path: Path) -> None:
    """Two minutes for the build, one and a half for the checks."""
    build = [sys.executable, PACKAGING / "build.py", "--out", tmp_path]
    subprocess.run(build, check=True, timeout=900)
    tried = [sys.executable, PACKAGING / "smoke.py", tmp_path / smoke.NAME]
    done = subprocess.run(tried, capture_output=True, text=True, timeout=900, check=False)
    shutil.rmtree(tmp_path / smoke.NAME)  # pytest keeps the folders of three runs
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n") == len(smoke.CHECKS)


def test_songs_can_be_dropped_on_the_desktop_entry() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.read_string(load("desktop_entry").ENTRY.format(program="/p q/karaoke-studio", name="n"))
    facts = entry["Desktop Entry"]
    assert facts["Exec"] == '"/p q/karaoke-studio" %F'
    types = facts["MimeType"].split(";")
    assert types[-1] == ""
    assert all(kind.count("/") == 1 for kind in types[:-1])
    assert {"audio/mpeg", "audio/flac", "video/mp4", "inode/directory"} <= set(types)
