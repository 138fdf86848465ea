"""The singer: speech from a free HTS voice, taken apart by WORLD and sung anew on the score.

Each line is spoken once by Festival, which also tells when each phone starts and ends. WORLD splits
that speech into pitch, spectral envelope and noisiness. Here the envelope is laid along the notes
(consonants at their own speed before the beat, vowels held) under a new pitch curve.
"""

import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyworld
import score
import soundfile
from scipy.ndimage import gaussian_filter1d

SAMPLE_RATE = 48000
FRAME_MS = 5.0
FRAME_S = FRAME_MS / 1000
FFT_SIZE = 2048
FLOOR = -32.0

VOWELS = set("aa ae ah ao aw ax ay eh er ey ih iy ow oy uh uw".split())  # noqa: SIM905
DIPHTHONGS = {"aw", "ay", "ey", "ow", "oy"}
SONORANTS = {"m", "n", "ng", "l", "r", "w", "y"}
UNVOICED = {"p", "t", "k", "f", "th", "s", "sh", "ch", "hh"}

# Shortest and longest time in seconds of a consonant before (onset) and after (coda) a vowel.
ONSET_S = {
    "s": (0.09, 0.14),
    "sh": (0.09, 0.14),
    "f": (0.07, 0.11),
    "hh": (0.05, 0.09),
    "t": (0.06, 0.10),
    "k": (0.06, 0.10),
    "p": (0.06, 0.10),
    "b": (0.05, 0.08),
    "d": (0.04, 0.08),
    "dh": (0.035, 0.06),
    "v": (0.05, 0.08),
    "z": (0.06, 0.09),
    "m": (0.06, 0.09),
    "n": (0.05, 0.08),
    "l": (0.06, 0.09),
    "w": (0.06, 0.09),
    "y": (0.04, 0.07),
    "r": (0.05, 0.08),
}
CODA_S = {
    "n": (0.07, 0.20),
    "ng": (0.09, 0.24),
    "m": (0.08, 0.22),
    "l": (0.07, 0.13),
    "r": (0.08, 0.16),
    "z": (0.06, 0.10),
    "s": (0.08, 0.12),
    "t": (0.07, 0.11),
    "d": (0.06, 0.10),
    "k": (0.07, 0.11),
    "v": (0.05, 0.08),
    "dh": (0.05, 0.08),
}

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


@dataclass(frozen=True)
class Sung:
    """A phone in the song: from `start` to `end` seconds it sounds like `source` of line `line`."""

    name: str
    kind: str
    start: float
    end: float
    source: Phone
    line: int
    syllable: int
    word_number: int


@dataclass(frozen=True)
class Style:
    """How one voice sings: seed, level of looseness, and what it does with the pitch."""

    seed: int
    timing_s: float = 0.0
    detune_cents: float = 0.0
    vibrato_cents: float = 26.0
    formant: float = 1.0
    breathiness: float = 0.0
    use_harmony: bool = False
    sections: tuple[str, ...] = ("verse", "chorus")


def speak(text: str) -> Speech:
    """Speak a line with Festival and take it apart."""
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "line.wav"
        script = Path(folder) / "line.scm"
        spoken = text.replace('"', "")
        script.write_text(SCHEME.format(text=spoken, wave=wave, speed=0.5, sharpen=0.2))
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
    fall = 9 / 4.343 * np.log2(hertz[above] / limit_hz)
    envelope[:, above] = level[:, None] - fall[None, :]


def plan(speeches: list[Speech], style: Style) -> list[Sung]:
    """Lay the phones of all lines along the notes; vowels start on the notes."""
    rng = np.random.default_rng(style.seed)
    jobs = []
    for number, line in enumerate(score.LINES):
        notes = line.harmony if style.use_harmony else line.notes
        if not notes or line.section not in style.sections:
            continue
        syllables = speeches[number].syllables
        if len(syllables) != len(notes):
            raise ValueError(f"{line.text!r}: {len(syllables)} syllables, {len(notes)} notes")
        for at, (syllable, tied) in enumerate(zip(syllables, notes, strict=True)):
            start = tied[0].start_s + style.timing_s * rng.standard_normal()
            is_last = at == len(notes) - 1
            jobs.append([number, at, syllable, start, tied[-1].end_s, is_last])
    return _fit(jobs)


def _limits(phones: tuple[Phone, ...], table: dict[str, tuple[float, float]]) -> list[float]:
    return [
        float(np.clip(phone.end - phone.start, *table.get(phone.name, (0.05, 0.1))))
        for phone in phones
    ]


