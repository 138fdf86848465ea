"""Torch and OpenVINO are never loaded together in a process that lives on."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import karaoke_studio

PACKAGE = Path(karaoke_studio.__file__).parent

_ENGINE = """
import sys
from karaoke_studio.separation import demucs_engine, torch_layers, torch_networks, torch_trials
from karaoke_studio.worker import engine
engine.warm_up({}, None)
print({"torch", "openvino"} & sys.modules.keys())
"""
_OPENVINO = """
import sys
from karaoke_studio.separation import calibration, converted, openvino_engine, shelf, trials
from karaoke_studio.worker import openvino
openvino.warm_up({}, None)
print({"torch", "openvino"} & sys.modules.keys())
"""


@pytest.mark.parametrize(("program", "loaded"), [(_ENGINE, "torch"), (_OPENVINO, "openvino")])
def test_all_that_a_child_imports_brings_its_own_runtime_only(program: str, loaded: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == f"{{{loaded!r}}}", done.stderr


def names_in(path: Path) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module)} | {f"{node.module}.{name.name}" for name in node.names}
    return found


def files_with(names: dict[Path, set[str]], wanted: str) -> set[str]:
    return {path.stem for path, found in names.items() if wanted in found}


def test_only_the_converter_holds_both_and_it_ends_with_its_task() -> None:
    paths = [*PACKAGE.rglob("*.py")]
    imports = {path: imports_of(path) for path in paths}
    base = "karaoke_studio.separation"
    assert files_with(imports, "openvino") == {"openvino_runtime"}
    # the one place where both meet: a task of the engine child …
    meeting = f"{base}.openvino_runtime.load_openvino"
    assert files_with(imports, meeting) == {"openvino_conversion"}
    assert files_with(imports, f"{base}.openvino_conversion") == {"engine", "torch_trials"}
    # … that is asked for in one place, of a worker that is closed behind it
    strings = {path: names_in(path) for path in paths}
    assert {path.name for path in paths if "convert_network" in strings[path]} == {
        "conversion.py",
        "engine.py",
    }
