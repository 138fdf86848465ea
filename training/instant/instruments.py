"""Turns notes into sound: General MIDI by FluidSynth, models by STK, and plain synths in numpy."""

import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal

from training.instant import store
from training.instant.score import Note
from training.instant.store import FRAMES, SAMPLE_RATE, Samples

Rng = np.random.Generator

#: FluidR3 and MuseScore General may be trained on (MIT). TimGM6mb is only for tests: no weight ever
#: sees it.
SOUND_FONTS = {
    "train": ("sf2/FluidR3_GM.sf2", "sf3/MuseScore_General.sf3"),
    "test": ("sf2/TimGM6mb.sf2",),
}

#: Physical models of the Synthesis ToolKit (MIT): what blows or is bowed, and what is struck.
BLOWN_MODELS = ("Clarinet", "BlowHole", "Saxofony", "Flute", "Brass", "BlowBotl", "Bowed", "Bowed")
BLOWN_MODELS += ("Recorder", "Whistle", "Moog")
STRUCK_MODELS = ("Plucked", "StifKarp", "Sitar", "Mandolin", "Rhodey", "Wurley", "TubeBell", "Moog")
STRUCK_MODELS += ("HevyMetl", "PercFlut", "BeeThree", "BandedWG", "ModalBar", "Simple")

DRUM_CHANNEL = 9
_TICKS_PER_BEAT = 960
_TICKS_PER_S = 2 * _TICKS_PER_BEAT  # at 120 beats per minute
_MOST_SYNTH_NOTES = 600


def _quantity(number: int) -> bytes:
    """Return a number as MIDI files write it: seven bits a byte."""
    parts = [number & 127]
    while number := number >> 7:
        parts.append(128 | number & 127)
    return bytes(reversed(parts))


def midi_file(notes: list[Note], channel: int, setting: list[tuple[int, ...]]) -> bytes:
    """Return a MIDI file of one track; `setting` are messages before the first note."""
    events = [(0, 0, bytes(message)) for message in setting]
    for note in notes:
        start, stop = (
            int(at * _TICKS_PER_S) for at in (note.start_s, note.start_s + note.length_s)
        )
        events.append((start, 2, bytes((0x90 | channel, note.pitch, note.velocity))))
        events.append((max(stop, start + 1), 1, bytes((0x80 | channel, note.pitch, 0))))
    track, now = b"", 0
    for at, _, message in sorted(events):
        track += _quantity(at - now) + message
        now = at
    track += b"\x00\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, _TICKS_PER_BEAT)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def play(
    notes: list[Note],
    program: int,
    rng: Rng,
    *,
    sound_font: str,
    is_drums: bool = False,
    place: int = 64,
    reverb: int | None = None,
    chorus: int | None = None,
) -> Samples:
    """Play notes on an instrument of General MIDI.

    Args:
        notes: what is played.
        program: which instrument, or which kit.
        rng: for room and chorus where they are not given.
        sound_font: key of `SOUND_FONTS`, of which one is chosen.
        is_drums: whether the notes are drums.
        place: 0 for left to 127 for right.
        reverb: 0…127.
        chorus: 0…127.

    Returns:
        float32 (2, FRAMES).
    """
    channel = DRUM_CHANNEL if is_drums else 0
    if reverb is None:
        reverb = int(rng.choice([0, 10, 30, 50, 80]))
    if chorus is None:
        chorus = int(rng.choice([0, 0, 20, 60]))
    controls = ((10, place), (7, 105), (91, reverb), (93, chorus))
    setting = [
        (0xC0 | channel, program),
        *((0xB0 | channel, number, value) for number, value in controls),
    ]
    with tempfile.TemporaryDirectory() as folder:
        tune, wave = Path(folder, "tune.mid"), Path(folder, "tune.wav")
        tune.write_bytes(midi_file(notes, channel, setting))
        room = f"synth.reverb.room-size={rng.uniform(0.2, 0.9):.2f}"
        wet = f"synth.reverb.level={rng.uniform(0.3, 0.9):.2f}"
        options = ["-o", "synth.dynamic-sample-loading=1", "-o", room, "-o", wet]
        command = ["fluidsynth", "-ni", "-q", "-g", "0.5", "-r", str(SAMPLE_RATE), *options]
        font = f"/usr/share/sounds/{rng.choice(SOUND_FONTS[sound_font])}"
        command += ["-F", str(wave), font, str(tune)]
        subprocess.run(command, check=True, capture_output=True)
        samples, _ = soundfile.read(wave, dtype="float32", always_2d=True)
    return store.fit(samples.T)


