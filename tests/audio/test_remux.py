"""The picture stays what it was, and the new sound stays with it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from karaoke_studio.audio.decode import open_source
from karaoke_studio.audio.remux import remux_with_audio
from karaoke_studio.errors import UnsupportedAudio
from tests.audio.sounds import blocks_of, clicks, decode, write_av

RATE = 48_000


def packets(path: Path) -> list[tuple[float, bytes]]:
    """Time and bytes of each packet of the picture, in order of decoding."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        zero = container.start_time / av.time_base
        return [
            (round(float(p.pts * p.time_base) - zero, 3), bytes(p))
            for p in container.demux(stream)
            if p.size
        ]


def make_video(path: Path, muxer: str, samples: np.ndarray, start_s: float = 0.0) -> Path:
    codec = {"mp4": "aac", "matroska": "flac", "avi": "pcm_s16le", "mpegts": "mp2"}[muxer]
    return write_av(path, codec, muxer, samples, RATE, picture=True, sound_start_s=start_s)


def remux(video: Path, target: Path, samples: np.ndarray, rate: int = RATE) -> str:
    with open_source(video) as source:
        assert source.has_picture
        start_s = source.start_s
    return remux_with_audio(
        video,
        target,
        blocks_of(samples),
        sample_rate=rate,
        channels=samples.shape[1],
        frames=len(samples),
        start_s=start_s,
    )


@pytest.mark.parametrize("muxer", ["mp4", "matroska", "avi"])
@pytest.mark.parametrize("start_s", [0.0, 0.5])
def test_picture_and_sound_keep_their_times(tmp_path: Path, muxer: str, start_s: float) -> None:
    if muxer == "avi" and start_s:
        pytest.skip("AVI starts everything at once")
    video = make_video(tmp_path / "in", muxer, clicks(RATE * 2, (RATE,)), start_s)
    song, _ = decode(video)
    target = tmp_path / "out"
    assert remux(video, target, song) == ".mp4"
    before, after = packets(video), packets(target)
    assert [data for _, data in after] == [data for _, data in before]
    np.testing.assert_allclose([t for t, _ in after], [t for t, _ in before], atol=0.0011)
    with open_source(target) as source:
        assert source.codec == "aac"
        assert source.has_picture
    # Matroska counts in milliseconds
    assert click_s(video) == pytest.approx(start_s + 1, abs=0.0011)
    assert click_s(target) == pytest.approx(click_s(video), abs=0.0001)


def click_s(path: Path) -> float:
    """When the click is heard, on the clock of the picture."""
    samples, _ = decode(path)
    with open_source(path) as source:
        return source.start_s + int(np.argmax(np.abs(samples[:, 0]))) / source.sample_rate


def test_pictures_that_do_not_fit_into_mp4_go_into_matroska(tmp_path: Path) -> None:
    video = tmp_path / "in.avi"
    samples = clicks(RATE, (RATE // 2,))
    with av.open(str(video), "w", format="avi") as container:
        picture = container.add_stream("mjpeg", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuvj420p"
        sound = container.add_stream("pcm_s16le", rate=RATE)
        sound.layout = "mono"
        for number in range(25):
            image = np.full((48, 64, 3), number * 9, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            container.mux(picture.encode(frame.reformat(format="yuvj420p")))
        container.mux(picture.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, RATE), np.int16), "s16", "mono")
        silence.sample_rate = RATE
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    target = tmp_path / "out"
    assert remux(video, target, samples) == ".mkv"
    assert [data for _, data in packets(target)] == [data for _, data in packets(video)]
    assert click_s(target) == pytest.approx(0.5, abs=0.0015)


def test_rates_that_aac_lacks_are_resampled(tmp_path: Path) -> None:
    video = make_video(tmp_path / "in", "mp4", clicks(RATE, (9,)))
    samples = clicks(192_000, (96_000,))
    assert remux(video, tmp_path / "out", samples, rate=192_000) == ".mp4"
    heard, _ = decode(tmp_path / "out")
    assert len(heard) == pytest.approx(96_000, abs=2)
    assert int(np.argmax(np.abs(heard[:, 0]))) == pytest.approx(48_000, abs=1)


def test_a_song_without_picture_is_refused_and_nothing_left(tmp_path: Path) -> None:
    song = write_av(tmp_path / "a.m4a", "aac", "ipod", clicks(RATE, (9,)), RATE)
    target = tmp_path / "out"
    with pytest.raises(UnsupportedAudio, match="no moving picture"):
        remux_with_audio(song, target, [], sample_rate=RATE, channels=2, frames=0, start_s=0.0)
    assert not target.exists()


def test_missing_frames_are_noticed(tmp_path: Path) -> None:
    samples = clicks(RATE, (9,))
    video = make_video(tmp_path / "in", "mp4", samples)
    with pytest.raises(ValueError, match="promised"):
        remux_with_audio(
            video,
            tmp_path / "out",
            blocks_of(samples),
            sample_rate=RATE,
            channels=2,
            frames=RATE + 1,
            start_s=0.0,
        )
    assert not (tmp_path / "out").exists()
