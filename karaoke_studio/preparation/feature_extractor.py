"""Features of a song, under librosa's names, in librosa's shapes and units. In a *media* child.

All are of the song in mono at 22.05 kHz; columns are 512 samples (23.2 ms) apart and 2048 long, the
first one centred on the first sample. Six steps in a fixed order, `STEPS`, each adding its arrays.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from karaoke_studio.audio.analysis import EXCERPT_S, RATE, estimate_key, estimate_tempo
from karaoke_studio.audio.decode import open_source
from karaoke_studio.errors import LimitExceeded, error_from_os
from karaoke_studio.staging import write_bytes_atomic

FloatArray = NDArray[np.float32]
Features = dict[str, Any]
Check = Callable[[], None]
Report = Callable[[float], None]

N_FFT, HOP = 2048, 512
MEL_BANDS, MFCC = 128, 20
#: Where voices sing.
F0_HZ = (65.0, 1100.0)
#: The linear spectrogram of an hour takes 640 MB.
LONGEST_S = 3600
#: Raised when the same song would give other numbers.
VERSION = 1
#: What is too large to be read by people: left out of JSON.
ONLY_BINARY = ("spectrogram",)


def mfcc(mono: FloatArray, found: Features) -> Features:
    """Mel-frequency cepstral coefficients: `mfcc` (20, columns)."""
    import librosa

    mel = librosa.feature.melspectrogram(
        S=np.square(found["spectrogram"]), sr=RATE, n_mels=MEL_BANDS
    )
    return {
        "mfcc": librosa.feature.mfcc(S=librosa.power_to_db(mel), sr=RATE, n_mfcc=MFCC),
        "mel": mel,
    }


def spectrogram(mono: FloatArray, _found: Features) -> Features:
    """Magnitudes: `spectrogram` (1025, columns)."""
    import librosa

    return {"spectrogram": np.abs(librosa.stft(mono, n_fft=N_FFT, hop_length=HOP))}


def pitch(mono: FloatArray, _found: Features) -> Features:
    """`f0_hz` (NaN where nothing is voiced), `voiced`, `voiced_probability`: (columns,)."""
    import librosa

    low, high = F0_HZ
    f0, voiced, probability = librosa.pyin(
        mono, fmin=low, fmax=high, sr=RATE, frame_length=N_FFT, hop_length=HOP, resolution=0.2
    )
    return {"f0_hz": f0, "voiced": voiced, "voiced_probability": probability}


def energy(mono: FloatArray, _found: Features) -> Features:
    """`rms` (columns,), full scale 1."""
    import librosa

    return {"rms": librosa.feature.rms(y=mono, frame_length=N_FFT, hop_length=HOP)[0]}


def temporal(mono: FloatArray, _found: Features) -> Features:
    """`tempo_bpm` and `beats_s` (beats,), `onset_strength` and `zero_crossing_rate` (columns,)."""
    import librosa

    onsets = librosa.onset.onset_strength(y=mono, sr=RATE, hop_length=HOP)
    bpm = estimate_tempo(_middle(mono))
    beats = np.zeros(0)
    if bpm is not None:
        _, frames = librosa.beat.beat_track(
            onset_envelope=onsets, sr=RATE, hop_length=HOP, start_bpm=bpm
        )
        beats = librosa.frames_to_time(frames, sr=RATE, hop_length=HOP)
    crossings = librosa.feature.zero_crossing_rate(mono, frame_length=N_FFT, hop_length=HOP)[0]
    return {
        "tempo_bpm": bpm,
        "beats_s": beats,
        "onset_strength": onsets,
        "zero_crossing_rate": crossings,
    }


def spectral(mono: FloatArray, found: Features) -> Features:
    """`chroma` (12, columns), `key`, and (columns,): centroid, roll-off and flatness."""
    import librosa

    magnitudes = found["spectrogram"]
    return {
        "chroma": librosa.feature.chroma_stft(S=np.square(magnitudes), sr=RATE, n_fft=N_FFT),
        "key": estimate_key(_middle(mono)),
        "spectral_centroid_hz": librosa.feature.spectral_centroid(S=magnitudes, sr=RATE)[0],
        "spectral_rolloff_hz": librosa.feature.spectral_rolloff(S=magnitudes, sr=RATE)[0],
        "spectral_flatness": librosa.feature.spectral_flatness(S=magnitudes)[0],
    }


#: The order in which features are found.
STEPS: tuple[tuple[str, Callable[[FloatArray, Features], Features]], ...] = (
    ("spectrogram", spectrogram),
    ("mfcc", mfcc),
    ("pitch", pitch),
    ("energy", energy),
    ("temporal", temporal),
    ("spectral", spectral),
)


def extract_features(
    mono: FloatArray, report: Report = lambda _share: None, check: Check = lambda: None
) -> Features:
    """Return all features of float32 (frames,) at `RATE`.

    Args:
        mono: the song.
        report: told 0…1.
        check: called between the steps; raises to stop.

    Returns:
        Arrays and values by name, see the steps; `times_s` (columns,) says where columns are.
    """
    found: Features = {"sample_rate": RATE, "hop_length": HOP, "n_fft": N_FFT}
    for number, (_name, step) in enumerate(STEPS):
        check()
        report(number / len(STEPS))
        with warnings.catch_warnings():
            # silence has no spectrum that could be divided by
            warnings.simplefilter("ignore")
            found |= step(mono, found)
    columns = found["spectrogram"].shape[1]
    found["times_s"] = np.arange(columns) * (HOP / RATE)
    report(1.0)
    return found


def _middle(mono: FloatArray) -> FloatArray:
    """Return as much as tempo and key are read from."""
    aside = max(0, len(mono) - EXCERPT_S * RATE) // 2
    return mono[aside : aside + EXCERPT_S * RATE]


def read_mono(path: Path, check: Check) -> FloatArray:
    """Decode a song to float32 (frames,) at `RATE`.

    Raises:
        InputError: the file cannot be used.
        LimitExceeded: it is longer than an hour.
    """
    with open_source(path) as source:
        stream = soxr.ResampleStream(source.sample_rate, RATE, 1, "float32", "HQ")
        parts: list[FloatArray] = []
        frames = 0
        for block in source.blocks():
            check()
            frames += len(block)
            if frames > LONGEST_S * source.sample_rate:
                raise LimitExceeded(
                    f"{path.name} is too long: features are found in songs of up to an hour.",
                    hint="Cut the song into parts.",
                )
            parts.append(stream.resample_chunk(block.mean(axis=1)))
        parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts)


def write_features(
    path: Path, target: Path, cache: Path, report: Report, check: Check
) -> dict[str, Any]:
    """Find the features of a song, or take them from the cache, and write them into a file.

    Args:
        path: the song.
        target: `.npz`, or `.json` without what is in `ONLY_BINARY`; replaced if it exists.
        cache: folder of features by the content of songs; made if need be.
        report: told 0…1.
        check: raises to stop.

    Returns:
        `columns`, `names` and `is_cached`.

    Raises:
        InputError: the file cannot be used.
        OSError: the target or the cache cannot be written.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise error_from_os(exc, path) from exc
    kept = cache / f"{digest}-{VERSION}.npz"
    is_cached = kept.exists()
    if not is_cached:
        found = extract_features(read_mono(path, check), report, check)
        cache.mkdir(parents=True, exist_ok=True)
        _save(kept, found)
    with np.load(kept, allow_pickle=False) as arrays:
        names = list(arrays.files)
        columns = len(arrays["times_s"])
        if target.suffix == ".json":
            plain = {name: _plain(arrays[name]) for name in names if name not in ONLY_BINARY}
            write_bytes_atomic(target, json.dumps(plain, allow_nan=False).encode())
    if target.suffix != ".json":
        write_bytes_atomic(target, kept.read_bytes())
    report(1.0)
    return {"columns": columns, "names": names, "is_cached": is_cached}


def _save(path: Path, found: Features) -> None:
    nothing = {"key": "", "tempo_bpm": np.nan}
    arrays: dict[str, Any] = {
        name: nothing[name] if value is None else value for name, value in found.items()
    }
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_bytes_atomic(path, content.getvalue())


def _plain(array: NDArray[Any]) -> Any:
    """Return lists and numbers as JSON has them: no NaN, five digits."""
    if array.dtype.kind == "f":
        rounded = np.array([float(f"{x:.5g}") for x in array.ravel()]).reshape(array.shape)
        values = rounded.astype(object)
        values[np.isnan(rounded)] = None
        return values.tolist()
    return array.tolist()
