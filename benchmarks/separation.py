"""How quickly songs are separated here, against upstream's own program on the same machine.

    make bench
    python benchmarks/separation.py [--quick] [--check] [--json FILE] [--only WORD,WORD]
        [--model NAME --model-folder FOLDER] [--seconds 20] [--rounds 5] [--threads N]

Upstream's `apply_model` and every way of ours run in processes of their own, in turn, at the same
priority; samples count during which nobody else used more than a tenth of a core, if there are any.
The network is htdemucs in its true size with random weights: its arithmetic and its time are those
of the published one, its errors are not. `--model` takes a real one. The song is synthetic.

Times are for a pair (vocals, and the rest of the song), with the model loaded and the song
imported; nothing is written but the raw stem. *First s*: until the first range can be played. *MB*:
the largest resident size of the process. *Error*: of the vocals against upstream's with chunks that
overlap as much: turbo's overlap less, which makes other seams. *Of peak*: of what the processor
does in a product of matrices or a convolution, in 32 or 16 bits.

`--quick` (two minutes) leaves out what would first have to be converted; a full run (ten minutes)
converts once, into build/bench. `--only` keeps the ways whose names hold one of the words.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import soundfile as sf

from karaoke_studio.separation.calibration import PROMISES_DB, TURBO_OVERLAP, processor
from karaoke_studio.separation.cores import usual_threads
from karaoke_studio.separation.trials import snr_db
from karaoke_studio.staging import VOCALS
from karaoke_studio.worker.conversion import convert_network
from karaoke_studio.worker.engine import JOURNAL
from karaoke_studio.worker.host import Worker

RATE = 44_100
#: Upstream's own.
OVERLAP = 0.25
ROOT = Path(__file__).resolve().parent.parent / "build" / "bench"
#: Of one chunk of htdemucs, by torch's counter of operations.
GFLOP = 254.1
#: Foreign use of the processor, in cores, above which a sample is disturbed.
QUIET = 0.1
#: A child that says nothing for so long hangs.
STALL_S = 300.0
#: Priority of the program's engine children, and so of upstream's process.
NICE = 10
GOALS = {
    "wide": {"exact": 1.6, "fast": 2.0, "turbo": 3.0},
    "AVX2": {"exact": 1.3, "fast": 1.3, "turbo": 1.3},
}
#: Name of a row → child, mode and way.
WAYS = {
    "reference": ("engine", "reference", "torch-f32"),
    "exact": ("engine", "exact", "torch-f32"),
    "fast, torch 16-bit transformer": ("engine", "fast", "torch-bf16-transformer"),
    "fast, OpenVINO 32 bits": ("openvino", "fast", "openvino-f32"),
    "turbo, torch 16 bits": ("engine", "turbo", "torch-bf16"),
    "turbo, OpenVINO 16 bits": ("openvino", "turbo", "openvino-bf16"),
    "turbo, OpenVINO 8 bits": ("openvino", "turbo", "openvino-int8"),
}
QUICK = ("reference", "fast, torch 16-bit transformer")
Row = dict[str, Any]


# ------------------------------------------------------------------ children of this file


def upstream_child(model: Path, song: Path, made: Path, threads: int) -> None:
    """Separate the song as upstream's program does, for each line: the overlap."""
    import torch
    from demucs.apply import apply_model
    from demucs.hf import load_safetensors_model

    os.nice(NICE)
    peaks = peaks_of(threads)
    net = load_safetensors_model(model).eval()
    samples, _ = sf.read(song, dtype="float32", always_2d=True)
    whole = torch.from_numpy(samples.T.copy())
    mono = whole.double().mean(0)
    mean, std = mono.mean().float(), mono.std(correction=0).float() + 1e-8
    print(json.dumps(peaks), flush=True)
    for line in sys.stdin:
        overlap = float(line)
        random.seed(0)
        started = time.perf_counter()
        out = apply_model(net, ((whole - mean) / std)[None], shifts=0, overlap=overlap)
        vocals = (out * std + mean)[0, net.sources.index("vocals")]
        seconds = time.perf_counter() - started
        np.save(made / f"upstream-{overlap}.npy", vocals.numpy())
        print(json.dumps({"seconds": seconds, "first_s": seconds}), flush=True)


