"""The band: drums, bass, electric piano, two strummed guitars, pad, strings and a small lead.

Parts are written as MIDI, each played by FluidSynth with the FluidR3 sound font into its own file,
so that they can be balanced and placed afterwards. Timing and touch are humanised from a seed.
"""

import struct
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import score
import soundfile

SAMPLE_RATE = 48000
SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
TICKS_PER_BEAT = 960
DRUM_CHANNEL = 9

KICK, STICK, SNARE, HAT, PEDAL_HAT, OPEN_HAT = 36, 37, 38, 42, 44, 46
LOW_TOM, MID_TOM, HIGH_TOM, CRASH, RIDE, TAMBOURINE, SHAKER = 45, 47, 50, 49, 51, 54, 70

VERSE_BARS, CHORUS_BARS, LAST_BAR = range(2, 10), range(10, 17), 17

KEYS = {
    "C": "E3 G3 C4 D4",
    "Cadd9": "E3 G3 C4 D4 G4",
    "G/B": "D3 G3 B3 D4",
    "Am7": "E3 G3 C4 E4",
    "F": "F3 A3 C4 G4",
    "Fmaj7": "E3 A3 C4 G4",
    "Gsus": "F3 G3 C4 D4",
    "G": "F3 G3 B3 D4",
    "G7": "F3 G3 B3 D4",
    "Em7": "D3 G3 B3 E4",
    "Dm7": "F3 A3 C4 D4",
    "Fm6": "F3 Ab3 C4 D4",
    "C/G": "E3 G3 C4 E4",
}
GUITAR = {
    "C": "C3 E3 G3 C4 E4",
    "Cadd9": "C3 E3 G3 D4 E4",
    "G/B": "B2 D3 G3 D4 G4",
    "Am7": "A2 E3 G3 C4 E4",
    "F": "F2 C3 F3 A3 C4 F4",
    "Fmaj7": "F3 A3 C4 E4",
    "Gsus": "G2 D3 G3 C4 G4",
    "G": "G2 B2 D3 G3 B3 G4",
    "G7": "G2 B2 D3 G3 B3 F4",
    "Em7": "E2 B2 E3 G3 D4 E4",
    "Dm7": "D3 A3 C4 F4",
    "Fm6": "F2 C3 F3 Ab3 D4",
    "C/G": "G2 C3 E3 G3 C4 E4",
}
PAD = {
    "C": "G3 C4 E4",
    "Cadd9": "G3 C4 E4",
    "G/B": "G3 B3 D4",
    "Am7": "G3 C4 E4",
    "F": "A3 C4 F4",
    "Fmaj7": "A3 C4 E4",
    "Gsus": "G3 C4 D4",
    "G": "G3 B3 D4",
    "G7": "G3 B3 F4",
    "Em7": "G3 B3 D4",
    "Dm7": "A3 C4 F4",
    "Fm6": "Ab3 C4 D4",
    "C/G": "G3 C4 E4",
}
ROOT = {
    "C": "C2",
    "Cadd9": "C2",
    "G/B": "B1",
    "Am7": "A1",
    "F": "F1",
    "Fmaj7": "F1",
    "Gsus": "G1",
    "G": "G1",
    "G7": "G1",
    "Em7": "E1",
    "Dm7": "D2",
    "Fm6": "F1",
    "C/G": "G1",
}
INTRO_MOTIF = "A5/2 G5/1 C6/4 B5/1 B5/3 A5/1 G5/4"


@dataclass(frozen=True)
class Hit:
    """One MIDI note; `start` and `length` in eighths of the song, plus a shift in seconds."""

    start: float
    length: float
    midi: int
    velocity: float
    shift_s: float = 0.0


@dataclass(frozen=True)
class Part:
    """A part of the band: its sound, place and loudness in the mix, and what it plays."""

    name: str
    program: int
    pan: float
    loudness: float
    low_cut_hz: float
    reverb: float
    play: Callable[[np.random.Generator], list[Hit]]
    is_drums: bool = False


def _pitches(names: str) -> list[int]:
    return [score.midi_number(name) for name in names.split()]


