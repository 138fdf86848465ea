"""Makes takes: `python -m training.instant.takes SONGS FOLDER FIRST LAST [--set test]`.

Take n is sung over song n. Its tracks are kept apart so that mixing can still choose:

- `lead`: dry, the same on both sides. `lead room`: only its reverberation and echoes.
- `backing`: doubles and harmonies. `choir`: many people in a hall. `ad lib`: a second singer's
  own calls.
- `shadow`: an *instrument* that plays the voice's melody: part of the music, and what a net most
  readily takes for a voice.

As with songs, the number is the seed, and what is whole is skipped.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.instant import effects, instruments, melodies, singing, store
from training.instant.bands import TRACK_RMS
from training.instant.parts import PARTS
from training.instant.score import Note, Plan
from training.instant.singers import Singer, invite
from training.instant.store import LENGTH_S, Samples

Rng = np.random.Generator

_VOICE_RMS = 0.07

#: Instruments that may shadow a voice: bowed, blown, leads, keys, guitars.
_SHADOWS = (40, 41, 42, 48, 49, 56, 57, 60, 64, 65, 66, 67, 68, 69, 71, 73, 75, 79, 80, 81, 82, 87)
_SHADOWS += (0, 1, 2, 4, 5, 16, 18, 19, 21, 22, 24, 25, 26, 27, 29, 30, 11, 50, 90, 110, 111)
_TEST_SHADOWS = (23, 59, 70, 72, 74, 83, 93, 109, 3, 105)

#: Chances that a take has such a track.
_BACKING, _AD_LIB, _SHADOW = 0.45, 0.12, 0.6
#: That a shadow is a physical model, and that a lead goes through a vocoder or talk box.
_MODEL_ODDS, _VOCODER_ODDS = 0.4, 0.05
#: That there is a choir: by whether the song is an orchestra's.
_CHOIR = {True: 0.4, False: 0.1}


class Session:
    """Records the tracks of one take."""

    def __init__(self, plan: Plan, rng: Rng, purpose: str) -> None:
        """Invite the lead singer over the song `plan`."""
        self._plan = plan
        self._rng = rng
        self._purpose = purpose
        likely = "classical" if plan.style == "orchestra" and rng.random() < 0.75 else None
        self.singer = invite(rng, purpose, likely)
        how = melodies.manner(rng, self.singer.style, self.singer.centre)
        self.notes = melodies.compose(plan, rng, how)

    @property
    def is_orchestral(self) -> bool:
        """Whether an orchestra plays."""
        return self._plan.style == "orchestra"

    def lead(self) -> tuple[Samples, Samples] | None:
        """Return the dry lead and its room, (2, FRAMES) each."""
        voice = singing.sing(self.singer, self.notes, self._rng)
        if voice is None:
            return None
        dry = self._polished(voice)
        if self._rng.random() < _VOCODER_ODDS:
            dry = self._vocoded(dry)
        return np.stack([dry, dry]), self._room(dry, self.singer.style == "classical")

    def backing(self) -> Samples:
        """Return one to three doubles or harmonies, for the whole song or a part of it."""
        rng = self._rng
        notes = self.notes
        if rng.random() < 0.6:
            start = rng.uniform(0, LENGTH_S * 0.6)
            some = [note for note in notes if start < note.start_s < start + LENGTH_S * 0.4]
            notes = some or notes
        total = np.zeros((2, store.FRAMES), np.float32)
        stranger = invite(rng, self._purpose) if rng.random() < 0.4 else self.singer
        for _ in range(int(rng.integers(1, 4))):
            singer = replace(
                stranger if rng.random() < 0.5 else self.singer,
                vibrato_cents=self.singer.vibrato_cents,
                mistuning_cents=8.0,
            )
            steps = int(rng.choice([0, 0, 3, 4, 7, 12, -12, -5, 5]))
            voice = singing.sing(singer, melodies.harmony(self._plan, notes, rng, steps), rng)
            if voice is not None:
                total += self._placed(self._polished(voice))
        return total

    def choir(self) -> Samples:
        """Return two or three parts, each of several people, in a hall."""
        rng = self._rng
        total = np.zeros((2, store.FRAMES), np.float32)
        slow = melodies.compose(self._plan, rng, melodies.manner(rng, "classical", 62))
        notes = slow if rng.random() < 0.6 else self.notes
        for steps in rng.choice([0, -12, 4, 7, -5], rng.integers(2, 4), replace=False):
            singer = replace(invite(rng, self._purpose), melisma=0.35, grit=0.0)
            part = melodies.harmony(self._plan, notes, rng, int(steps))
            voice = singing.sing(singer, part, rng)
            if voice is not None:
                total += effects.ensemble(voice, rng, int(rng.integers(3, 8)))
        response = effects.room_response(rng, rng.uniform(1.0, 3.2))
        wet = effects.in_room(total, response)
        return total + wet * np.float32(effects.db_to_gain(rng.uniform(-12, 4)))

    def ad_lib(self) -> Samples | None:
        """Return calls of another singer."""
        singer = invite(self._rng, self._purpose)
        how = melodies.manner(self._rng, singer.style, singer.centre)
        notes = melodies.compose(self._plan, self._rng, how)
        some = [note for note in notes if self._rng.random() < 0.35]
        voice = singing.sing(singer, some, self._rng)
        return None if voice is None else self._placed(self._polished(voice))

    def shadow(self) -> Samples:
        """Return an instrument on the lead's melody or a harmony of it, now and then late."""
        rng = self._rng
        steps = int(rng.choice([0, 0, 0, 12, -12, 3, 4, 7]))
        late = float(rng.choice([0, 0, 0.5, 1, 2, 4])) * self._plan.beat_s
        notes = [
            Note(note.start_s + late, note.length_s * 1.02, note.pitch, int(rng.integers(70, 120)))
            for note in melodies.harmony(self._plan, self.notes, rng, steps)
            if 21 <= note.pitch <= 108
        ]
        if self._purpose == "train" and rng.random() < 0.2:
            samples = instruments.synthesise(notes, rng)
        elif self._purpose == "train" and rng.random() < _MODEL_ODDS:
            models = instruments.BLOWN_MODELS + instruments.STRUCK_MODELS
            samples = instruments.play_model(notes, str(rng.choice(models)), rng)
            if rng.random() < 0.3:
                samples = effects.ensemble(samples[0], rng, int(rng.integers(2, 7)))
        else:
            program = int(rng.choice(_TEST_SHADOWS if self._purpose == "test" else _SHADOWS))
            samples = instruments.play(notes, program, rng, sound_font=self._purpose)
        if rng.random() < 0.3 or self._plan.style == "orchestra":
            response = effects.room_response(rng, rng.uniform(0.8, 3))
            wet = effects.in_room(samples, response)
            samples = samples + wet * np.float32(effects.db_to_gain(rng.uniform(-14, 0)))
        return samples

    def _vocoded(self, dry: Samples) -> Samples:
        """Let a synthesiser speak the words: the melody (a talk box), or the song's chords."""
        rng = self._rng
        notes = self.notes if rng.random() < 0.5 else PARTS["pad"](self._plan, rng)
        carrier = instruments.synthesise(notes, rng)[0]
        robot = effects.vocoded(dry, carrier) if carrier.any() else dry
        scaled = robot * np.float32(effects.rms(dry) / effects.rms(robot))
        return scaled + dry * np.float32(rng.choice([0, 0, 0.3]))

    def _polished(self, voice: Samples) -> Samples:
        if self.singer.style != "classical":
            voice = effects.compressed(voice, self._rng.uniform(0, 0.75))
        knots = effects.random_equaliser(self._rng, 3.5)
        return effects.equalised(voice, knots)

    def _room(self, dry: Samples, is_hall: bool) -> Samples:
        rng = self._rng
        longest = np.log([1.0, 3.2]) if is_hall else np.log([0.25, 3.0])
        wet = effects.in_room(dry, effects.room_response(rng, float(np.exp(rng.uniform(*longest)))))
        if rng.random() < 0.35 and not is_hall:
            echo = effects.echoes(dry, rng, self._plan.beat_s)
            wet += echo * np.float32(effects.db_to_gain(rng.uniform(-8, 4)))
        return wet

    def _placed(self, dry: Samples) -> Samples:
        """Put a backing voice somewhere between the sides, in a room of its own."""
        rng = self._rng
        placed = effects.panned(dry, rng.uniform(-0.8, 0.8))
        if rng.random() < 0.4:
            late = effects.delayed(dry, int(rng.uniform(0.006, 0.025) * store.SAMPLE_RATE))
            placed = np.stack([0.8 * dry + 0.25 * late, 0.8 * late + 0.25 * dry])
        gain = effects.db_to_gain(rng.uniform(-24, -6))
        return placed + self._room(dry, is_hall=False) * np.float32(gain)


