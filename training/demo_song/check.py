"""Measure the demo song: `python training/demo_song/check.py STEMS` prints figures and draws PNGs.

STEMS is the folder that `make.py --stems` filled. Exit code 1 where a goal is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import make
import matplotlib.pyplot as plt
import mix
import numpy as np
import pyworld
import soundfile
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks, stft

RATE = mix.SAMPLE_RATE


def main() -> int:
    """Print one line for each figure with its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stems", type=Path)
    parser.add_argument("--demo", type=Path, default=make.TARGET)
    options = parser.parse_args()
    words = json.loads((options.demo / "demo.json").read_text(encoding="utf-8"))
    stems = {
        name: soundfile.read(options.stems / f"{name}.wav")[0]
        for name in ("vocals", "band", "mix", "lead")
    }
    decoded = decode(options.demo / "demo.opus")
    rows = [*file_figures(options.demo / "demo.opus", decoded), *level_figures(stems, words)]
    rows += [*pitch_figures(stems, words), *onset_figures(stems["lead"], words)]
    missed = 0
    for name, value, unit, low, high in rows:
        good = low <= value <= high
        missed += not good
        print(f"{'ok  ' if good else 'MISS'} {name:44s} {value:9.2f} {unit:6s} [{low:g}, {high:g}]")
    draw(options.stems, stems, words)
    return 1 if missed else 0


def decode(path: Path) -> np.ndarray:
    """Decode the encoded song as float (frames, 2), without clipping."""
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "decoded.wav"
        command = ["opusdec", "--quiet", "--float", "--rate", str(RATE), str(path), str(wave)]
        subprocess.run(command, check=True, capture_output=True)
        return soundfile.read(wave)[0]


def decibels(value: float) -> float:
    return 20 * float(np.log10(max(value, 1e-9)))


def file_figures(path: Path, decoded: np.ndarray) -> list[tuple]:
    """Size, length, level and edges of the file as a listener gets it."""
    edge = RATE // 200
    return [
        ("size", path.stat().st_size / 1000, "KB", 0, 700),
        ("length", len(decoded) / RATE, "s", 30, 45),
        ("decoded peak", decibels(np.abs(decoded).max()), "dBFS", -6, -1),
        ("decoded loudness", mix.loudness(decoded), "LUFS", -16, -14),
        ("first 5 ms", decibels(np.abs(decoded[:edge]).max()), "dBFS", -200, -60),
        ("last 5 ms", decibels(np.abs(decoded[-edge:]).max()), "dBFS", -200, -60),
        ("offset (DC)", decibels(np.abs(decoded.mean(axis=0)).max()), "dBFS", -200, -60),
    ]


def level_figures(stems: dict[str, np.ndarray], words: dict) -> list[tuple]:
    """Voice against band, sum of the stems, steps that would be heard as clicks."""
    vocals, band, song = stems["vocals"], stems["band"], stems["mix"]
    rows = np.zeros(len(song), bool)
    for line in words["lines"]:
        rows[round(line["start"] * RATE) : round(line["end"] * RATE)] = True
    over = mix.loudness(vocals[rows]) - mix.loudness(band[rows])
    left, right = vocals[:, 0], vocals[:, 1]
    return [
        ("voice over band while singing", over, "dB", -2, 1),
        ("stems against mix", decibels(np.abs(vocals + band - song).max()), "dBFS", -200, -120),
        ("left/right correlation of the voice", float(np.corrcoef(left, right)[0, 1]), "", 0.6, 1),
        ("left/right correlation of the band", float(np.corrcoef(band.T)[0, 1]), "", 0.1, 0.95),
        ("clicks in the lead", clicks(stems["lead"]), "", 0, 0),
    ]


