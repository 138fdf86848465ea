"""Draws a run's curve as SVG: `python -m training.instant.curve LOG.csv OUT.svg`."""

import argparse
import csv
from pathlib import Path

_WIDTH, _HEIGHT, _MARGIN = 720, 320, 56


def draw(rows: list[dict[str, float]]) -> str:
    """Return an SVG of the error in dB over hours heard."""
    hours = [row["hours_heard"] for row in rows]
    errors = [row["error_db"] for row in rows]
    low, high = min(errors), max(errors)
    wide, tall = _WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN
    points = " ".join(
        f"{_MARGIN + wide * hour / max(hours):.1f},"
        f"{_MARGIN + tall * (high - error) / max(high - low, 1e-9):.1f}"
        for hour, error in zip(hours, errors, strict=True)
    )
    last = rows[-1]
    labels = (
        (_MARGIN, 24, f"error of vocals and music, dB, per 20 steps: {errors[-1]:.2f} at the end"),
        (4, _MARGIN + 4, f"{high:.1f}"),
        (4, _MARGIN + tall, f"{low:.1f}"),
        (
            _MARGIN,
            _HEIGHT - 16,
            f"0 to {hours[-1]:.1f} hours heard, {last['step']:.0f} steps",
        ),
    )
    texts = "".join(f'<text x="{x}" y="{y:.0f}">{words}</text>' for x, y, words in labels)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>'
        f'<polyline points="{points}" fill="none" stroke="#246" stroke-width="1.5"/>{texts}</svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    with options.log.open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    options.out.write_text(draw(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