def make(songs: Path, folder: Path, number: int, purpose: str) -> None:
    """Sing take `number` over the song of that number."""
    rng = np.random.default_rng([2, number, purpose == "test"])
    _, facts = store.load(songs, number)
    session = Session(Plan.from_facts(facts["plan"]), rng, purpose)
    lead = session.lead()
    if lead is None:
        return
    recorded: list[tuple[str, Samples | None]] = [("lead", lead[0]), ("lead room", lead[1])]
    if rng.random() < _BACKING:
        recorded.append(("backing", session.backing()))
    if rng.random() < _CHOIR[session.is_orchestral]:
        recorded.append(("choir", session.choir()))
    if rng.random() < _AD_LIB:
        recorded.append(("ad lib", session.ad_lib()))
    if rng.random() < _SHADOW:
        recorded.append(("shadow", session.shadow()))
    tracks, labels = [], []
    for label, samples in recorded:
        wanted = TRACK_RMS if label == "shadow" else _VOICE_RMS
        track = None if samples is None else store.level(samples, wanted, floor=1e-2)
        if track is not None:
            tracks.append(track)
            labels.append(label)
    if labels[:2] == ["lead", "lead room"]:
        store.save(folder, number, tracks, {"labels": labels, **_about(session.singer)})


def _about(singer: Singer) -> dict[str, str | int]:
    return {
        "speaker": singer.utterances[0].speaker,
        "style": singer.style,
        "centre": singer.centre,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("songs", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int, help="one past the last")
    parser.add_argument("--set", choices=("train", "test"), default="train", dest="purpose")
    options = parser.parse_args()
    for number in range(options.first, options.last):
        if store.card_path(options.folder, number).exists():
            continue
        while not store.card_path(options.songs, number).exists():
            time.sleep(2)
        started = time.perf_counter()
        make(options.songs, options.folder, number, options.purpose)
        print(f"take {number}: {time.perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