def peaks_of(threads: int) -> dict[str, float]:
    """Return what the processor does at best, in GFLOP/s."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    found = {}
    with torch.inference_mode():
        for name, kind in (("f32", torch.float32), ("bf16", torch.bfloat16)):
            square = torch.randn(2048, 2048).to(kind)
            image = torch.randn(1, 256, 64, 64).to(kind)
            weight = torch.randn(256, 256, 3, 3).to(kind)
            product = _best_s(lambda square=square: square @ square)
            fold = _best_s(lambda i=image, w=weight: functional.conv2d(i, w, padding=1))
            found[f"{name} product"] = 2 * 2048**3 / product / 1e9
            found[f"{name} convolution"] = 2 * 256 * 256 * 9 * 64 * 64 / fold / 1e9
    return found


def _best_s(run: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def _child(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--child", *map(str, words)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


# ------------------------------------------------------------------ who is measured


class Upstream:
    """Upstream's own way, in a process of its own."""

    def __init__(self, bench: Bench) -> None:
        self._process = _child(bench.network, bench.wav, ROOT, bench.threads)
        self.peaks = self._answer()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def run(self, overlap: float = OVERLAP) -> dict[str, float]:
        """Separate the song once."""
        print(overlap, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, float]:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise SystemExit("upstream's process ended")
        answer: dict[str, float] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


class Ours:
    """One way of this program, in the child that runs it."""

    def __init__(self, bench: Bench, role: str, args: dict[str, Any]) -> None:
        self._bench, self._args, self._worker = bench, args, bench.worker(role)

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._worker.pid or 0

    def run(self) -> dict[str, float]:
        """Separate the song once, from nothing."""
        for name in (VOCALS, JOURNAL):
            (self._bench.staging / name).unlink(missing_ok=True)
        first: list[float] = []
        started = time.perf_counter()

        def hear(facts: dict[str, Any]) -> None:
            if "ready" in facts:
                first.append(time.perf_counter() - started)

        self._worker.run("separate", self._args, on_progress=hear, stall_s=STALL_S)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "first_s": first[0] if first else seconds}