def play_model(notes: list[Note], model: str, rng: Rng) -> Samples:
    """Play notes on a physical model; its vibrato, breath, bow and strength are random.

    Args:
        notes: what is played.
        model: one of `BLOWN_MODELS` or `STRUCK_MODELS`.
        rng: for how it is played.

    Returns:
        float32 (2, FRAMES), the same on both sides.
    """
    events = []
    for note in notes:
        events.append((note.start_s, 1, f"1 {note.pitch} {note.velocity * 0.7:.0f}"))
        events.append((note.start_s + note.length_s, 0, f"1 {note.pitch} 64"))
    controls = [(number, int(rng.integers(128))) for number in (2, 4)]
    controls += [(1, int(rng.choice([0, 0, 20, 50, 90]))), (11, int(rng.integers(30, 70)))]
    lines = [f"ControlChange 0.0 1 {number} {value}" for number, value in controls]
    now = 0.0
    for at, is_start, what in sorted(events):
        lines.append(f"{'NoteOn' if is_start else 'NoteOff'} {at - now:.6f} {what}")
        now = at
    with tempfile.TemporaryDirectory() as folder:
        score, wave = Path(folder, "score.ski"), Path(folder, "tune.wav")
        score.write_text("\n".join(lines) + "\n")
        command = ["stk-demo", model, "-s", str(SAMPLE_RATE), "-n", "6", "-ow", str(wave)]
        subprocess.run([*command, "-if", str(score)], check=True, capture_output=True)
        samples, _ = soundfile.read(wave, dtype="float32", always_2d=True)
    return store.fit(np.nan_to_num(np.repeat(samples.T[:1], 2, axis=0)))


def synthesise(notes: list[Note], rng: Rng) -> Samples:
    """Play notes on an analogue synthesiser: saw, square, sine or a stack of saws.

    Returns:
        float32 (2, FRAMES).
    """
    wave = str(rng.choice(["saw", "square", "stack", "sine"]))
    cutoff, decay_s = rng.uniform(1.5, 14), rng.uniform(0.1, 3)
    attack_s = float(rng.choice([0.003, 0.003, 0.02, 0.15]))
    is_wide = rng.random() < 0.6
    vibrato = rng.uniform(0, 0.006) * (rng.random() < 0.4)
    out = np.zeros((2, FRAMES), np.float32)
    for note in notes[:_MOST_SYNTH_NOTES]:
        first = int(note.start_s * SAMPLE_RATE)
        frames = min(int((note.length_s + 0.15) * SAMPLE_RATE), FRAMES - first)
        if frames < 100:
            continue
        at_s = np.arange(frames) / SAMPLE_RATE
        hertz = 440 * 2 ** ((note.pitch - 69) / 12)
        swell = np.minimum(at_s / attack_s, 1) * np.exp(-at_s / decay_s)
        swell *= np.clip((note.length_s + 0.12 - at_s) / 0.12, 0, 1) * note.velocity / 127
        filter_ = signal.butter(2, min(0.95, hertz * cutoff / (SAMPLE_RATE / 2) + 0.01))
        bend = vibrato / 5.5 * np.sin(2 * np.pi * 5.5 * at_s) / (2 * np.pi)
        for side in range(2 if is_wide else 1):
            detunes = rng.uniform(-0.15, 0.15, 3) if wave == "stack" else (0.0,)
            tones = [
                _oscillate(wave, hertz * 2 ** (detune / 12), at_s + bend, rng.random())
                for detune in detunes
            ]
            out[side, first : first + frames] += signal.lfilter(*filter_, sum(tones) * swell)
    if not is_wide:
        out[1] = out[0]
    return out


def _oscillate(wave: str, hertz: float, at_s: np.ndarray, phase: float) -> np.ndarray:
    turn = (at_s * hertz + phase) % 1
    if wave == "sine":
        return np.sin(2 * np.pi * turn) + 0.1 * np.sin(6 * np.pi * turn)
    if wave == "square":
        return np.sign(turn - 0.5)
    # The step of a saw, rounded over one sample on either side, aliases less.
    step = hertz / SAMPLE_RATE
    saw = 2 * turn - 1
    saw -= np.where(turn < step, 2 * turn / step - (turn / step) ** 2 - 1, 0)
    after = (turn - 1) / step
    return saw - np.where(turn > 1 - step, after**2 + 2 * after + 1, 0)
