"""How well the engines split: SDR, share of the oracle's gain, leak, artefacts, speed.

    python benchmarks/quality.py --stems-folder FOLDER [--network NAME] [--json FILE]
    python benchmarks/quality.py --songs FOLDER

FOLDER holds a folder per song with `vocals.wav` and the rest of it (`accompaniment.wav`, or
`drums.wav`, `bass.wav` and `other.wav`), as MUSDB's does; `training.instant.mixdown` writes such
folders of songs that we synthesise. Songs without stems are judged by what their vocals tell. Every
song is also split as mono. `nothing` hands back the song, `half` half of it, `oracle` the best mask
between 0 and 1 on the engines' own grid. A network runs as the program runs it, files and all.

Share of the oracle's gain: (SDR - nothing) / (oracle - nothing), of the vocals: SDR alone says more
about how loud a voice is than about the split. Leak: what an engine hands back where nobody sings,
beside the music. Artefacts: what in the vocals is neither voice nor music, beside the vocals.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import librosa
import numpy as np
import soundfile as sf
import soxr

from karaoke_studio.separation.centre import CentreEngine
from karaoke_studio.separation.engine import Engine
from karaoke_studio.separation.instant import InstantEngine
from karaoke_studio.separation.stft import OVERLAP, ComplexArray, Grid
from tests.helpers.engines import separated
from tests.helpers.signals import FloatArray

RATE = 44_100
STEMS = ("accompaniment", "drums", "bass", "other")
Split = Callable[[FloatArray], FloatArray]


def power_db(samples: FloatArray) -> float:
    """Return the level in dB; silence is -200."""
    return 10 * float(np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def sdr_db(found: FloatArray, true: FloatArray) -> float:
    """Return how much louder the true signal is than the error."""
    return power_db(true) - power_db(found - true)


def second_sdr_db(found: FloatArray, true: FloatArray) -> float:
    """Return the median over seconds in which the true signal is not silent."""
    seconds = range(true.shape[1] // RATE)
    parts = [slice(second * RATE, (second + 1) * RATE) for second in seconds]
    heard = [part for part in parts if power_db(true[:, part]) > power_db(true) - 30]
    return float(np.median([sdr_db(found[:, part], true[:, part]) for part in heard or parts]))


def artefacts_db(found: FloatArray, vocals: FloatArray, music: FloatArray) -> float:
    """Return what of the found vocals no mixture of voice and music explains, beside them."""
    parts = np.stack([vocals.ravel(), music.ravel()]).astype(np.float64)
    gains, *_ = np.linalg.lstsq(parts @ parts.T, parts @ found.ravel(), rcond=None)
    return power_db(found.ravel() - gains @ parts) - power_db(found)


def spectrum(samples: FloatArray) -> ComplexArray:
    """Return the columns (columns, bins) of (frames,)."""
    grid = Grid.for_rate(RATE)
    columns = grid.segments(len(samples)) + OVERLAP - 1
    start, stop = grid.span(0, columns)
    padded = np.pad(samples, (-start, stop - len(samples)))
    scratch = np.empty((columns, grid.n_fft), np.float32)
    return grid.analyse(padded, scratch, np.empty((columns, grid.bins), np.complex64))


def from_spectrum(columns: ComplexArray, frames: int) -> FloatArray:
    """Return the samples (frames,) of `spectrum`'s columns."""
    grid = Grid.for_rate(RATE)
    return grid.synthesise(columns, np.empty((len(columns), grid.n_fft), np.float32))[:frames]


def oracle(song: FloatArray, vocals: FloatArray) -> FloatArray:
    """Return the vocals by the mask |V| / (|V| + |A|)."""
    found = []
    for mixed, sung in zip(song, vocals, strict=True):
        whole, part = spectrum(mixed), spectrum(sung)
        size = np.abs(part)
        whole *= size / (size + np.abs(whole - part) + 1e-12)
        found.append(from_spectrum(whole, song.shape[1]))
    return np.stack(found)


def repet_sim(song: FloatArray) -> FloatArray:
    """Return what does not come again elsewhere in the song.

    Source: Z. Rafii, B. Pardo, "Music/voice separation using the similarity matrix", ISMIR 2012.
    """
    found = []
    for mixed in song:
        whole = spectrum(mixed)
        size = np.abs(whole).T
        again = librosa.decompose.nn_filter(size, aggregate=np.median, metric="cosine", width=86)
        again = np.minimum(size, again)
        mask = librosa.util.softmask(size - again, 10 * again, power=2)
        found.append(from_spectrum((whole * mask.T).astype(np.complex64), song.shape[1]))
    return np.stack(found)


def by_engine(engine: Engine) -> Split:
    """Split by a built-in engine."""
    return lambda song: separated(engine, song, RATE)


