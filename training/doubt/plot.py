"""Draws estimated over true SDR: `python -m training.doubt.plot OUT.svg EXAMPLES.npz ...`.

One dot per split, those of `instant` in colour; prints the correlations by way.
"""

import argparse
from pathlib import Path

from karaoke_studio.separation.verdict import judge
from training.doubt.table import read, report

_SIZE, _MARGIN = 420, 48
_LOW_DB, _HIGH_DB = -20.0, 30.0


def draw(dots: list[tuple[float, float, bool]], words: str) -> str:
    """Return an SVG of (true, estimated, whether it stands out) in dB."""

    def place(db: float) -> float:
        share = (min(max(db, _LOW_DB), _HIGH_DB) - _LOW_DB) / (_HIGH_DB - _LOW_DB)
        return share * (_SIZE - 2 * _MARGIN)

    def x(db: float) -> float:
        return round(_MARGIN + place(db), 1)

    def y(db: float) -> float:
        return round(_SIZE - _MARGIN - place(db), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" '
        f'font-family="sans-serif" font-size="12"><rect width="{_SIZE}" height="{_SIZE}" '
        'fill="white"/>',
        f'<line x1="{x(_LOW_DB)}" y1="{y(_LOW_DB)}" x2="{x(_HIGH_DB)}" y2="{y(_HIGH_DB)}" '
        'stroke="#ccc"/>',
    ]
    for db in range(int(_LOW_DB), int(_HIGH_DB) + 1, 10):
        parts.append(f'<text x="{x(db)}" y="{_SIZE - 28}" text-anchor="middle">{db}</text>')
        parts.append(f'<text x="{_MARGIN - 8}" y="{y(db) + 4}" text-anchor="end">{db}</text>')
    for true, told, stands_out in sorted(dots, key=lambda dot: dot[2]):
        colour = "#c33" if stands_out else "#89a"
        parts.append(f'<circle cx="{x(true)}" cy="{y(told)}" r="2.5" fill="{colour}"/>')
    parts.append(f'<text x="{_MARGIN}" y="20">{words}</text>')
    parts.append(f'<text x="{_MARGIN}" y="{_SIZE - 8}">true SDR of the vocals, dB</text></svg>')
    return "\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("examples", type=Path, nargs="+")
    options = parser.parse_args()
    splits = [split for split in read(options.examples) if split.is_sung]
    verdicts = [judge(split.rows) for split in splits]
    for way in ("", *sorted({split.way for split in splits})):
        here = [n for n, split in enumerate(splits) if split.way == way or not way]
        if len(here) >= 8:
            rows = report([splits[n] for n in here], [verdicts[n] for n in here])
            print(f"{way or 'all':10}", {name: round(value, 2) for name, value in rows.items()})
    pairs = zip(splits, verdicts, strict=True)
    dots = [(float(s.song_db[0]), v.vocals_db, s.way == "instant") for s, v in pairs]
    words = f"estimated, dB; {len(dots)} splits of songs it never heard, red: by instant"
    options.out.write_text(draw(dots, words), encoding="utf-8")


if __name__ == "__main__":
    main()
