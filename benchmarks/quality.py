"""How well the engines split: SDR, share of the oracle's gain, leak, artefacts, speed.

    python benchmarks/quality.py --stems-folder FOLDER [--network NAME] [--model-folder FOLDER]
    python benchmarks/quality.py --songs FOLDER [--json FILE] [--pictures FOLDER]

FOLDER holds, at any depth, a folder per song with `vocals.wav` and the rest of it: `drums.wav`,
`bass.wav` and `other.wav` as MUSDB has them, or `accompaniment.wav`, or the whole, `mixture.wav`;
`training.instant.mixdown` writes such folders of songs that we synthesise. Every song is also split
as mono. `nothing` hands back the song, `half` half of it, `oracle` the best mask between 0 and 1 on
the engines' own grid. A network runs as the program runs it, files and all.

Share of the oracle's gain: (SDR - nothing) / (oracle - nothing), of the vocals: SDR alone says more
about how loud a voice is than about the split. Leak: what an engine hands back of the music alone,
beside it. Artefacts: what in the vocals is neither voice nor music, beside the vocals.

With `--score` each split is also judged without the truth, as the program does (`score`,
`judged_db`), and it is printed how well that goes with the SDR of the vocals: over the songs, and,
by the curve of doubt, over the seconds of each song in which somebody sings (`judged_1s`).

Songs without stems are judged by what can be told of them. Null depth: how far the vocals fall
below the song where nobody sings, which `NAME.voiceless` beside the song says (a line per part,
two numbers of seconds); without it, where all ways together find the least of them. Voice band: how
much the level of what was found goes with that of the song's middle from 300 to 3400 Hz.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
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
from numpy.typing import NDArray
from PySide6.QtGui import QImage
from scipy.stats import spearmanr

from karaoke_studio.separation.centre import CentreEngine
from karaoke_studio.separation.cores import usable_processors
from karaoke_studio.separation.engine import Engine
from karaoke_studio.separation.instant import InstantEngine
from karaoke_studio.separation.mask_net import load_weights
from karaoke_studio.separation.split_measures import measure
from karaoke_studio.separation.stft import OVERLAP, ComplexArray, Grid
from karaoke_studio.separation.verdict import judge
from tests.helpers.engines import ArraySource, separated
from tests.helpers.signals import FloatArray

RATE = 44_100
#: Seconds from one level to the next, where a song without stems is judged.
LEVEL_S = 0.1
Split = Callable[[FloatArray], FloatArray]
Table = dict[str, dict[str, float]]


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


def correlation(one: FloatArray, other: FloatArray) -> float:
    """Return how much two go together, -1 to 1; 0 where one of them never changes."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


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


def rank_correlation(one: FloatArray, other: FloatArray) -> float:
    """Return Spearman's rank correlation, -1 to 1; NaN where one of them never changes."""
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(spearmanr(one, other).statistic)


def judged(found: FloatArray, song: FloatArray, vocals: FloatArray) -> dict[str, float]:
    """Return what is told of a split without the truth, and how it goes with the truth."""
    stems = (ArraySource(part, RATE) for part in (found, song - found))
    verdict = judge(measure(*stems, lambda _: None, lambda: None))
    seconds = vocals.shape[1] // RATE
    parts = [slice(second * RATE, (second + 1) * RATE) for second in range(seconds)]
    told = 1 - verdict.doubts[: 2 * seconds].reshape(seconds, 2).mean(axis=1)
    sung = [n for n, part in enumerate(parts) if power_db(vocals[:, part]) > power_db(vocals) - 30]
    true = np.array([sdr_db(found[:, parts[n]], vocals[:, parts[n]]) for n in sung], np.float32)
    return {
        "score": verdict.score,
        "judged_db": verdict.vocals_db,
        "judged_1s": rank_correlation(told[sung].astype(np.float32), true),
    }


def by_engine(engine: Engine) -> Split:
    """Split by a built-in engine."""
    return lambda song: separated(engine, song, RATE)


def by_network(name: str, models: Path | None) -> Split:
    """Split by a network that is installed or in a folder, through the program's own command."""

    def split(song: FloatArray) -> FloatArray:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "song.wav")
            sf.write(path, song.T, RATE, subtype="FLOAT")
            command = [sys.executable, "-m", "karaoke_studio", "make", "--json", "--quiet"]
            command += ["--engine", name, "--format", "wav", "--bit-depth", "32f"]
            command += ["--model-folder", str(models)] if models else []
            command += ["--out", folder, str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            made = json.loads(done.stdout.splitlines()[-1])
            return read(Path(made["vocals_path"]))[: len(song)]

    return split


def read(path: Path) -> FloatArray:
    """Return float32 (2, frames) at 44.1 kHz."""
    samples, rate = sf.read(path, dtype="float32", always_2d=True)
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE)
    return np.ascontiguousarray(np.broadcast_to(samples.T, (2, len(samples))))


