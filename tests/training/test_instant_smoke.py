"""The whole way from tones to weights that numpy runs."""

from __future__ import annotations

from pathlib import Path

from training.instant import smoke


def test_a_net_learns_goes_on_after_a_stop_and_is_exported(tmp_path: Path) -> None:
    before, after = smoke.smoke(tmp_path, 40)
    assert after < before - smoke.FALL
    assert (tmp_path / "net.npz").stat().st_size < 8_000_000
    assert "sha256" in (tmp_path / "net.json").read_text()