class Bench:
    """The song, the model, and the children."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.threads = chosen.threads or usual_threads()
        self.seconds = chosen.seconds
        self.wav, self.staging = ROOT / "song.wav", ROOT / "staging"
        self.staging.mkdir(parents=True, exist_ok=True)
        folder = chosen.model_folder or ROOT / "models"
        self.name = chosen.model or "htdemucs"
        if chosen.model is None and not (folder / f"{self.name}.yaml").exists():
            from tests.helpers.models import make_true_htdemucs, write_bag

            write_bag(folder, self.name, [make_true_htdemucs()])
        self.network = next(iter(sorted(folder.glob("*.safetensors"))))
        self.model = {
            "model": self.name,
            "folders": [str(folder)],
            "data": str(ROOT / "data"),
            "stems": ["vocals"],
        }
        self._workers: dict[str, Worker] = {}
        self.song = self._imported()

    def _imported(self) -> dict[str, Any]:
        from tests.helpers.signals import sung_mix

        vocals, band = sung_mix(self.seconds, RATE)
        sf.write(self.wav, (vocals + band).T * 0.5, RATE, "PCM_24")
        args = {"path": str(self.wav), "staging": str(self.staging), "copy": False}
        return self.worker("transfer").run("import_song", args)

    def worker(self, role: str) -> Worker:
        """Return the child of a role."""
        if role not in self._workers:
            log = ROOT / "logs"
            log.mkdir(exist_ok=True)
            if role in {"engine", "openvino"}:
                self._workers[role] = Worker(role, log_folder=log, memory_mb=0)
            else:
                self._workers[role] = Worker(role, log_folder=log)
        return self._workers[role]

    def network_way(self, row: str) -> Ours:
        """Return a way of running the network."""
        role, mode, way = WAYS[row]
        options = {"mode": mode, "way": way, "overlap": overlap_of(row), "threads": self.threads}
        args = self.model | {"song": self.song, "stems": ["vocals"], "staging": str(self.staging)}
        return Ours(self, role, args | {"options": options | {"device": "cpu"}})

    def builtin_way(self, engine: str) -> Ours:
        """Return a built-in engine."""
        args = {"engine": engine, "target": VOCALS, "song": self.song}
        return Ours(self, "builtin", args | {"staging": str(self.staging)})

    def is_convertible(self, *, quick: bool) -> bool:
        """Whether converted networks can run; a full run converts what is not there."""
        worker = self.worker("openvino")
        if worker.run("load_model", self.model)["is_converted"]:
            return True
        if quick:
            return False
        print("converting the network, once ...", file=sys.stderr)
        started = time.perf_counter()
        convert_network(self.model, log_folder=ROOT / "logs")
        print(f"  took {time.perf_counter() - started:.0f} s", file=sys.stderr)
        return bool(worker.run("load_model", self.model)["is_converted"])

    def vocals(self) -> np.ndarray[Any, Any]:
        """What our last run made, float32 (channels, frames)."""
        samples = np.fromfile(self.staging / VOCALS, np.float32)
        return samples.reshape(-1, self.song["channels"]).T

    def close(self) -> None:
        """End the children."""
        for worker in self._workers.values():
            worker.close()


# ------------------------------------------------------------------ measuring


def overlap_of(way: str) -> float:
    """Return by how much the chunks of a way overlap."""
    return TURBO_OVERLAP if way.startswith("turbo") else OVERLAP


def _busy_s(pids: Sequence[int]) -> tuple[float, float]:
    """Return seconds of processor time: all, and those of some processes."""
    tick = os.sysconf("SC_CLK_TCK")
    fields = [int(part) for part in Path("/proc/stat").read_text().split()[1:9]]
    own = sum(os.times()[:2])
    for pid in pids:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own += (int(words[11]) + int(words[12])) / tick
    return (sum(fields) - fields[3] - fields[4]) / tick, own


def _largest_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def sample(way: Upstream | Ours) -> dict[str, float]:
    """Run a way once; also tell who else used the processor, in cores, and its memory."""
    if not Path("/proc/stat").exists():
        return way.run() | {"cpu_s": 0.0, "foreign": 0.0, "memory_mb": 0.0}
    started, before = time.perf_counter(), _busy_s([way.pid] if way.pid else [])
    found = way.run()
    wall, after = time.perf_counter() - started, _busy_s([way.pid])
    own = after[1] - before[1]
    foreign = max(0.0, (after[0] - before[0] - own) / wall)
    return found | {"cpu_s": own, "foreign": foreign, "memory_mb": _largest_mb(way.pid)}


def measure(bench: Bench, ways: dict[str, Upstream | Ours], rounds: int) -> list[Row]:
    """Run all ways in turn, and return one row for each."""
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    errors: dict[str, float] = {}
    for number in range(rounds + 1):  # the first one warms up
        for name, way in ways.items():
            print(f"round {number} of {rounds}: {name}", file=sys.stderr)
            found = sample(way)
            if number:
                samples[name].append(found)
            elif isinstance(way, Ours):
                expected = np.load(ROOT / f"upstream-{overlap_of(name)}.npy")
                errors[name] = snr_db(bench.vocals(), expected)
    rows = [_row(name, samples[name], errors.get(name)) for name in ways]
    # where somebody always disturbs, seconds say little, but seconds of the processor still do
    is_quiet = rows[0]["quiet"] > 0 or not rows[0]["cpu_s"]
    unit = "seconds" if is_quiet else "cpu_s"
    return [row | {"of_upstream": rows[0][unit] / row[unit], "unit": unit} for row in rows]


def _row(name: str, samples: list[dict[str, float]], error: float | None) -> Row:
    quiet = [one for one in samples if one["foreign"] <= QUIET]
    counted = quiet or samples
    middle = {key: statistics.median(one[key] for one in counted) for key in counted[0]}
    return {"way": name, "error_db": error, "quiet": len(quiet), "of": len(samples)} | middle


# ------------------------------------------------------------------ telling


def summary(rows: list[Row], goals: dict[str, float]) -> list[Row]:
    """Return, for each mode, the quickest way that keeps its promise here, and the goal."""
    found = []
    for mode, goal in goals.items():
        able = [
            row
            for row in rows
            if row["way"] in WAYS and row["error_db"] >= PROMISES_DB[mode] and _may(row, mode)
        ]
        best = max(able, key=lambda row: row["of_upstream"], default=None)
        if best is not None:
            ratio = best["of_upstream"]
            found.append(
                {"mode": mode, "way": best["way"], "of_upstream": ratio, "goal": goal}
                | {"reached": ratio >= goal}
            )
    return found


def _may(row: Row, mode: str) -> bool:
    order = ("exact", "fast", "turbo")
    kind = row["way"].partition(",")[0]
    return kind in order and order.index(kind) <= order.index(mode)


def tell(report: dict[str, Any]) -> None:
    """Print the tables."""
    machine = report["processor"]
    print(f"{machine['name']}, {report['threads']} threads: {' '.join(machine['flags'])}")
    peaks = ", ".join(f"{name} {value:.0f}" for name, value in report["peaks"].items())
    print(f"GFLOP/s: {peaks}")
    print(f"{report['seconds']:g} s of sound, {report['network']}")
    titles = (
        "seconds",
        "CPU s",
        "x song",
        "x upstr.",
        "first s",
        "MB",
        "error dB",
        "of peak",
        "quiet",
    )
    print(f"\n{'':32}" + "".join(f"{title:>10}" for title in titles))
    for row in report["rows"]:
        error = "" if row["error_db"] is None else f"{-row['error_db']:.0f}"
        share = "" if row["share"] is None else f"{100 * row['share']:.0f} %"
        cells = (
            f"{row['seconds']:.2f}",
            f"{row['cpu_s']:.2f}",
            f"{report['seconds'] / row['seconds']:.2f}",
            f"{row['of_upstream']:.2f}",
            f"{row['first_s']:.2f}",
            f"{row['memory_mb']:.0f}",
            error,
            share,
            f"{row['quiet']}/{row['of']}",
        )
        print(f"{row['way']:32}" + "".join(f"{cell:>10}" for cell in cells))
    if report["rows"][0]["unit"] == "cpu_s":
        print("\nSomebody else was always busy here: ratios are of seconds of the processor.")
    print()
    for one in report["modes"]:
        verdict = "reached" if one["reached"] else "missed"
        ratio = f"{one['of_upstream']:.2f}x upstream, goal {one['goal']:g}x: {verdict}"
        print(f"{one['mode']}: {ratio} ({one['way']})")


def share_of_peak(row: Row, peaks: dict[str, float], seconds: float) -> float | None:
    """Return which part of the processor's best a way of the network reaches."""
    if row["way"] not in {"upstream", *WAYS}:
        return None
    chunks = math.ceil(seconds / (7.8 * (1 - overlap_of(row["way"]))))
    took = row[row["unit"]]
    bits = "bf16" if "16 bits" in row["way"] else "f32"
    peak = max(value for name, value in peaks.items() if name.startswith(bits))
    return float(chunks * GFLOP / took / peak)