def read_stems(folder: Path) -> tuple[FloatArray, FloatArray]:
    """Return the vocals and the music of a song's folder."""
    vocals = read(folder / "vocals.wav")
    for names in (("accompaniment",), ("drums", "bass", "other")):
        paths = [folder / f"{name}.wav" for name in names]
        if all(path.exists() for path in paths):
            return vocals, np.sum([read(path) for path in paths], axis=0)
    return vocals, read(folder / "mixture.wav") - vocals


def judge_stems(folder: Path, ways: dict[str, Split], *, scored: bool = False) -> Table:
    """Return the figures of one song, for each way and width; where `scored`, also `judged`."""
    vocals, music = read_stems(folder)
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
            if scored and name != "nothing":
                row |= judged(found, song, vocals)
            rows[f"{name}, {width}"] = row
    return rows


def judge_song(path: Path, ways: dict[str, Split]) -> Table:
    """Return what a song without stems tells of each way."""
    song = read(path)
    found = {name: way(song) for name, way in ways.items()}
    levels = {name: _levels(vocals) for name, vocals in found.items()}
    whole, band = _levels(song), _levels(_voice_band(song))
    voiceless = _voiceless(path, whole, list(levels.values()))
    rows = {}
    for name, vocals in found.items():
        music = _levels(song - vocals)
        rows[name] = {
            "vocals_level": power_db(vocals) - power_db(song),
            "null_depth_db": _mean_db(whole[voiceless]) - _mean_db(levels[name][voiceless]),
            "voice_band": correlation(levels[name], band),
            "music_band": correlation(music, band),
            "left_right": correlation(*vocals),
            "voiceless_s": float(voiceless.sum()) * LEVEL_S,
        }
    return rows


