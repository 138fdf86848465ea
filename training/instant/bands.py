"""Makes bands: `python -m training.instant.bands FOLDER FIRST LAST [--set test]`.

Each song is seeded by its number alone and skipped where it is already whole, so any number of
processes may be started, killed and started again. No program of choirs or voices is played: a
singer in the band would teach the net to leave singers there.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from training.instant import effects, instruments, parts, score, store
from training.instant.score import Note, Plan
from training.instant.store import Samples

Rng = np.random.Generator

#: Programs of General MIDI by part. Those of `_TEST_PROGRAMS` are played in test songs only.
PROGRAMS = {
    "bass": (32, 33, 33, 34, 35, 36, 37, 38, 39, 43),
    "strum": (24, 25, 26, 27, 28, 4, 5, 6, 7),
    "power": (29, 30),
    "arpeggio": (0, 4, 5, 11, 24, 25, 26, 45, 46, 8, 10, 12, 13, 104, 107, 108),
    "comping": (0, 1, 2, 4, 5, 6, 16, 17, 18, 19, 27, 21),
    "pad": (48, 49, 50, 51, 88, 89, 90, 92, 94, 95, 16, 19, 61, 62, 63, 21, 20),
    "melody": (
        *(40, 41, 42, 56, 57, 60, 61, 62, 64, 65, 66, 67, 68, 71, 73, 75, 80, 81, 22, 29, 30),
        *(11, 79, 82, 26, 27, 87, 110, 111, 0, 1, 4, 84, 76, 72),
    ),
    "legato": (40, 40, 41, 42, 43, 48, 48, 49, 49, 44, 60, 61, 68, 69, 70, 71, 73),
}
_TEST_PROGRAMS = frozenset({3, 9, 14, 23, 28, 31, 38, 59, 70, 72, 74, 83, 93, 105, 106, 109, 112})
_KITS = (0, 0, 0, 8, 16, 24, 25, 32, 40)

#: What plays beside drums and bass: chances by style.
_KINDS = ("strum", "power", "arpeggio", "comping", "pad", "melody", "legato")
_ODDS = {
    "pop": (0.2, 0.08, 0.17, 0.2, 0.14, 0.16, 0.05),
    "rock": (0.2, 0.5, 0.05, 0.1, 0.05, 0.1, 0.0),
    "electronic": (0.0, 0.0, 0.3, 0.2, 0.25, 0.25, 0.0),
    "orchestra": (0.0, 0.0, 0.08, 0.02, 0.15, 0.05, 0.7),
    "quiet": (0.2, 0.0, 0.3, 0.3, 0.1, 0.05, 0.05),
}
_STRUCK = ("comping", "arpeggio", "power")
_COUNTS = {
    "pop": (2, 5),
    "rock": (2, 5),
    "electronic": (2, 5),
    "orchestra": (4, 7),
    "quiet": (1, 3),
}
_DRUMS = {"pop": 0.96, "rock": 1.0, "electronic": 1.0, "orchestra": 0.12, "quiet": 0.25}
_BASS = {"pop": 0.96, "rock": 1.0, "electronic": 0.95, "orchestra": 0.6, "quiet": 0.5}
_MODEL_ODDS = 0.3
_SYNTH = {"pop": 0.15, "rock": 0.05, "electronic": 0.55, "orchestra": 0.0, "quiet": 0.1}

#: Loudness of a track where it sounds, before mixing.
TRACK_RMS = 0.06


class Studio:
    """Records the parts of one song."""

    def __init__(self, plan: Plan, rng: Rng, purpose: str) -> None:
        """Prepare to record `plan` for "train" or "test"."""
        self.plan = plan
        self._rng = rng
        self._purpose = purpose
        self.hall = effects.room_response(rng, rng.uniform(1.2, 3.2))

    def program(self, kind: str) -> int:
        """Choose an instrument for a part."""
        allowed = [
            program
            for program in PROGRAMS[kind]
            if self._purpose == "test" or program not in _TEST_PROGRAMS
        ]
        if self._purpose == "test" and kind in ("melody", "pad", "arpeggio", "comping"):
            allowed = sorted(_TEST_PROGRAMS) if self._rng.random() < 0.5 else allowed
        return int(self._rng.choice(allowed))

    def play(self, notes: list[Note], program: int, **setting: int | bool | None) -> Samples:
        """Play on the sound font of the set."""
        return instruments.play(notes, program, self._rng, sound_font=self._purpose, **setting)

    def record(self, kind: str) -> tuple[str, Samples]:
        """Return what a part is mixed as, and its (2, FRAMES)."""
        rng = self._rng
        if kind == "drums":
            return kind, self._drums()
        if kind == "bass":
            return kind, self._bass()
        if kind == "power" or (kind == "strum" and rng.random() < 0.5):
            return "wide", self._double_tracked(kind)
        notes = parts.PARTS[kind](self.plan, rng)
        if self._is_synthesised() and kind not in ("strum", "legato"):
            return kind, instruments.synthesise(notes, rng)
        if self._purpose == "train" and kind != "strum" and rng.random() < _MODEL_ODDS:
            return kind, self._modelled(kind, notes)
        program = self.program(kind)
        place = int(rng.choice([64, 64, rng.integers(10, 118), rng.integers(40), 127]))
        samples = self.play(notes, program, place=place)
        if program in (26, 27, 29, 30) and rng.random() < 0.4:
            samples = effects.distorted(samples, rng) * effects.rms(samples)
        if self.plan.style == "orchestra" or kind == "legato":
            return kind, self._in_hall(samples)
        return kind, samples

    def _modelled(self, kind: str, notes: list[Note]) -> Samples:
        rng = self._rng
        models = instruments.STRUCK_MODELS if kind in _STRUCK else instruments.BLOWN_MODELS
        samples = instruments.play_model(notes, str(rng.choice(models)), rng)
        if rng.random() < 0.4:
            samples = effects.ensemble(samples[0], rng, int(rng.integers(2, 6)))
        else:
            samples = effects.panned(samples[0], float(rng.choice([0, rng.uniform(-0.9, 0.9)])))
        if rng.random() < 0.3:
            samples = effects.equalised(samples, effects.random_equaliser(rng, 4))
        return self._in_hall(samples) if rng.random() < 0.6 else samples

    def _is_synthesised(self) -> bool:
        # The synthesisers are the same code in both sets, so tests do without.
        return self._purpose == "train" and self._rng.random() < _SYNTH[self.plan.style]

    def _drums(self) -> Samples:
        rng = self._rng
        notes = parts.drums(self.plan, rng)
        reverb = int(rng.choice([0, 10, 30, 60]))
        kit = 48 if self.plan.style == "orchestra" else int(rng.choice(_KITS))
        samples = self.play(notes, kit, is_drums=True, reverb=reverb, chorus=0)
        if rng.random() < 0.35:
            samples = np.tanh(samples / np.abs(samples).max() * rng.uniform(2, 6))
        if rng.random() < 0.5:
            samples = effects.scaled_width(samples, rng.uniform(0, 0.8))
        return self._in_hall(samples) if self.plan.style == "orchestra" else samples

    def _bass(self) -> Samples:
        rng = self._rng
        notes = parts.bass(self.plan, rng)
        if self._is_synthesised():
            samples = instruments.synthesise(notes, rng)
        else:
            program = 43 if self.plan.style == "orchestra" else self.program("bass")
            samples = self.play(notes, program, reverb=int(rng.choice([0, 0, 10])), chorus=0)
        if rng.random() < 0.2:
            samples = np.tanh(4 * samples / np.abs(samples).max())
        if self.plan.style == "orchestra":
            return self._in_hall(samples)
        return effects.scaled_width(samples, 0) if rng.random() < 0.85 else samples

    def _double_tracked(self, kind: str) -> Samples:
        """Play the same thing twice, a little apart, for the two sides."""
        rng = self._rng
        notes = parts.PARTS[kind](self.plan, rng)
        program, is_driven = self.program(kind), kind == "power" and rng.random() < 0.75
        sides = []
        for _ in range(2):
            late = rng.normal(0, 0.006, len(notes))
            again = [
                Note(max(note.start_s + shift, 0), note.length_s, note.pitch, note.velocity)
                for note, shift in zip(notes, late, strict=True)
            ]
            side = self.play(again, program, reverb=20, chorus=0).mean(axis=0)
            if is_driven:
                side = effects.distorted(side, rng)
            if rng.random() < 0.5:
                side = effects.equalised(side, effects.random_equaliser(rng, 2))
            sides.append(side / effects.rms(side) * rng.uniform(0.8, 1.2))
        shared = rng.uniform(0, 0.4)
        left, right = sides
        return np.stack([left + shared * right, right + shared * left]).astype(np.float32)

    def _in_hall(self, samples: Samples) -> Samples:
        """Put a player into the hall that the whole orchestra shares."""
        wet = effects.in_room(samples, self.hall)
        return samples + wet * np.float32(effects.db_to_gain(self._rng.uniform(-14, 2)))


def make(folder: Path, number: int, purpose: str) -> None:
    """Compose and record song `number`."""
    rng = np.random.default_rng([1, number, purpose == "test"])
    plan = score.compose(rng)
    studio = Studio(plan, rng, purpose)
    kinds = ["drums"] * (rng.random() < _DRUMS[plan.style])
    kinds += ["bass"] * (rng.random() < _BASS[plan.style])
    kinds += list(rng.choice(_KINDS, rng.integers(*_COUNTS[plan.style]), p=_ODDS[plan.style]))
    tracks, labels = [], []
    for kind in kinds:
        label, samples = studio.record(kind)
        track = store.level(samples, TRACK_RMS)
        if track is not None:
            tracks.append(track)
            labels.append(label)
    if tracks:
        store.save(folder, number, tracks, {"labels": labels, "plan": plan.to_facts()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int, help="one past the last")
    parser.add_argument("--set", choices=("train", "test"), default="train", dest="purpose")
    options = parser.parse_args()
    for number in range(options.first, options.last):
        if not store.card_path(options.folder, number).exists():
            started = time.perf_counter()
            make(options.folder, number, options.purpose)
            print(f"song {number}: {time.perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
