"""The net that is trained: its loss is that of the sound, its data are what they say."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import signal

from tests.helpers.signals import noise
from training.instant import coding, effects, examples, melodies, mixing, parts, score, store
from training.instant.net import BANDS, GROUP, HOP, SINGLE, MaskNet

COLUMNS = 32
FRAMES = (COLUMNS - 1) * HOP


def mixes(count: int = 2) -> np.ndarray:
    rows = [noise(1, 44_100, 2, seed=seed)[:, :FRAMES] for seed in range(2 * count)]
    return np.stack(rows).reshape(count, 2, 2, FRAMES).astype(np.float32)


def test_the_error_of_bands_is_that_of_all_bins() -> None:
    batch = examples.prepare(mixes(), None)
    masks = torch.rand(2, 2, BANDS, COLUMNS, generator=torch.Generator().manual_seed(0))
    samples = torch.from_numpy(mixes())
    middle = (samples[:, :, 0] + samples[:, :, 1]) / 2
    side = (samples[:, :, 0] - samples[:, :, 1]) / 2
    window = torch.hann_window(4096) * (1 / 1.5) ** 0.5
    spectra = torch.stack(
        [
            torch.stft(
                part.reshape(-1, FRAMES),
                4096,
                HOP,
                window=window,
                normalized=True,
                pad_mode="constant",
                return_complex=True,
            ).reshape(2, 2, 2049, COLUMNS)
            for part in (middle, side)
        ],
        2,
    )
    music, voice = spectra[:, 0], spectra[:, 1]
    grouped = masks[:, :, SINGLE:].repeat_interleave(GROUP, 2)
    above = grouped[:, :, -1:].expand(-1, -1, 2049 - SINGLE - grouped.shape[2], -1)
    mask = torch.cat([masks[:, :, :SINGLE], grouped, above], 2)
    wanted = ((mask * (music + voice) - voice).abs() ** 2).sum((1, 2, 3))
    got = examples.error_of(masks, batch).sum((1, 2, 3))
    np.testing.assert_allclose(got, wanted, rtol=1e-4)


def test_true_masks_cost_less_than_any_other() -> None:
    batch = examples.prepare(mixes(), 1)
    best = (batch.shared / batch.mix.clamp_min(1e-12)).clamp(0, 1)
    losses = [
        float(examples.loss_of(masks, batch)[0])
        for masks in (best, torch.full_like(best, 0.5), 1 - best)
    ]
    assert losses == sorted(losses)
    assert losses[0] < losses[1] - 0.02


def test_a_silent_mix_does_not_outweigh_the_others() -> None:
    quiet = mixes(3)
    quiet[0] = 0
    batch = examples.prepare(quiet, 1)
    loss, _ = examples.loss_of(torch.full_like(batch.mix, 0.5), batch)
    assert -2 < float(loss) < 2


def test_batches_are_those_of_their_seed() -> None:
    one, same, other = (examples.prepare(mixes(), seed) for seed in (1, 1, 2))
    assert torch.equal(one.seen, same.seen)
    assert not torch.equal(one.seen, other.seen)
    assert len(one.seen) == 2 * len(mixes())


def test_masks_are_shares_for_both_parts() -> None:
    with torch.no_grad():
        masks = MaskNet().eval()(examples.prepare(mixes(1), None).seen)
    assert masks.shape == (1, 2, BANDS, COLUMNS)
    assert 0 <= float(masks.min()) <= float(masks.max()) <= 1


def test_a_song_is_that_of_its_seed_and_stays_in_its_key() -> None:
    plans = [score.compose(np.random.default_rng(seed)) for seed in (3, 3, 4)]
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]
    assert score.Plan.from_facts(plans[0].to_facts()) == plans[0]
    how = melodies.manner(np.random.default_rng(0), "pop", 60)
    notes = melodies.compose(plans[0], np.random.default_rng(1), how)
    assert {note.pitch % 12 for note in notes} <= set(plans[0].scale)
    assert all(abs(note.pitch - 60) <= how.reach for note in notes)
    for before, after in pairwise(notes):
        assert after.start_s >= before.start_s + before.length_s - 1e-6


@pytest.mark.parametrize("kind", sorted(parts.PARTS))
def test_every_part_plays_within_the_song(kind: str) -> None:
    plan = score.compose(np.random.default_rng(5))
    notes = parts.PARTS[kind](plan, np.random.default_rng(6))
    assert len(notes) > 5
    assert all(0 <= note.start_s < store.LENGTH_S + 4 * plan.beat_s for note in notes)
    assert all(1 <= note.velocity <= 127 and note.length_s > 0 for note in notes)


def test_mastering_acts_on_voice_and_music_alike() -> None:
    music, voice = (noise(1, 44_100, 2, seed=seed) for seed in (1, 2))
    music = np.where(np.arange(music.shape[1]) % 9000 < 4500, music, music * 0.1)
    seen_gains = seen_additions = 0
    for seed in range(40):
        made = mixing.mastered(music, voice, np.random.default_rng(seed))
        gains = made[1] / voice
        seen_gains += float(np.ptp(gains)) > 0.01
        # what noise, crackle and codecs add is music's
        seen_additions += effects.rms(made[0] - music * gains) > 1e-5
    assert seen_gains > 6
    assert 1 < seen_additions < 20


@pytest.mark.parametrize("seed", range(6))
def test_what_was_coded_stays_in_its_place(seed: int) -> None:
    at_s = np.arange(60_000) / 44_100
    sweep = np.sin(2 * np.pi * (200 + 900 * at_s) * at_s) * np.exp(-((at_s % 0.4) / 0.1))
    song = np.stack([sweep, 0.5 * sweep]).astype(np.float32)
    back = coding.lossy(3 * song, np.random.default_rng(seed)) / 3
    error = effects.rms(back - song) / effects.rms(song)
    assert 1e-4 < error < 0.5  # a frame too late it would be more than 1


def test_a_choir_of_players_is_as_loud_and_wide() -> None:
    mono = noise(1, 44_100, 1)[0]
    many = effects.ensemble(mono, np.random.default_rng(0), 5)
    assert many.shape == (2, len(mono))
    assert 0.5 < effects.rms(many) / effects.rms(mono) < 1.5
    assert np.corrcoef(many)[0, 1] < 0.85


def test_a_vocoder_speaks_with_the_carriers_tone() -> None:
    at_s = np.arange(store.FRAMES) / 44_100
    carrier = signal.sawtooth(2 * np.pi * 110 * at_s).astype(np.float32)
    is_spoken = at_s % 2 < 1
    robot = effects.vocoded(noise(34, 44_100, 1)[0] * is_spoken, carrier)
    assert effects.rms(robot[~is_spoken]) < 0.2 * effects.rms(robot[is_spoken])
    power = np.abs(np.fft.rfft(robot[:44_100])) ** 2  # bins of 1 Hz
    assert power[110:4400:110].sum() > 10 * power[165:4400:110].sum()


def test_levels_are_those_of_the_sounding_parts() -> None:
    samples = np.zeros((2, 10 * 44_100), np.float32)
    samples[:, : 2 * 44_100] = noise(2, 44_100, 2)
    track = store.level(samples, 0.05)
    assert track is not None
    heard = track[:, : 2 * 44_100] / 32767
    assert math.isclose(effects.rms(heard), 0.05, rel_tol=0.1)
    assert store.level(np.zeros((2, 44_100), np.float32), 0.05) is None


def test_what_is_not_whole_is_not_seen(tmp_path) -> None:
    store.save(tmp_path, 3, [np.zeros((2, 10), np.int16)], {"labels": ["drums"]})
    (tmp_path / "00004.npy").write_bytes(b"half")
    assert store.numbers(tmp_path) == [3]
    tracks, facts = store.load(tmp_path, 3)
    assert tracks.shape == (1, 2, 10)
    assert facts == {"labels": ["drums"]}
