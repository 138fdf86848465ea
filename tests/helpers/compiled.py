"""librosa's compiled code for tests in parallel: made once, then copied, see `worker.compiled`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: Two test processes and a child of each; the process that starts them has a folder too.
_FOLDERS = 5
_WHOLE = "whole"
_COMPILE = (
    "import numpy as np\n"
    "from karaoke_studio.audio.analysis import RATE, estimate_key, estimate_tempo\n"
    "from karaoke_studio.preparation.feature_extractor import extract_features\n"
    "sound = np.random.default_rng(0).normal(0, 0.1, 4 * RATE).astype(np.float32)\n"
    "estimate_tempo(sound), estimate_key(sound), extract_features(sound)\n"
)


def compile_once(own: Path) -> None:
    """Compile into the folder `own`, which nobody else uses, and give copies to those to come."""
    if (own / _WHOLE).exists():
        return
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(own)}
    subprocess.run([sys.executable, "-c", _COMPILE], env=environment, check=True)
    for number in range(1, _FOLDERS):
        target = own.parent / str(number)
        shutil.copytree(own, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("lock"))
    (own / _WHOLE).touch()
