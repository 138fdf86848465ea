"""Make the demo song: `python training/demo_song/make.py` writes resources/demo/.

`--stems FOLDER` also keeps vocals.wav, band.wav and mix.wav (float, before encoding) and lead.wav.
"""

import argparse
import json
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path

import band
import cover
import mix
import numpy as np
import phrasing
import score
import soundfile
import speech
import voice

TARGET = Path(__file__).resolve().parents[2] / "resources" / "demo"
BITRATE_KBPS = 98
STREAM_SERIAL = 20261121


def main() -> None:
    """Render, encode and write the song with its words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stems", type=Path, help="folder for the uncompressed stems")
    parser.add_argument("--out", type=Path, default=TARGET)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    lead, sung, vocals = render_vocals()
    tracks = [(band.play(part, k), part) for k, part in enumerate(band.PARTS)]
    song = mix.balance(vocals, mix.band_group(tracks), sung)
    if options.stems:
        write_stems(options.stems, song, lead)
    encode(song.song, options.out / "demo.opus")
    words = word_table(sung)
    (options.out / "demo.json").write_text(json.dumps(words, indent=1) + "\n", encoding="utf-8")
    (options.out / "demo.lrc").write_text(lyrics(words), encoding="utf-8")


def render_vocals() -> tuple[np.ndarray, list[phrasing.Sung], np.ndarray]:
    """Return the dry lead (frames,), its plan, and the finished vocal group (frames, 2)."""
    speeches = [speech.speak(line.text) for line in score.LINES]
    style = phrasing.Style(seed=score.SEED, breaths=True)
    lead, sung = voice.sing(speeches, style)
    doubles = [voice.sing(speeches, phrasing.double(style, k))[0] for k in (0, 1)]
    harmony, _ = voice.sing(speeches, phrasing.harmony(style))
    return lead, sung, mix.vocal_group(lead, doubles, harmony)


def write_stems(folder: Path, song: mix.Mix, lead: np.ndarray) -> None:
    """Keep the uncompressed stems; vocals + band = mix."""
    folder.mkdir(parents=True, exist_ok=True)
    stems = {"vocals": song.vocals, "band": song.band, "mix": song.song, "lead": lead}
    for name, samples in stems.items():
        soundfile.write(folder / f"{name}.wav", samples, mix.SAMPLE_RATE, subtype="FLOAT")


def encode(samples: np.ndarray, target: Path) -> None:
    """Encode as Opus with tags and cover; the same input gives the same bytes."""
    tags = {
        "TITLE": score.TITLE,
        "ARTIST": score.ARTIST,
        "ALBUM": score.ALBUM,
        "DATE": str(score.YEAR),
        "GENRE": score.GENRE,
        "COMMENT": "CC0 1.0",
        "LICENSE": "https://creativecommons.org/publicdomain/zero/1.0/",
    }
    with tempfile.TemporaryDirectory() as folder:
        wave, picture = Path(folder) / "mix.wav", Path(folder) / "cover.jpg"
        soundfile.write(wave, samples, mix.SAMPLE_RATE, subtype="FLOAT")
        picture.write_bytes(cover.draw_cover())
        command = ["opusenc", "--quiet", "--music", "--bitrate", str(BITRATE_KBPS)]
        command += ["--serial", str(STREAM_SERIAL), "--picture", str(picture)]
        for name, text in tags.items():
            command += ["--comment", f"{name}={text}"]
        subprocess.run([*command, str(wave), str(target)], check=True)


def word_table(sung: list[phrasing.Sung]) -> dict[str, object]:
    """Words with the times at which the lead really sings them, from the plan it followed."""
    lines = []
    for number, line in enumerate(score.LINES):
        words = []
        for at, text in enumerate(line.text.split()):
            phones = [p for p in sung if p.line == number and p.word_number == at]
            nuclei = [p for p in phones if p.kind == "nucleus"]
            notes = [
                {
                    "start": round(max(note.start_s, p.start), 3),
                    "end": round(min(note.end_s, p.end), 3),
                    "midi": note.midi,
                }
                for p in nuclei
                for note in line.notes[p.syllable]
            ]
            words.append(
                {
                    "text": text,
                    "start": round(phrasing.audible_start(phones[0]), 3),
                    "end": round(phones[-1].end, 3),
                    "notes": notes,
                }
            )
        for one, other in pairwise(words):
            one["end"] = min(one["end"], other["start"])
        times = {"start": words[0]["start"], "end": words[-1]["end"]}
        lines.append({"section": line.section, "text": line.text, **times, "words": words})
    return {
        "title": score.TITLE,
        "artist": score.ARTIST,
        "album": score.ALBUM,
        "year": score.YEAR,
        "language": score.LANGUAGE,
        "licence": score.LICENCE,
        "tempo": score.BPM,
        "key": score.KEY,
        "duration": score.LENGTH_S,
        "first_beat": score.LEAD_IN_S,
        "lines": lines,
    }


def lyrics(words: dict) -> str:
    """The lines with their times as an .lrc file."""
    head = [f"[ti:{score.TITLE}]", f"[ar:{score.ARTIST}]", f"[al:{score.ALBUM}]"]
    body = []
    for line in words["lines"]:
        minutes, seconds = divmod(line["start"], 60)
        body.append(f"[{int(minutes):02d}:{seconds:05.2f}]{line['text']}")
    return "\n".join(head + body) + "\n"


if __name__ == "__main__":
    main()