def _levels(samples: FloatArray) -> FloatArray:
    """Return the levels in dB, every `LEVEL_S`, no less than -80."""
    step = round(LEVEL_S * RATE)
    parts = samples[:, : samples.shape[1] // step * step].reshape(len(samples), -1, step)
    power = np.mean(np.square(parts), axis=(0, 2), dtype=np.float64)
    return (10 * np.log10(power + 1e-8)).astype(np.float32)


def _mean_db(levels: FloatArray) -> float:
    return 10 * float(np.log10(np.mean(10 ** (levels.astype(np.float64) / 10))))


def _voice_band(song: FloatArray) -> FloatArray:
    columns = spectrum(song.mean(axis=0))
    hertz = np.linspace(0, RATE / 2, columns.shape[1])
    columns[:, (hertz < 300) | (hertz > 3400)] = 0
    return from_spectrum(columns, song.shape[1])[None]


def _voiceless(path: Path, whole: FloatArray, levels: list[FloatArray]) -> NDArray[np.bool_]:
    """Return for every level whether nobody sings: as a file says, else as all ways find."""
    told = path.with_suffix(".voiceless")
    if told.exists():
        at = (np.arange(len(whole)) + 0.5) * LEVEL_S
        parts = [line.split() for line in told.read_text().splitlines() if line.strip()]
        spans = [(at > float(start)) & (at < float(stop)) for start, stop in parts]
        return np.asarray(np.any(spans, axis=0))
    beside = np.median(levels, axis=0) - whole
    beside[whole < whole.max() - 50] = 0
    return np.asarray(beside <= np.percentile(beside, 10))


def machine() -> dict[str, object]:
    """Return what the speeds were measured on."""
    told = np.show_config(mode="dicts")
    blas = told["Build Dependencies"]["blas"]
    return {
        "processor": _processor(),
        "processors": usable_processors(),
        "simd": told["SIMD Extensions"]["found"],
        "numpy": np.__version__,
        "blas": f"{blas['name']} {blas['version']}",
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "all"),
        "system": platform.platform(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def picture(target: Path, parts: list[FloatArray]) -> None:
    """Draw spectrograms up to 8 kHz, one above the other, 70 dB from black to white."""
    rows = []
    for part in parts:
        size = np.abs(spectrum(part.mean(axis=0))[:, : round(8000 / RATE * 4096)]).T
        rows += [20 * np.log10(size[::-1] + 1e-9), np.full((4, size.shape[1]), 200.0)]
    levels = np.concatenate(rows)
    top = np.percentile(levels[levels < 199], 99.8)
    grey = np.ascontiguousarray(np.clip((levels - top + 70) * 255 / 70, 0, 255).astype(np.uint8))
    height, width = grey.shape
    QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8).save(str(target))


def medians(songs: list[Table]) -> Table:
    """Return the median of every figure over the songs."""
    return {
        name: {
            key: round(float(np.nanmedian([song[name][key] for song in songs])), 3) for key in row
        }
        for name, row in songs[0].items()
    }


def show(table: Table) -> None:
    """Print a table, a line per way."""
    columns = list(dict.fromkeys(key for row in table.values() for key in row))
    print(f"{'':18}" + "".join(f"{column:>14.13}" for column in columns))
    for name, row in table.items():
        cells = (f"{row[key]:14.2f}" if key in row else f"{'':14}" for key in columns)
        print(f"{name:18}" + "".join(cells))


def show_correlations(songs: list[Table]) -> None:
    """Print how well the scores of each way go with the SDR of the vocals over the songs."""
    print(f"Rank correlation of score and SDR of the vocals over {len(songs)} songs; error in dB")
    ways = [name for name, row in songs[0].items() if "score" in row]
    every: list[tuple[float, float]] = []
    for name in ways:
        pairs = [(song[name]["score"], song[name]["vocals_db"]) for song in songs]
        errors = [abs(song[name]["judged_db"] - song[name]["vocals_db"]) for song in songs]
        every += pairs
        told, true = np.array(pairs, np.float32).T
        print(f"{name:18}{rank_correlation(told, true):14.2f}{np.median(errors):14.2f}")
    told, true = np.array(every, np.float32).T
    print(f"{'all':18}{rank_correlation(told, true):14.2f}")


def judge_folder(
    folder: Path, ways: dict[str, Split], options: argparse.Namespace
) -> dict[str, Table]:
    """Judge all songs with stems; print, and return every figure by song."""
    bounds: dict[str, Split] = {"nothing": lambda song: song, "half": lambda song: song / 2}
    folders = sorted(path.parent for path in folder.rglob("vocals.wav"))[: options.most]
    if not folders:
        raise SystemExit(f"There is no vocals.wav in {folder}.")
    everything = {**bounds, **ways, "oracle": lambda song: song}
    songs = {
        str(one.relative_to(folder)): judge_stems(one, everything, scored=options.score)
        for one in folders
    }
    print(f"Medians of {len(songs)} songs")
    show(medians(list(songs.values())))
    if options.score:
        show_correlations(list(songs.values()))
    if options.pictures:
        for name, way in ways.items():
            worst = min(songs, key=lambda song: songs[song][f"{name}, stereo"]["share"])
            print(f"{name} does worst on {worst}")
            vocals, music = read_stems(folder / worst)
            file = f"{name}-{worst.replace(os.sep, '-')}.png"
            picture(options.pictures / file, [vocals + music, vocals, way(vocals + music)])
    return songs


def main() -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stems-folder", type=Path, help="songs with stems, a folder each")
    parser.add_argument("--songs", type=Path, help="songs without stems")
    parser.add_argument(
        "--weights", action="append", default=[], type=Path, help="an .npz to try in `instant`"
    )
    parser.add_argument(
        "--narrowed", action="store_true", help="also try `instant` narrowed to the centre"
    )
    parser.add_argument(
        "--network", action="append", default=[], help="a Demucs model, by its name"
    )
    parser.add_argument("--model-folder", type=Path, help="where models are looked for first")
    parser.add_argument("--most", type=int, default=1000, metavar="N", help="songs at most")
    parser.add_argument("--without-repet", action="store_true", help="leave the slow one out")
    parser.add_argument(
        "--score", action="store_true", help="judge each split without the truth, too"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures of every song")
    parser.add_argument(
        "--pictures", type=Path, help="draw each one's worst song: whole, true, found"
    )
    options = parser.parse_args()
    if not options.stems_folder and not options.songs:
        parser.error("Name a folder with --stems-folder or --songs.")
    nets = {"instant": None, **{path.stem: load_weights(path) for path in options.weights}}
    ways: dict[str, Split] = {
        "centre": by_engine(CentreEngine()),
        **{name: by_engine(InstantEngine(weights=net)) for name, net in nets.items()},
        **{name: by_network(name, options.model_folder) for name in options.network},
    }
    if options.narrowed:
        narrowed = {f"{name} x c": net for name, net in nets.items()}
        for name, net in narrowed.items():
            ways[name] = by_engine(InstantEngine(weights=net, narrows_to_centre=True))
    if not options.without_repet:
        ways["repet-sim"] = repet_sim
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    told: dict[str, object] = {"machine": machine()}
    if options.songs:
        paths = [path for path in sorted(options.songs.iterdir()) if path.suffix != ".voiceless"]
        without = {path.name: judge_song(path, ways) for path in paths[: options.most]}
        for name, rows in without.items():
            print(name)
            show(rows)
        told["without_stems"] = without
    if options.stems_folder:
        songs = judge_folder(options.stems_folder, ways, options)
        told |= {"songs": songs, "medians": medians(list(songs.values()))}
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
