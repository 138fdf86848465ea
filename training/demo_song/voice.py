"""The singer: spoken lines sung anew on the score.

The envelope of the speech is laid along the plan of phrasing.py under a new pitch curve, brought to
singing loudness and colour, and turned into sound by WORLD.
"""

import numpy as np
import pyworld
import score
from phrasing import Style, Sung, pitch_curve, plan, wander
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfilt
from speech import (
    DIPHTHONGS,
    FFT_SIZE,
    FRAME_MS,
    FRAME_S,
    SAMPLE_RATE,
    SONORANTS,
    UNVOICED,
    VOWELS,
    Speech,
)

FLOOR = -32.0
NEPERS_PER_DB = np.log(10) / 10
# Loudest that a hissing sound may be against the vowels; louder ones sting.
HISS_OVER_VOWELS_DB = {"s": -10.0, "sh": -10.0, "z": -10.0, "f": -10.0}


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
    _level(envelope, sung, style)
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
    samples = np.pad(samples, (0, max(0, wanted - len(samples))))[:wanted]
    if style.breaths:
        _breathe(samples, sung, rng)
    return samples, sung


def _breathe(samples: np.ndarray, sung: list[Sung], rng: np.random.Generator) -> None:
    """Add a soft breath in place before each line that leaves time for one."""
    loud = np.sqrt(np.mean(samples[np.abs(samples) > 0.05 * np.abs(samples).max()] ** 2))
    for k, phone in enumerate(sung):
        if k and sung[k - 1].line == phone.line:
            continue
        ended = sung[k - 1].end if k else 0.0
        length = min(rng.uniform(0.28, 0.36), phone.start - ended - 0.1)
        if length < 0.2:
            continue
        count = int(length * SAMPLE_RATE)
        noise = rng.standard_normal(count)
        mouth = sum(
            share * sosfilt(butter(2, band, "band", fs=SAMPLE_RATE, output="sos"), noise)
            for share, band in ((1.0, (1100, 2300)), (0.8, (3000, 4600)), (0.35, (5500, 9500)))
        )
        shape = np.interp(np.arange(count) / count, [0, 0.65, 0.9, 1], [0, 1, 0.5, 0]) ** 1.5
        first = int((phone.start - 0.05) * SAMPLE_RATE) - count
        strength = 10 ** (-28 / 20) * loud * rng.uniform(0.8, 1.1)
        samples[first : first + count] += mouth / mouth.std() * shape * strength


def _voicing(name: str, spoken: np.ndarray) -> np.ndarray:
    if name in VOWELS or name in SONORANTS:
        return np.ones(len(spoken), bool)
    return spoken & (name not in UNVOICED)


def _level(envelope: np.ndarray, sung: list[Sung], style: Style) -> None:
    """Bring all vowels to one loudness, consonants with them, and give phrases a shape."""
    hertz = np.linspace(0, SAMPLE_RATE / 2, envelope.shape[1])
    ear_db = np.interp(hertz, [0, 100, 250, 1000, 2500, 24000], [-9, -3, -1, 0, 3.5, 4])
    ear = ear_db * NEPERS_PER_DB
    band = slice(2, 400)
    power = np.log(np.exp(envelope[:, band] + ear[band]).sum(axis=1))
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
    for phone in sung:
        rows = slice(round(phone.start / FRAME_S), round(phone.end / FRAME_S))
        if phone.name in HISS_OVER_VOWELS_DB:
            cap = HISS_OVER_VOWELS_DB[phone.name] * NEPERS_PER_DB
            gain[rows] += min(0.0, cap - (power[rows] + gain[rows]).max())
        if phone.name in UNVOICED:
            gain[rows] -= style.softened_db * NEPERS_PER_DB
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
    lift -= 0.4 if len(tied) > 1 else 0.0
    lift += 0.25 if sum(note.length for note in tied) >= 2 else -0.2
    return lift


def _release(envelope: np.ndarray, sung: list[Sung]) -> None:
    """Let the voice start and stop softly where nothing is joined to a phone."""
    for k, phone in enumerate(sung):
        first, last = round(phone.start / FRAME_S), round(phone.end / FRAME_S)
        if k == 0 or phone.start - sung[k - 1].end > 0.02:
            count = min(4 if phone.name not in UNVOICED else 2, last - first)
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
    hiss = -1.6 * np.clip((hertz - 7500) / 2500, 0, 1)
    envelope[voiced] += (ring + warmth + hiss)[None, :]
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
            most = np.where(hertz < 3500, clear, air + style.breathiness + 0.12)
            noise[rows] = np.minimum(noise[rows], most)
        elif phone.name in {"hh", "t", "k", "p", "d"}:
            envelope[rows] += 0.8
    joined = gaussian_filter1d(envelope, 1.0, axis=0)
    keep = envelope.min(axis=1) > FLOOR + 4
    envelope[keep] = joined[keep]


def _source_times(phone: Sung, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where in the speech each frame of a sung phone is taken from, in seconds."""
    start, end = phone.source.start, phone.source.end
    if phone.kind == "onset" and phone.name in {"s", "sh", "f"}:
        start += 0.25 * (end - start)
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
    sway = 0.03 * wander(rng, len(times), 0.1) if len(times) > 40 else 0.0
    fade = np.clip(np.minimum(times - phone.start, phone.end - times) / 0.1, 0, 1)
    return start + spoken * np.clip(place + sway * fade, 0, 1)
