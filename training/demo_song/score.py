"""The score of the demo song: words, melody, harmony and the clock that everything else follows.

A melody is a string of notes `pitch/eighths`, one per syllable; `+` ties further notes to the same
syllable, `r/n` rests. Positions count eighth notes from the first bar of the line.
"""

from dataclasses import dataclass

TITLE = "Sing It Slow"
ARTIST = "Karaoke Studio"
ALBUM = "Karaoke Studio Demo"
YEAR = 2026
GENRE = "Pop"
LICENCE = "CC0-1.0"
LANGUAGE = "en"
KEY = "C major"
BPM = 100.0
SEED = 20261121

LEAD_IN_S = 0.25
EIGHTH_S = 60.0 / BPM / 2
BAR_EIGHTHS = 8
BARS = 18
LENGTH_S = 44.9

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Note:
    """One pitch of the melody; `start` and `length` in eighths of the song, `midi` its number."""

    start: float
    length: float
    midi: int

    @property
    def start_s(self) -> float:
        """Start in seconds of the rendered song."""
        return seconds(self.start)

    @property
    def end_s(self) -> float:
        """End in seconds of the rendered song."""
        return seconds(self.start + self.length)


@dataclass(frozen=True)
class Line:
    """One sung line; `notes` holds a tuple of tied notes for each syllable, in order."""

    section: str
    text: str
    notes: tuple[tuple[Note, ...], ...]
    harmony: tuple[tuple[Note, ...], ...]


@dataclass(frozen=True)
class Chord:
    """A chord of the song; `start` and `length` in eighths, `name` as in the tables of band.py."""

    start: float
    length: float
    name: str


def seconds(eighths: float) -> float:
    return LEAD_IN_S + eighths * EIGHTH_S


def midi_number(pitch: str) -> int:
    """Turn "Ab4" or "C5" into its MIDI number (C4 = 60)."""
    letter, rest = pitch[0], pitch[1:]
    accidental = rest.count("#") - rest.count("b")
    return 12 * (int(rest.strip("#b")) + 1) + SEMITONES[letter] + accidental


def parse_melody(text: str, start: float) -> tuple[tuple[Note, ...], ...]:
    """Read a melody string that begins at `start` eighths of the song."""
    syllables = []
    for token in text.split():
        tied = []
        for part in token.split("+"):
            pitch, length = part.split("/")
            if pitch != "r":
                tied.append(Note(start, float(length), midi_number(pitch)))
            start += float(length)
        if tied:
            syllables.append(tuple(tied))
    return tuple(syllables)


def _line(section: str, bar: int, text: str, melody: str, harmony: str = "") -> Line:
    start = bar * BAR_EIGHTHS
    return Line(section, text, parse_melody(melody, start), parse_melody(harmony, start))


LINES = (
    _line(
        "verse",
        2,
        "Evening settles on the town,",
        "E4/3 D4/1 E4/2 G4/2 E4/1 D4/1 D4/4",
    ),
    _line(
        "verse",
        4,
        "all the busy day winds down,",
        "E4/2 D4/1 E4/2 D4/1 C4/2 D4/2 C4/4",
    ),
    _line(
        "verse",
        6,
        "leave the window open wide,",
        "E4/3 D4/1 E4/2 G4/2 A4/1 G4/1 G4/4",
    ),
    _line(
        "verse",
        8,
        "let the music come inside.",
        "A4/2 G4/1 F4/2 E4/1 D4/2 C4/2 D4/5",
    ),
    _line(
        "chorus",
        10,
        "Sing it out, the night is long,",
        "A4/2 G4/1 C5/4 B4/1 B4/3 A4/1 G4/4",
    ),
    _line(
        "chorus",
        12,
        "every heart can hold a song,",
        "G4/2 E4/1 B4/4 A4/1 A4/3 G4/1 E4/4",
        "E4/2 B3/1 G4/4 E4/1 E4/3 D4/1 C4/4",
    ),
    _line(
        "chorus",
        14,
        "one more time before we go,",
        "F4/2 E4/1 A4/4 G4/1 Ab4/3 G4/1 F4/2",
    ),
    _line(
        "chorus",
        15,
        "sing it with me, sing it slow.",
        "r/6 E4/1 F4/1 G4/2 E4/2 F4/3 E4/1 D4/2+C4/5",
        "r/6 G4/1 A4/1 C5/2 G4/2 B4/3 G4/1 F4/2+E4/5",
    ),
)


def _chords(names: str) -> tuple[Chord, ...]:
    """Read bars separated by `|`; chords inside a bar share it evenly."""
    chords = []
    for bar, inside in enumerate(names.split("|")):
        parts = inside.split()
        length = BAR_EIGHTHS / len(parts)
        chords += [Chord(bar * 8 + k * length, length, name) for k, name in enumerate(parts)]
    return tuple(chords)


CHORDS = _chords(
    "Fmaj7 | Gsus G |"
    "C | G/B | Am7 | F | C | G/B | Fmaj7 | Gsus G |"
    "F | G | Em7 | Am7 | Dm7 | Fm6 | C/G G7 | Cadd9"
)
