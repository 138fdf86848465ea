"""Who sings, and how: everything about a voice but its words and its melody."""

from dataclasses import dataclass, replace

import numpy as np

from training.instant.speech import Utterance, choose_speaker, utter

Rng = np.random.Generator

STYLES = ("pop", "classical", "rap", "belting", "falsetto", "breathy", "tuned")
_STYLE_ODDS = (0.46, 0.16, 0.08, 0.1, 0.07, 0.07, 0.06)


@dataclass(frozen=True)
class Singer:
    """A voice.

    Attributes:
        utterances: what the words are taken from.
        style: one of `STYLES`, or "whisper".
        centre: pitch in the middle of the range.
        warp: factor on the formants.
        tilt_db: per octave, above 500 Hz.
        ring_db: height of the singer's formant.
        ring_hz: where it is.
        breath: share of noise, 0…1.
        grit: share of distortion, 0…1.
        vibrato_cents: depth.
        vibrato_hz: rate.
        vibrato_after_s: time until it sets in.
        scoop_cents: by how much notes may start below.
        glide_frames: how slowly the pitch moves from note to note.
        shake_cents: slow unsteadiness of the pitch.
        mistuning_cents: spread of whole notes.
        melisma: chance that a note goes on with the vowel of the one before.
        release: level at the end of a note, 0…1.
        swell: how much notes grow towards their middle.
    """

    utterances: tuple[Utterance, ...]
    style: str
    centre: int
    warp: float
    tilt_db: float
    ring_db: float
    ring_hz: float
    breath: float
    grit: float
    vibrato_cents: float
    vibrato_hz: float
    vibrato_after_s: float
    scoop_cents: float
    glide_frames: float
    shake_cents: float
    mistuning_cents: float
    melisma: float
    release: float
    swell: float


def invite(rng: Rng, purpose: str, style: str | None = None) -> Singer:
    """Return a new singer of the "train" or the "test" set."""
    speaker = choose_speaker(rng, purpose)
    utterances = tuple(utter(speaker, rng) for _ in range(2))
    is_male = rng.random() < 0.5
    crossing = 1.0 if is_male != utterances[0].is_female else (0.87 if is_male else 1.17)
    singer = Singer(
        utterances=utterances,
        style=style or str(rng.choice(STYLES, p=_STYLE_ODDS)),
        centre=int(rng.integers(46, 62) if is_male else rng.integers(58, 75)),
        warp=float(rng.uniform(0.9, 1.1)) * crossing,
        tilt_db=float(rng.uniform(-3, 3.5)),
        ring_db=float(rng.uniform(0, 9)),
        ring_hz=float(rng.uniform(2400, 3600)),
        breath=float(rng.choice([0, 0, 0.05, 0.15, 0.3])),
        grit=float(rng.choice([0, 0, 0, 0.2, 0.5])),
        vibrato_cents=float(rng.choice([0, 15, 30, 45, 70])),
        vibrato_hz=float(rng.uniform(4.5, 6.8)),
        vibrato_after_s=float(rng.uniform(0.1, 0.45)),
        scoop_cents=float(rng.uniform(0, 150)),
        glide_frames=float(rng.uniform(2, 7)),
        shake_cents=float(rng.uniform(2, 12)),
        mistuning_cents=float(rng.uniform(0, 12)),
        melisma=float(rng.uniform(0, 0.25)),
        release=float(rng.uniform(0.1, 0.8)),
        swell=float(rng.uniform(-0.5, 0.8)),
    )
    return _in_style(singer, rng)


def _in_style(singer: Singer, rng: Rng) -> Singer:
    match singer.style:
        case "classical":
            return replace(
                singer,
                centre=singer.centre + 3,
                vibrato_cents=float(rng.uniform(50, 130)),
                vibrato_hz=float(rng.uniform(4.8, 6.6)),
                vibrato_after_s=float(rng.uniform(0, 0.15)),
                ring_db=float(rng.uniform(6, 16)),
                ring_hz=float(rng.uniform(2500, 3300)),
                breath=0.0,
                grit=0.0,
                tilt_db=float(rng.uniform(-3, 1)),
                glide_frames=float(rng.uniform(4, 12)),
                melisma=float(rng.uniform(0.1, 0.45)),
                release=float(rng.uniform(0.5, 1)),
                swell=float(rng.uniform(0.2, 1.2)),
            )
        case "rap":
            return replace(singer, vibrato_cents=0.0, scoop_cents=0.0, melisma=0.0, release=0.3)
        case "belting":
            return replace(
                singer,
                centre=singer.centre + 4,
                tilt_db=float(rng.uniform(2, 5)),
                grit=float(rng.uniform(0.1, 0.6)),
                breath=0.0,
            )
        case "falsetto":
            return replace(
                singer,
                centre=singer.centre + 9,
                tilt_db=float(rng.uniform(-6, -2)),
                breath=float(rng.uniform(0.1, 0.4)),
                ring_db=0.0,
            )
        case "breathy":
            is_whisper = rng.random() < 0.25
            return replace(
                singer,
                style="whisper" if is_whisper else "breathy",
                breath=float(rng.uniform(0.3, 0.7)),
                tilt_db=float(rng.uniform(-4, 1)),
                grit=0.0,
            )
        case "tuned":
            return replace(
                singer,
                glide_frames=float(rng.uniform(0.3, 1.2)),
                vibrato_cents=float(rng.choice([0, 0, 20])),
                shake_cents=0.3,
                mistuning_cents=0.0,
                scoop_cents=0.0,
            )
    return singer