def _section(chord: score.Chord) -> str:
    bar = int(chord.start // score.BAR_EIGHTHS)
    if bar in VERSE_BARS:
        return "verse"
    if bar in CHORUS_BARS:
        return "chorus"
    return "end" if bar == LAST_BAR else "intro"


def electric_piano(rng: np.random.Generator) -> list[Hit]:
    """Chords on the beat with a soft push, rolled slightly; the last chord rolls slowly."""
    hits = []
    for chord in score.CHORDS:
        section = _section(chord)
        base = {"intro": 70, "verse": 58, "chorus": 70, "end": 66}[section]
        strokes = [(0.0, min(2.9, chord.length), 0), (3.0, 4.5, -10)]
        if section == "end":
            strokes = [(0.0, 8.0, 0)]
        elif chord.length < 8:
            strokes = [(0.0, 2.6, 0), (3.0, 0.9, -14)]
        elif rng.random() < 0.5:
            strokes[1] = (3.0, 2.6, -8)
            strokes.append((6.0, 1.8, -12))
        roll = 0.07 if section == "end" else 0.009
        for start, length, softer in strokes:
            for k, midi in enumerate(_pitches(KEYS[chord.name])):
                touch = base + softer + rng.normal(0, 3) + (4 if k == 3 else 0)
                hits.append(Hit(chord.start + start, length, midi, touch, k * roll))
    return hits


def strum(rng: np.random.Generator, offset_s: float) -> list[Hit]:
    """Down and up strokes in eighths with swung in-betweens; arpeggios in the verse."""
    hits: list[Hit] = []
    for chord in score.CHORDS:
        section = _section(chord)
        strings = _pitches(GUITAR[chord.name])
        if section == "verse":
            hits += _arpeggio(rng, chord, strings, offset_s)
        elif section == "end":
            hits += _stroke(rng, chord.start, 8, strings, (66, 0.035, offset_s))
        else:
            pattern = [(0, 88), (2, 70), (3, 62), (5, 64), (6, 76), (7, 60)]
            if section == "intro":
                pattern = [(0, 74), (3, 56), (6, 62)]
            for at, velocity in pattern:
                if at >= chord.length:
                    continue
                up = at % 2 == 1
                chosen = strings[::-1][:4] if up else strings
                gap = 0.007 if up else 0.011
                sound = (velocity - 16, gap, offset_s)
                hits += _stroke(rng, chord.start + at, 1.4, chosen, sound)
    return hits


def _stroke(
    rng: np.random.Generator,
    start: float,
    length: float,
    strings: list[int],
    sound: tuple[float, float, float],
) -> list[Hit]:
    velocity, gap_s, offset_s = sound
    return [
        Hit(start, length, midi, velocity + rng.normal(0, 4), k * gap_s + offset_s)
        for k, midi in enumerate(strings)
    ]


def _arpeggio(
    rng: np.random.Generator, chord: score.Chord, strings: list[int], offset_s: float
) -> list[Hit]:
    top = strings[-3:]
    order = [strings[0], top[0], top[1], top[2], top[1], top[0], top[2], top[1]]
    count = int(chord.length)
    return [
        Hit(
            chord.start + k,
            2.6,
            midi,
            (64 if k == 0 else 52) + rng.normal(0, 5) - 4 * (k % 2),
            offset_s,
        )
        for k, midi in enumerate(order[:count])
    ]


def bass(rng: np.random.Generator) -> list[Hit]:
    """Roots with a push before beat three; livelier in the chorus, walking into the next bar."""
    hits = []
    roots = [score.midi_number(ROOT[chord.name]) for chord in score.CHORDS] + [36]
    for k, chord in enumerate(score.CHORDS):
        root, after = roots[k], roots[k + 1]
        section = _section(chord)
        fifth = root + 7 if root < 36 else root - 5
        if section == "end":
            figure = [(0, 8, root, 84)]
        elif chord.length < 8:
            figure = [(0, 2.6, root, 86), (3, 0.8, root, 72)]
        elif section == "chorus":
            figure = [(0, 1.4, root, 92), (2, 0.8, root, 74), (3, 1.8, root, 86)]
            figure += [(5, 0.9, fifth, 76), (6, 0.9, root, 80)]
            figure += [(7, 0.9, after + (1 if after < root else -2), 74)]
        elif section == "verse":
            figure = [(0, 2.8, root, 84), (3, 2.6, root, 72), (6, 1.0, fifth, 70)]
            figure += [(7, 0.8, after + (2 if after < root else -2), 66)] if k % 2 else []
        else:
            figure = [(0, 5.5, root, 76), (6, 1.6, fifth, 64)]
        for start, length, midi, velocity in figure:
            hits.append(Hit(chord.start + start, length, midi, velocity + rng.normal(0, 3)))
    return hits


def pad(rng: np.random.Generator) -> list[Hit]:
    hits = []
    for chord in score.CHORDS:
        louder = {"intro": 60, "verse": 56, "chorus": 74, "end": 66}[_section(chord)]
        for midi in _pitches(PAD[chord.name]):
            hits.append(Hit(chord.start - 0.1, chord.length, midi, louder + rng.normal(0, 2)))
    return hits


def strings(rng: np.random.Generator) -> list[Hit]:
    """A high line that lifts the chorus and leaves room for the voice."""
    line = "C5/8 D5/8 G4/8 C5/8 F5/8 Ab4/4+D5/4 E5/4+D5/4 C5/8"
    hits = []
    for tied in score.parse_melody(line, 80):
        for note in tied:
            soft = 52 if note.start >= 136 else 64
            hits.append(Hit(note.start, note.length + 0.1, note.midi, soft + rng.normal(0, 2)))
            hits.append(Hit(note.start, note.length + 0.1, note.midi - 12, soft - 8))
    return hits


def motif(rng: np.random.Generator) -> list[Hit]:
    """The hook on a vibraphone in the introduction, small answers after the lines, a last word."""
    answers = [(INTRO_MOTIF, 0), ("D5/1 G5/1", 30), ("E5/1 C6/1", 46), ("C6/1 B5/1 G5/1", 61)]
    answers.append(("G5/1 D6/1 E6/4", 139))
    hits = []
    for text, start in answers:
        for tied in score.parse_melody(text, start):
            for note in tied:
                hits.append(Hit(note.start, note.length + 1, note.midi, 66 + rng.normal(0, 4)))
    return hits


def drums(rng: np.random.Generator) -> list[Hit]:
    hits = _fill(1, rng, soft=True)
    for bar in VERSE_BARS:
        hits += _verse_bar(bar, rng)
    hits += _fill(9, rng, soft=False)
    for bar in CHORUS_BARS:
        hits += _chorus_bar(bar, rng)
    hits += [Hit(136, 4, CRASH, 44), Hit(136, 1, KICK, 84), Hit(80, 4, CRASH, 62)]
    return [_swing(hit) for hit in hits]


def _swing(hit: Hit) -> Hit:
    """Delay the sixteenths between the eighths a little."""
    late = 0.018 if abs(hit.start % 1 - 0.5) < 0.01 else 0.0
    return Hit(hit.start, hit.length, hit.midi, hit.velocity, hit.shift_s + late)


def _verse_bar(bar: int, rng: np.random.Generator) -> list[Hit]:
    at = bar * 8
    hits = [Hit(at, 1, KICK, 82), Hit(at + 3, 1, KICK, 62), Hit(at + 4, 1, KICK, 76)]
    hits += [Hit(at + 2, 1, STICK, 74), Hit(at + 6, 1, STICK, 78)]
    count = 6 if bar == 9 else 8
    hits += [Hit(at + k, 0.5, HAT, (58, 40)[k % 2] + rng.normal(0, 4)) for k in range(count)]
    if bar >= 6:
        hits += [
            Hit(at + k / 2, 0.4, SHAKER, (46, 26)[k % 2] + rng.normal(0, 3)) for k in range(16)
        ]
    return hits


def _chorus_bar(bar: int, rng: np.random.Generator) -> list[Hit]:
    at = bar * 8
    hits = [Hit(at, 1, KICK, 94), Hit(at + 3, 1, KICK, 76), Hit(at + 4, 1, KICK, 84)]
    if bar % 2:
        hits.append(Hit(at + 6.5, 1, KICK, 66))
    hits += [Hit(at + 2, 1, SNARE, 84), Hit(at + 6, 1, SNARE, 88)]
    hits += [Hit(at + 5.5, 0.5, SNARE, 24), Hit(at + 7.5, 0.5, SNARE, 28)]
    last = bar == 16
    hits += [Hit(at + k, 0.5, HAT, (66, 46)[k % 2] + rng.normal(0, 4)) for k in range(7)]
    hits.append(Hit(at + 7, 0.9, HAT if last else OPEN_HAT, 44))
    hits += [Hit(at + k / 2, 0.4, SHAKER, (52, 30)[k % 2] + rng.normal(0, 3)) for k in range(16)]
    hits += [Hit(at + 2, 1, TAMBOURINE, 50), Hit(at + 6, 1, TAMBOURINE, 54)]
    return hits


def _fill(bar: int, rng: np.random.Generator, *, soft: bool) -> list[Hit]:
    at = bar * 8 + 6
    drop = 26 if soft else 0
    steps = [(0, SNARE), (0.5, SNARE), (1, MID_TOM), (1.5, LOW_TOM)]
    return [Hit(at + t, 0.5, drum, 76 - drop + 8 * t + rng.normal(0, 3)) for t, drum in steps]


PARTS = (
    Part("drums", 0, 0.0, -20.8, 30, 0.10, drums, is_drums=True),
    Part("bass", 33, 0.0, -20.8, 35, 0.0, bass),
    Part("electric piano", 4, -0.3, -25.0, 120, 0.16, electric_piano),
    Part("guitar left", 25, -0.8, -26.2, 140, 0.12, lambda rng: strum(rng, 0.0)),
    Part("guitar right", 25, 0.8, -26.2, 140, 0.12, lambda rng: strum(rng, 0.014)),
    Part("pad", 89, 0.0, -32.0, 180, 0.25, pad),
    Part("strings", 48, 0.15, -30.0, 220, 0.30, strings),
    Part("vibraphone", 11, 0.35, -28.0, 250, 0.35, motif),
)


def play(part: Part, number: int) -> np.ndarray:
    """Play one part; float64 (frames, 2) at 48 kHz, without reverb, not yet balanced."""
    rng = np.random.default_rng(score.SEED + 17 * (number + 1))
    hits = part.play(rng)
    loose_s = 0.004 if part.is_drums else 0.006
    with tempfile.TemporaryDirectory() as folder:
        midi, wave = Path(folder) / "part.mid", Path(folder) / "part.wav"
        midi.write_bytes(_midi_file(part, hits, rng, loose_s))
        command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.5", "-O", "float"]
        command += [
            "-r",
            str(SAMPLE_RATE),
            "-T",
            "wav",
            "-F",
            str(wave),
            str(SOUND_FONT),
            str(midi),
        ]
        subprocess.run(command, check=True, capture_output=True)
        samples, _ = soundfile.read(wave, always_2d=True)
    wanted = round(score.LENGTH_S * SAMPLE_RATE)
    samples = samples[:wanted]
    return np.pad(samples, ((0, wanted - len(samples)), (0, 0)))


def _midi_file(part: Part, hits: list[Hit], rng: np.random.Generator, loose_s: float) -> bytes:
    channel = DRUM_CHANNEL if part.is_drums else 0
    per_second = TICKS_PER_BEAT * score.BPM / 60
    events = [(0, bytes([0xC0 | channel, part.program]))]
    for hit in hits:
        start_s = score.seconds(hit.start) + hit.shift_s + rng.normal(0, loose_s)
        start = max(1, round(start_s * per_second))
        end = start + max(60, round(hit.length * score.EIGHTH_S * per_second))
        velocity = int(np.clip(round(hit.velocity), 1, 127))
        events.append((start, bytes([0x90 | channel, hit.midi, velocity])))
        events.append((end, bytes([0x80 | channel, hit.midi, 0])))
    events.sort(key=lambda event: (event[0], event[1][0] & 0xF0))
    events.append((round((score.LENGTH_S + 0.5) * per_second), b"\xff\x2f\x00"))
    tempo = round(60e6 / score.BPM)
    track = b"\x00\xff\x51\x03" + tempo.to_bytes(3, "big")
    before = 0
    for at, message in events:
        track += _variable_length(max(0, at - before)) + message
        before = max(at, before)
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS_PER_BEAT)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def _variable_length(number: int) -> bytes:
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(0x80 | (number & 0x7F))
    return bytes(out[::-1])