def main() -> int:
    """Measure, print, and return 1 where `--check` finds a goal missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="two minutes, fewer ways")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    parser.add_argument("--only", metavar="WORDS", help="ways whose names hold one of them")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--model", metavar="NAME", help="a real one, of --model-folder")
    parser.add_argument("--model-folder", type=Path, metavar="FOLDER")
    parser.add_argument("--seconds", type=float, help="length of the song")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        model, song, made, threads = chosen.child
        upstream_child(Path(model), Path(song), Path(made), int(threads))
        return 0
    chosen.seconds = chosen.seconds or (7.0 if chosen.quick else 20.0)
    rounds = chosen.rounds or (1 if chosen.quick else 5)
    report = run(chosen, rounds)
    tell(report)
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1))
    missed = [one for one in report["modes"] if not one["reached"]]
    return 1 if chosen.check and missed else 0


def run(chosen: argparse.Namespace, rounds: int) -> dict[str, Any]:
    """Measure everything that was asked for."""
    bench = Bench(chosen)
    is_converted = bench.is_convertible(quick=chosen.quick)
    names = [name for name, (role, *_) in WAYS.items() if role == "engine" or is_converted]
    if chosen.quick:
        names = [name for name in names if name not in QUICK]
    upstream = Upstream(bench)
    ours = {name: bench.network_way(name) for name in names}
    ours |= {name: bench.builtin_way(name) for name in ("instant", "centre")}
    if chosen.only:
        words = chosen.only.split(",")
        ours = {name: way for name, way in ours.items() if any(word in name for word in words)}
    ways: dict[str, Upstream | Ours] = {"upstream": upstream, **ours}
    if any(overlap_of(name) == TURBO_OVERLAP for name in ours):
        upstream.run(TURBO_OVERLAP)
    try:
        rows = measure(bench, ways, rounds)
    finally:
        upstream.close()
        bench.close()
    machine = processor()
    is_wide = {"avx512_bf16", "avx512_vnni", "amx_bf16"} & {*machine["flags"]}
    for row in rows:
        row["share"] = share_of_peak(row, upstream.peaks, chosen.seconds)
    return {
        "processor": machine,
        "threads": bench.threads,
        "peaks": upstream.peaks,
        "seconds": chosen.seconds,
        "network": chosen.model or "htdemucs in its true size, random weights",
        "rows": rows,
        "modes": summary(rows, GOALS["wide" if is_wide else "AVX2"]),
    }


if __name__ == "__main__":
    sys.exit(main())