def by_network(name: str) -> Split:
    """Split by a network that is installed, through the program's own command."""

    def split(song: FloatArray) -> FloatArray:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "song.wav")
            sf.write(path, song.T, RATE, subtype="FLOAT")
            command = [sys.executable, "-m", "karaoke_studio", "make", "--json", "--quiet"]
            command += ["--engine", name, "--format", "wav", "--out", folder, str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            made = json.loads(done.stdout.splitlines()[-1])
            return read(Path(made["vocals_path"]))

    return split


def read(path: Path) -> FloatArray:
    """Return float32 (2, frames) at 44.1 kHz."""
    samples, rate = sf.read(path, dtype="float32", always_2d=True)
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE)
    return np.ascontiguousarray(np.broadcast_to(samples.T, (2, len(samples))))


def judge_stems(folder: Path, ways: dict[str, Split]) -> dict[str, dict[str, float]]:
    """Return the figures of one song, for each way and width."""
    vocals = read(folder / "vocals.wav")
    music = np.zeros_like(vocals)
    for stem in STEMS:
        if (folder / f"{stem}.wav").exists():
            music += read(folder / f"{stem}.wav")
    rows = {}
    for width in ("stereo", "mono"):
        if width == "mono":
            vocals, music = vocals.mean(axis=0)[None], music.mean(axis=0)[None]
        song = vocals + music
        ideal = oracle(song, vocals)
        nothing, best = sdr_db(song, vocals), sdr_db(ideal, vocals)
        for name, way in ways.items():
            started = time.perf_counter()
            found = ideal if name == "oracle" else way(song)
            spent_s = time.perf_counter() - started
            mine = sdr_db(found, vocals)
            row = {
                "vocals_db": mine,
                "music_db": sdr_db(song - found, music),
                "vocals_1s_db": second_sdr_db(found, vocals),
                "music_1s_db": second_sdr_db(song - found, music),
                "share": (mine - nothing) / (best - nothing),
                "artefacts_db": artefacts_db(found, vocals, music),
            }
            if name != "oracle":
                row["realtime"] = song.shape[1] / RATE / spent_s
                row["leak_db"] = power_db(way(music)) - power_db(music)
            rows[f"{name}, {width}"] = row
    return rows


def judge_song(path: Path, ways: dict[str, Split]) -> dict[str, dict[str, float]]:
    """Return what a song without stems tells: where its vocals are, and how deep they fall."""
    song = read(path)
    rows = {}
    for name, way in ways.items():
        found = way(song)
        seconds = found[:, : found.shape[1] // RATE * RATE].reshape(2, -1, RATE)
        levels = 10 * np.log10(np.mean(np.square(seconds), axis=(0, 2)) + 1e-20)
        size = np.abs(spectrum(found.mean(axis=0))) ** 2
        hertz = np.linspace(0, RATE / 2, size.shape[1])
        rows[name] = {
            "vocals_re_song_db": power_db(found) - power_db(song),
            "quietest_tenth_re_song_db": float(np.percentile(levels, 10)) - power_db(song),
            "left_right_correlation": float(np.corrcoef(found)[0, 1]),
            "within_150_5000_hz": float(
                size[:, (hertz > 150) & (hertz < 5000)].sum() / (size.sum() + 1e-20)
            ),
        }
    return rows


def medians(songs: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return the median of every figure over the songs."""
    return {
        name: {key: round(float(np.median([song[name][key] for song in songs])), 3) for key in row}
        for name, row in songs[0].items()
    }


def show(table: dict[str, dict[str, float]]) -> None:
    """Print a table, a line per way."""
    columns = list(dict.fromkeys(key for row in table.values() for key in row))
    print(f"{'':18}" + "".join(f"{column:>14.13}" for column in columns))
    for name, row in table.items():
        cells = (f"{row[key]:14.2f}" if key in row else f"{'':14}" for key in columns)
        print(f"{name:18}" + "".join(cells))


def main() -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stems-folder", type=Path, help="songs with stems, a folder each")
    parser.add_argument("--songs", type=Path, help="songs without stems")
    parser.add_argument("--network", action="append", default=[], help="a model that is installed")
    parser.add_argument("--most", type=int, default=1000, metavar="N", help="songs at most")
    parser.add_argument("--without-repet", action="store_true", help="leave the slow one out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures of every song")
    options = parser.parse_args()
    if not options.stems_folder and not options.songs:
        parser.error("Name a folder with --stems-folder or --songs.")
    ways: dict[str, Split] = {
        "centre": by_engine(CentreEngine()),
        "instant": by_engine(InstantEngine()),
        **{name: by_network(name) for name in options.network},
    }
    if not options.without_repet:
        ways["repet-sim"] = repet_sim
    told: dict[str, object] = {}
    if options.songs:
        for path in sorted(options.songs.iterdir())[: options.most]:
            rows = judge_song(path, ways)
            told[path.name] = rows
            print(path.name)
            show(rows)
    if options.stems_folder:
        bounds: dict[str, Split] = {"nothing": lambda song: song, "half": lambda song: song / 2}
        folders = sorted(path.parent for path in options.stems_folder.glob("*/vocals.wav"))
        everything = {**bounds, **ways, "oracle": lambda song: song}
        songs = [judge_stems(folder, everything) for folder in folders[: options.most]]
        told["songs"] = dict(zip([folder.name for folder in folders], songs, strict=False))
        told["medians"] = medians(songs)
        print(f"Medians of {len(songs)} songs")
        show(medians(songs))
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