def _fit(jobs: list[list]) -> list[Sung]:
    """Give each phone its time, shrinking consonants where the notes leave too little room."""
    sung: list[Sung] = []
    onsets = [_limits(job[2].onset, ONSET_S) for job in jobs]
    codas = [_limits(job[2].coda, CODA_S) for job in jobs]
    for k, (number, at, syllable, start, note_end, is_last) in enumerate(jobs):
        room_end = note_end
        if k + 1 < len(jobs):
            breath = 0.14 if is_last else 0.0
            room_end = min(note_end, jobs[k + 1][3] - breath)
            gap = jobs[k + 1][3] - note_end
        else:
            gap = 9.0
        next_onset = sum(onsets[k + 1]) if k + 1 < len(jobs) else 0.0
        taken = sum(codas[k]) + max(0.0, next_onset - max(gap, 0.0 if not is_last else 0.14))
        least = 0.12
        if room_end - start - taken < least:
            shrink = max(0.55, (room_end - start - least) / taken)
            codas[k] = [length * shrink for length in codas[k]]
            if k + 1 < len(jobs) and not is_last:
                onsets[k + 1] = [length * shrink for length in onsets[k + 1]]
            next_onset = sum(onsets[k + 1]) if k + 1 < len(jobs) else 0.0
        end = room_end - max(0.0, next_onset - max(gap, 0.0)) if not is_last else room_end
        if is_last and k + 1 < len(jobs):
            end = min(end, jobs[k + 1][3] - next_onset - 0.14)
        base = (number, at, syllable.word_number)
        clock = start - sum(onsets[k])
        for phone, length in zip(syllable.onset, onsets[k], strict=True):
            sung.append(Sung(phone.name, "onset", clock, clock + length, phone, *base))
            clock += length
        coda_start = end - sum(codas[k])
        sung.append(
            Sung(syllable.nucleus.name, "nucleus", start, coda_start, syllable.nucleus, *base)
        )
        clock = coda_start
        for phone, length in zip(syllable.coda, codas[k], strict=True):
            sung.append(Sung(phone.name, "coda", clock, clock + length, phone, *base))
            clock += length
    return sung


def pitch_curve(style: Style, frames: int) -> np.ndarray:
    """MIDI pitch for each frame: glides between notes, vibrato on long ones, a little drift."""
    rng = np.random.default_rng(style.seed + 1)
    times = np.arange(frames) * FRAME_S
    notes = []
    for line in score.LINES:
        chosen = line.harmony if style.use_harmony else line.notes
        notes += [(note, tied[0] is note, s == 0) for s, tied in enumerate(chosen) for note in tied]
    target = np.full(frames, float(notes[0][0].midi))
    for note, _, _ in notes:
        target[times >= note.start_s - 0.02] = note.midi
    curve = gaussian_filter1d(target, 0.022 / FRAME_S)
    cents = np.zeros(frames)
    for number, (note, is_attack, is_first) in enumerate(notes):
        end = note.end_s
        if number + 1 < len(notes):
            end = min(end, notes[number + 1][0].start_s)
        inside = (times >= note.start_s - 0.15) & (times < end)
        since = times[inside] - note.start_s
        left = end - times[inside]
        if is_attack and (is_first or rng.random() < 0.25):
            depth = rng.uniform(50, 110) if is_first else rng.uniform(25, 50)
            cents[inside] -= depth * np.exp(-np.maximum(since + 0.05, 0) / 0.05)
        if end - note.start_s > 0.5:
            rate_hz = rng.uniform(5.2, 5.7)
            depth = style.vibrato_cents * rng.uniform(0.8, 1.15)
            swell = np.clip((since - 0.28) / 0.45, 0, 1) * np.clip(left / 0.12, 0, 1)
            sway = np.cumsum(rate_hz * (1 + 0.06 * np.clip(since, 0, 2))) * FRAME_S
            cents[inside] += depth * swell * np.sin(2 * np.pi * sway + rng.uniform(0, 6.28))
    cents += 5.0 * _wander(rng, frames, 0.16) + 1.8 * _wander(rng, frames, 0.012)
    cents += style.detune_cents + 0.5 * abs(style.detune_cents) * _wander(rng, frames, 0.4)
    return curve + cents / 100


