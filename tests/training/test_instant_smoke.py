"""The whole way from tones to weights that numpy runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.instant import smoke, train


def test_a_net_learns_goes_on_after_a_stop_and_is_exported(tmp_path: Path) -> None:
    before, after = smoke.smoke(tmp_path, 40)
    assert after < before - smoke.FALL
    assert (tmp_path / "net.npz").stat().st_size < 8_000_000
    assert "sha256" in (tmp_path / "net.json").read_text()


def test_a_step_that_overflows_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    smoke.make_data(tmp_path)
    run = train.Run(tmp_path, tmp_path / "run", train.Recipe(minutes=60, batch=2, columns=32))
    run.train(1)
    true_loss, calls = train.loss_of, [0]

    def loss_of(*args: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        loss, errors_db = true_loss(*args)
        calls[0] += 1
        return loss * (float("inf") if calls[0] == 1 else 1), errors_db

    monkeypatch.setattr(train, "loss_of", loss_of)
    run.train(2)
    assert run.step == 3
    assert "back to the last state" in capsys.readouterr().out
    for weights in (run.net.state_dict(), run.ema.state_dict()):
        assert all(bool(torch.isfinite(value).all()) for value in weights.values())
