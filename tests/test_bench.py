"""What the benchmark makes of its samples; the measuring itself takes minutes."""

from __future__ import annotations

import pytest

from benchmarks import separation
from benchmarks.separation import QUIET, share_of_peak, summary


def row(way: str, of_upstream: float, error_db: float | None) -> dict[str, object]:
    return {"way": way, "of_upstream": of_upstream, "error_db": error_db}


ROWS = [
    row("upstream", 1.0, None),
    row("reference", 1.2, 200.0),
    row("exact", 1.7, 126.0),
    row("fast, torch 16-bit transformer", 2.4, 59.0),
    row("fast, OpenVINO 32 bits", 2.1, 80.0),
    row("turbo, OpenVINO 16 bits", 2.9, 40.0),
    row("instant", 90.0, 3.0),
]


def test_a_mode_is_judged_by_the_quickest_way_that_keeps_its_promise() -> None:
    found = {one["mode"]: one for one in summary(ROWS, separation.GOALS["wide"])}
    assert [found[mode]["way"] for mode in ("exact", "fast", "turbo")] == [
        "exact",
        "fast, OpenVINO 32 bits",
        "turbo, OpenVINO 16 bits",
    ]
    assert [found[mode]["reached"] for mode in ("exact", "fast", "turbo")] == [True, True, False]


def test_disturbed_samples_count_only_where_there_are_no_others() -> None:
    calm = {"seconds": 2.0, "cpu_s": 4.0, "foreign": 0.0}
    disturbed = {"seconds": 9.0, "cpu_s": 5.0, "foreign": QUIET + 0.5}
    mixed = separation._row("exact", [disturbed, calm, disturbed], 126.0)
    assert (mixed["seconds"], mixed["quiet"], mixed["of"]) == (2.0, 1, 3)
    noisy = separation._row("exact", [disturbed, disturbed], 126.0)
    assert (noisy["seconds"], noisy["quiet"]) == (9.0, 0)


def test_a_share_of_the_peak_is_of_the_kind_that_is_counted_in() -> None:
    peaks = {"f32 product": 100.0, "f32 convolution": 254.1, "bf16 product": 508.2}
    one = {"seconds": 2.0, "cpu_s": 4.0, "unit": "seconds"}
    assert share_of_peak({"way": "exact"} | one, peaks, 5.0) == pytest.approx(0.5)
    assert share_of_peak({"way": "exact"} | one, peaks, 6.0) == pytest.approx(1.0), "two chunks"
    quick = {"way": "turbo, OpenVINO 16 bits"} | one
    assert share_of_peak(quick, peaks, 6.0) == pytest.approx(0.25), "one, for it overlaps less"
    assert share_of_peak({"way": "instant"} | one, peaks, 5.0) is None