def _wander(rng: np.random.Generator, frames: int, width_s: float) -> np.ndarray:
    """Smooth random curve with variance 1 that changes within about `width_s` seconds."""
    curve = gaussian_filter1d(rng.standard_normal(frames), width_s / FRAME_S)
    return curve / curve.std()


def _source_times(phone: Sung, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where in the speech each frame of a sung phone is taken from, in seconds."""
    start, end = phone.source.start, phone.source.end
    length, spoken = phone.end - phone.start, end - start
    if phone.kind != "nucleus" or length <= spoken:
        return start + (times - phone.start) / length * spoken
    if phone.name in DIPHTHONGS:
        glide = min(max(0.55 * spoken, 0.12), 0.45 * length)
        shape = ([0, 0.25 * spoken, length - glide, length], [0, 0.25, 0.42, 1])
    else:
        edge = min(0.35 * spoken, 0.08)
        share = edge / spoken
        shape = (
            [0, edge, length - edge, length],
            [0, max(share, 0.4), max(0.6, 1 - share - 0.2), 1],
        )
    place = np.interp(times - phone.start, *shape)
    sway = 0.03 * _wander(rng, len(times), 0.1) if len(times) > 40 else 0.0
    fade = np.clip(np.minimum(times - phone.start, phone.end - times) / 0.1, 0, 1)
    return start + spoken * np.clip(place + sway * fade, 0, 1)


def sing(speeches: list[Speech], style: Style) -> tuple[np.ndarray, list[Sung]]:
    """Render one voice, dry and mono at 48 kHz; return it with the plan that it follows."""
    rng = np.random.default_rng(style.seed + 2)
    sung = plan(speeches, style)
    frames = round(score.LENGTH_S / FRAME_S)
    bins = FFT_SIZE // 2 + 1
    envelope = np.full((frames, bins), FLOOR)
    noise = np.ones((frames, bins))
    voiced = np.zeros(frames, bool)
    for phone in sung:
        rows = np.arange(max(0, round(phone.start / FRAME_S)), round(phone.end / FRAME_S))
        speech = speeches[phone.line]
        place = _source_times(phone, rows * FRAME_S, rng) / FRAME_S
        low = np.clip(np.floor(place).astype(int), 0, len(speech.voiced) - 2)
        part = (place - low)[:, None]
        envelope[rows] = speech.envelope[low] * (1 - part) + speech.envelope[low + 1] * part
        noise[rows] = speech.aperiodicity[low]
        voiced[rows] = _voicing(phone.name, speech.voiced[low])
    _level(envelope, sung)
    _colour(envelope, noise, voiced, sung, style)
    f0 = np.where(voiced, 440 * 2 ** ((pitch_curve(style, frames) - 69) / 12), 0.0)
    samples = pyworld.synthesize(
        np.ascontiguousarray(f0),
        np.ascontiguousarray(np.exp(envelope)),
        np.ascontiguousarray(np.clip(noise, 1e-4, 1.0)),
        SAMPLE_RATE,
        FRAME_MS,
    )
    wanted = round(score.LENGTH_S * SAMPLE_RATE)
    return np.pad(samples, (0, max(0, wanted - len(samples))))[:wanted], sung


def _voicing(name: str, spoken: np.ndarray) -> np.ndarray:
    if name in VOWELS or name in SONORANTS:
        return np.ones(len(spoken), bool)
    return spoken & (name not in UNVOICED)


def _level(envelope: np.ndarray, sung: list[Sung]) -> None:
    """Bring all vowels to one loudness, consonants with them, and give phrases a shape."""
    band = slice(2, 400)
    power = np.log(np.exp(envelope[:, band]).sum(axis=1))
    gain_times, gains = [], []
    for phone in sung:
        if phone.kind != "nucleus":
            continue
        rows = slice(round(phone.start / FRAME_S), round(phone.end / FRAME_S))
        accent = _accent(phone)
        gain_times += [phone.start, phone.end]
        gains += [accent - power[rows].max()] * 2
    times = np.arange(len(envelope)) * FRAME_S
    gain = gaussian_filter1d(np.interp(times, gain_times, gains), 4)
    envelope += gain[:, None]
    for phone in sung:
        rows = np.arange(round(phone.start / FRAME_S), round(phone.end / FRAME_S))
        inside = rows * FRAME_S - phone.start
        length = phone.end - phone.start
        if phone.kind == "nucleus":
            swell = 0.35 * np.sin(np.pi * np.clip(inside / length, 0, 1)) if length > 0.4 else 0.0
            envelope[rows] += np.broadcast_to(swell, rows.shape)[:, None]
    _release(envelope, sung)


def _accent(phone: Sung) -> float:
    """Log power for a vowel: words on strong beats and high notes a little louder."""
    line = score.LINES[phone.line]
    tied = line.notes[phone.syllable]
    lift = 0.5 if line.section == "chorus" else 0.0
    lift += 0.04 * (tied[0].midi - 65)
    lift += 0.25 if tied[0].start % 4 == 0 else 0.0
    lift += 0.25 if sum(note.length for note in tied) >= 2 else -0.2
    return lift


def _release(envelope: np.ndarray, sung: list[Sung]) -> None:
    """Let the voice start and stop softly where nothing is joined to a phone."""
    for k, phone in enumerate(sung):
        first, last = round(phone.start / FRAME_S), round(phone.end / FRAME_S)
        if k == 0 or phone.start - sung[k - 1].end > 0.02:
            count = min(4, last - first)
            envelope[first : first + count] += np.linspace(-4, 0, count)[:, None]
        if k + 1 == len(sung) or sung[k + 1].start - phone.end > 0.02:
            count = min(24 if phone.name not in UNVOICED else 5, last - first)
            envelope[last - count : last] += (-9 * np.linspace(0, 1, count) ** 2)[:, None]


def _colour(
    envelope: np.ndarray,
    noise: np.ndarray,
    voiced: np.ndarray,
    sung: list[Sung],
    style: Style,
) -> None:
    """Turn speaking colour into singing colour: ring near 3 kHz, air above, clear sibilants."""
    hertz = np.linspace(0, SAMPLE_RATE / 2, envelope.shape[1])
    if style.formant != 1.0:
        for row in range(len(envelope)):
            envelope[row] = np.interp(hertz / style.formant, hertz, envelope[row])
    ring = 0.7 * np.exp(-(((hertz - 3100) / 800) ** 2))
    warmth = 0.35 * np.exp(-((np.log2(np.maximum(hertz, 20) / 260) / 0.8) ** 2))
    envelope[voiced] += (ring + warmth)[None, :]
    air = np.interp(hertz, [0, 1500, 4000, 8000, 12000, 24000], [0, 0.01, 0.06, 0.42, 0.75, 0.9])
    clear = np.interp(hertz, [0, 1200, 3500], [0.008, 0.015, 0.04]) + style.breathiness
    # Speech analysis leaks the pitch of neighbours into unvoiced frames, heard as thumps.
    thump = 7.0 * np.clip((700 - hertz) / 500, 0, 1)
    envelope[~voiced] -= thump[None, :]
    noise[voiced] = np.maximum(
        np.minimum(noise[voiced], 0.95), (air + style.breathiness * (hertz > 900))[None, :]
    )
    for phone in sung:
        rows = slice(round(phone.start / FRAME_S), round(phone.end / FRAME_S))
        if phone.name in VOWELS or phone.name in SONORANTS:
            noise[rows] = np.where(hertz < 3500, np.minimum(noise[rows], clear), noise[rows])
        elif phone.name in {"hh", "f", "t", "k", "p", "th", "d"}:
            envelope[rows] += 0.45
    joined = gaussian_filter1d(envelope, 1.0, axis=0)
    keep = envelope.min(axis=1) > FLOOR + 4
    envelope[keep] = joined[keep]


def double(style: Style, number: int) -> Style:
    """A second take of the same singer: looser, slightly detuned, softer in colour."""
    side = 1 if number % 2 else -1
    return replace(
        style,
        seed=style.seed + 100 * (number + 1),
        timing_s=0.012,
        detune_cents=7.0 * side,
        vibrato_cents=style.vibrato_cents * 0.7,
        formant=1.0 + 0.015 * side,
        breathiness=0.05,
        sections=("chorus",),
    )


def harmony(style: Style) -> Style:
    """The second part of the chorus, sung by a slightly darker voice."""
    return replace(
        style,
        seed=style.seed + 900,
        timing_s=0.008,
        vibrato_cents=style.vibrato_cents * 0.8,
        formant=0.97,
        breathiness=0.04,
        use_harmony=True,
        sections=("chorus",),
    )


def audible_start(phone: Sung) -> float:
    """When a phone is first heard: a stop begins with silence before its burst."""
    closure = {"t": 0.5, "k": 0.5, "p": 0.5}.get(phone.name, 0.0)
    return phone.start + closure * (phone.end - phone.start)
