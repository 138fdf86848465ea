"""What goes into the packaged program and what stays out: read by its spec and by the tests.

Paths are those inside the program's folder of parts, with forward slashes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

#: One file of the package as PyInstaller lists it: path in the package, source, kind.
Entry = tuple[str, str, str]

#: The kinds that link to libraries.
_CODE = frozenset({"BINARY", "EXTENSION"})

#: Modules that dependencies would bring in, and that nothing the program imports imports.
EXCLUDED_MODULES = (
    # drawing and editing that are not used
    "IPython",
    "matplotlib",
    "pandas",
    "pydub",
    "pyqtgraph",
    # Demucs' own files and encoders; ours read and write
    "lameenc",
    "sphn",
    # tells OpenVINO's makers what is done with it
    "openvino_telemetry",
    # tools for developers
    "_pytest",
    "mypy",
    "pip",
    "pytest",
    "pytestqt",
    "setuptools",
    "tkinter",
)

_DROPPED = (
    # PortAudio and what it stands on talk to the system's own sound server: only the system's fit
    r"lib(portaudio|asound|jack|db-5)[-.\w]*\.so[.\d]*",
    # plug-ins and drivers of a newer system would be given these, and refuse them
    r"lib(stdc\+\+|gcc_s)\.so[.\d]*",
    r"torch/(test|include|share)/.*",
    # torch refuses to be imported without torch_shm_manager
    r"torch/bin/(?!torch_shm_manager$).*",
    r"torch/lib/lib(jitbackend_test|torchbind_test|backend_with_compiler|aoti_custom_ops)\.so",
    # the processor is used, from files of its own format and from torch
    r"openvino/libs/libopenvino_(?!(intel_cpu_plugin|ir_frontend|pytorch_frontend)\.).+",
    r"openvino/include/.*",
    # one family of icons is used
    r"qtawesome/fonts/(?!phosphor).*",
    r"PySide6/Qt/translations/.*",
    r"PySide6/Qt/plugins/(egldeviceintegrations|generic|networkinformation|sqldrivers|tls)/.*",
    r"PySide6/Qt/plugins/platforms/libq(eglfs|linuxfb|minimal|minimalegl|vkkhrdisplay|vnc)\.so",
    r"PySide6/Qt/plugins/platforminputcontexts/libqtvirtualkeyboardplugin\.so",
    # of the builder's GTK, which need not be this system's
    r"PySide6/Qt/plugins/platformthemes/libqgtk3\.so",
    r"PySide6/Qt/plugins/imageformats/libqpdf\.so",
)
_IS_DROPPED = re.compile("|".join(f"(?:{pattern})" for pattern in _DROPPED))
#: Libraries that are here only because another file links to them: Qt's, and the system's.
_IS_LINKED = re.compile(r"(?:PySide6/Qt/lib/)?lib(?!python)[^/]*\.so[.\d]*")


def wanted(entries: Iterable[Entry]) -> list[Entry]:
    """Return the files that go into the package."""
    return [entry for entry in entries if not _IS_DROPPED.fullmatch(_path(entry))]


def still_needed(entries: list[Entry], needs: Callable[[str], Iterable[str]]) -> list[Entry]:
    """Return the files without the libraries that only files left out had needed.

    Args:
        entries: the files of the package.
        needs: names of the libraries that a program file links to.
    """
    kept = [entry for entry in entries if not _IS_LINKED.fullmatch(_path(entry))]
    linked = [entry for entry in entries if _IS_LINKED.fullmatch(_path(entry))]
    asked = kept
    names: set[str] = set()
    while True:
        names |= {name for _, source, kind in asked if kind in _CODE for name in needs(source)}
        asked = [entry for entry in linked if PurePosixPath(_path(entry)).name in names]
        if not asked:
            return kept
        kept = kept + asked
        linked = [entry for entry in linked if entry not in asked]


def _path(entry: Entry) -> str:
    return entry[0].replace("\\", "/")
