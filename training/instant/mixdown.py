"""Writes mixes as multitracks: `python -m training.instant.mixdown DATA FOLDER --count 40`.

Each becomes FOLDER/NUMBER with `mixture.wav`, `vocals.wav` and `accompaniment.wav`, in float: the
layout that `benchmarks/quality.py --stems-folder` reads. Mixed as for training, but seeded by
its number alone, sixteen seconds, and with somebody singing in each.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile

from training.instant.effects import rms
from training.instant.mixing import Desk
from training.instant.store import SAMPLE_RATE

_SECONDS = 16
_LEAST_VOICE, _LEAST_MUSIC = 1e-3, 5e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--validation", action="store_true", help="what training leaves out")
    options = parser.parse_args()
    desk = Desk(options.data / "songs", options.data / "takes", validation=options.validation)
    written = seed = 0
    while written < options.count:
        music, voice = desk.mix(np.random.default_rng([4, seed]), _SECONDS * SAMPLE_RATE)
        seed += 1
        if rms(voice) < _LEAST_VOICE or rms(music) < _LEAST_MUSIC:
            continue
        folder = options.folder / f"{written:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        parts = {"mixture": music + voice, "vocals": voice, "accompaniment": music}
        for name, samples in parts.items():
            path = folder / f"{name}.wav"
            soundfile.write(path, samples.T, SAMPLE_RATE, subtype="FLOAT")
        written += 1


if __name__ == "__main__":
    main()