def clicks(samples: np.ndarray) -> float:
    """Count steps in the sound: 5 ms blocks whose sharpest corner stands alone among neighbours."""
    block = RATE // 200
    corner = np.abs(np.diff(samples, 3)) / np.abs(samples).max()
    sharpest = corner[: len(corner) // block * block].reshape(-1, block).max(axis=1)
    around = np.max([np.roll(sharpest, k) for k in (-4, -3, -2, 2, 3, 4)], axis=0)
    return float(np.count_nonzero((sharpest > 3 * around) & (sharpest > 0.01)))


def pitch_figures(stems: dict[str, np.ndarray], words: dict) -> list[tuple]:
    """Distance of the sung pitch from the score, on the dry lead and on the finished vocals."""
    notes = [note for line in words["lines"] for word in line["words"] for note in word["notes"]]
    out = []
    for name, goal in (("lead", 15), ("vocals", 20)):
        samples = stems[name] if stems[name].ndim == 1 else stems[name].mean(axis=1)
        samples = np.ascontiguousarray(samples, dtype=np.float64)
        f0, times = pyworld.harvest(samples, RATE, f0_floor=120, f0_ceil=700)
        f0 = pyworld.stonemask(samples, f0, times, RATE)
        misses, centres = [], []
        for note in notes:
            inside = (times > note["start"] + 0.06) & (times < note["end"] - 0.04) & (f0 > 0)
            cents = 1200 * np.log2(f0[inside] / 440) - 100 * (note["midi"] - 69)
            misses.append(np.abs(cents))
            if len(cents) > 10:
                centres.append(abs(np.median(cents)))
        frames = np.concatenate(misses)
        out.append((f"pitch error, median frame ({name})", np.median(frames), "cents", 0, goal))
        out.append(
            (f"pitch error, 90 % of frames ({name})", np.quantile(frames, 0.9), "cents", 0, 60)
        )
        if name == "lead":
            out.append(("pitch error, worst note (lead)", max(centres), "cents", 0, 40))
    return out


def onset_figures(lead: np.ndarray, words: dict) -> list[tuple]:
    """Distance of each word's start from where the dry lead is heard to begin it.

    After a pause that is where the level rises; inside a line it is the nearest clear change of
    the spectrum. Between two soft sounds (m-b, v-th) no change is clear, so 95 % is asked for.
    """
    hop = RATE // 500
    _, times, spectrum = stft(lead, RATE, nperseg=480, noverlap=480 - hop, boundary="zeros")
    strength = np.abs(spectrum[3:160])
    level = np.log(strength + 1e-4 * strength.max())
    change = np.abs(gaussian_filter1d(level, 3.0, axis=1, order=1)).mean(axis=0)
    peaks, _ = find_peaks(change)
    loud = 20 * np.log10(strength.max(axis=0) / strength.max() + 1e-9) > -45
    after_pause, inside = [], []
    for line in words["lines"]:
        first = line["words"][0]["start"]
        heard = times[(times > first - 0.04) & loud][0]
        after_pause.append(abs(heard - first) * 1000)
        for word in line["words"][1:]:
            near = np.abs(times - word["start"]) <= 0.08
            clear = peaks[near[peaks] & (change[peaks] > 0.3 * change[near].max())]
            inside.append(np.abs(times[clear] - word["start"]).min() * 1000)
    return [
        ("line start from first sound, worst", max(after_pause), "ms", 0, 30),
        ("word start from sound change, median", float(np.median(inside)), "ms", 0, 15),
        ("word start from sound change, 95 %", float(np.quantile(inside, 0.95)), "ms", 0, 30),
    ]


def draw(folder: Path, stems: dict[str, np.ndarray], words: dict) -> None:
    """Draw spectrograms of lead, vocals and mix in rows of 15 s, with the words on them."""
    for name in ("lead", "vocals", "band", "mix"):
        samples = stems[name] if stems[name].ndim == 1 else stems[name].mean(axis=1)
        hertz, times, spectrum = stft(samples, RATE, nperseg=2048, noverlap=1536)
        level = 20 * np.log10(np.abs(spectrum) + 1e-7)
        figure, axes = plt.subplots(3, 1, figsize=(26, 18), layout="tight")
        for row, axis in enumerate(axes):
            top = level.max()
            axis.pcolormesh(times, hertz, level, vmin=top - 80, vmax=top, cmap="magma")
            axis.set(xlim=(row * 15, row * 15 + 15), ylim=(0, 12000), title=name)
            for line in words["lines"]:
                for word in line["words"]:
                    axis.axvline(word["start"], color="white", lw=0.5)
                    axis.text(word["start"], 11300, word["text"], color="white", clip_on=True)
                    for note in word["notes"]:
                        pitch = 440 * 2 ** ((note["midi"] - 69) / 12)
                        axis.plot([note["start"], note["end"]], [pitch, pitch], "c", lw=0.8)
        figure.savefig(folder / f"{name}.png", dpi=55)
        plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
