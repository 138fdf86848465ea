"""The spoken lines: a free HTS voice says them, WORLD takes them apart.

Festival also tells when each phone starts and ends. WORLD splits the sound into voicing, spectral
envelope and noisiness; the pitch of speech is thrown away.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyworld
import soundfile

SAMPLE_RATE = 48000
FRAME_MS = 5.0
FRAME_S = FRAME_MS / 1000
FFT_SIZE = 2048

VOWELS = set("aa ae ah ao aw ax ay eh er ey ih iy ow oy uh uw".split())  # noqa: SIM905
DIPHTHONGS = {"aw", "ay", "ey", "ow", "oy"}
SONORANTS = {"m", "n", "ng", "l", "r", "w", "y"}
UNVOICED = {"p", "t", "k", "f", "th", "s", "sh", "ch", "hh"}

SCHEME = """
(voice_cmu_us_slt_arctic_hts)
(set! hts_engine_params
      (append hts_engine_params (list (list "-r" {speed}) (list "-b" {sharpen}))))
(lex.add.entry '("every" nil (((eh v) 1) ((r iy) 0))))
(set! utt (SynthText "{text}"))
(utt.save.wave utt "{wave}" 'riff)
(mapcar
 (lambda (seg)
   (format t "%s %f %s %s\\n" (item.name seg) (item.feat seg "end")
           (item.feat seg "R:SylStructure.parent.parent.name")
           (item.feat seg "R:SylStructure.parent.pos_in_word")))
 (utt.relation.items utt 'Segment))
"""


@dataclass(frozen=True)
class Phone:
    """One speech sound; times in seconds, first of the speech, later of the song."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Syllable:
    """Phones of the speech before, at and after the vowel, and the word they belong to."""

    word: str
    word_number: int
    onset: tuple[Phone, ...]
    nucleus: Phone
    coda: tuple[Phone, ...]


@dataclass(frozen=True)
class Speech:
    """A spoken line: log power envelope and aperiodicity (frames, bins), voicing, syllables."""

    envelope: np.ndarray
    aperiodicity: np.ndarray
    voiced: np.ndarray
    syllables: tuple[Syllable, ...]


def speak(text: str) -> Speech:
    """Speak a line with Festival and take it apart."""
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "line.wav"
        script = Path(folder) / "line.scm"
        spoken = text.replace('"', "")
        script.write_text(SCHEME.format(text=spoken, wave=wave, speed=0.6, sharpen=0.4))
        done = subprocess.run(
            ["festival", "-b", str(script)], check=True, capture_output=True, text=True
        )
        samples, rate = soundfile.read(wave)
    rows = [row.split() for row in done.stdout.splitlines() if len(row.split()) == 4]
    return _take_apart(samples, rate, _syllables(rows))


def _syllables(rows: list[list[str]]) -> tuple[Syllable, ...]:
    start = 0.0
    groups: list[tuple[str, int, list[Phone]]] = []
    word_number = -1
    last = ("", "")
    for name, end, word, position in rows:
        phone = Phone(name, start, float(end))
        start = phone.end
        if name == "pau":
            last = ("", "")
            continue
        if (word, position) != last:
            word_number += position == "0"
            groups.append((word, word_number, []))
            last = (word, position)
        groups[-1][2].append(phone)
    return tuple(_syllable(*group) for group in groups)


def _syllable(word: str, number: int, phones: list[Phone]) -> Syllable:
    at = next(k for k, phone in enumerate(phones) if phone.name in VOWELS)
    return Syllable(word, number, tuple(phones[:at]), phones[at], tuple(phones[at + 1 :]))


def _take_apart(samples: np.ndarray, rate: int, syllables: tuple[Syllable, ...]) -> Speech:
    samples = samples / np.abs(samples).max() * 0.7
    f0, times = pyworld.harvest(samples, rate, f0_floor=90, f0_ceil=400, frame_period=FRAME_MS)
    f0 = pyworld.stonemask(samples, f0, times, rate)
    power = pyworld.cheaptrick(samples, f0, times, rate)
    noise = pyworld.d4c(samples, f0, times, rate, fft_size=(power.shape[1] - 1) * 2)
    source_hz = np.linspace(0, rate / 2, power.shape[1])
    target_hz = np.linspace(0, SAMPLE_RATE / 2, FFT_SIZE // 2 + 1)
    envelope = np.stack([np.interp(target_hz, source_hz, row) for row in np.log(power + 1e-14)])
    aperiodicity = np.stack([np.interp(target_hz, source_hz, row) for row in noise])
    _extend_above(envelope, target_hz, limit_hz=rate / 2 * 0.92)
    return Speech(envelope, aperiodicity, f0 > 0, syllables)


def _extend_above(envelope: np.ndarray, hertz: np.ndarray, limit_hz: float) -> None:
    """Continue the envelope in place above what the speech holds, falling 9 dB per octave."""
    edge = (hertz > limit_hz * 0.85) & (hertz <= limit_hz)
    above = hertz > limit_hz
    level = envelope[:, edge].mean(axis=1)
    fall = 9 * np.log(10) / 10 * np.log2(hertz[above] / limit_hz)
    envelope[:, above] = level[:, None] - fall[None, :]
