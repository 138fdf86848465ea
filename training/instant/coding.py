"""What lossy codecs leave of a mix."""

import io

import av
import numpy as np

from training.instant.store import SAMPLE_RATE, Samples

Rng = np.random.Generator

_KBIT = {"mp3": (96, 112, 128, 160, 192, 256), "aac": (64, 96, 128, 160)}
_CONTAINER = {"mp3": "mp3", "aac": "adts"}
#: A codec's delay is looked for up to so many frames.
_LONGEST_DELAY = 8192


def lossy(song: Samples, rng: Rng) -> Samples:
    """Return (2, frames) as MP3 or AAC gives it back, in its place; loud peaks are kept."""
    codec = str(rng.choice(list(_KBIT)))
    scale = np.float32(0.5 / max(float(np.abs(song).max()), 1e-6))
    back = _decoded(_encoded(song * scale, codec, int(rng.choice(_KBIT[codec]))), codec)
    late = _delay(song, back)
    frames = song.shape[1]
    aligned = back[:, late : late + frames] / scale
    out = song.copy()
    out[:, : aligned.shape[1]] = aligned
    return out


def _encoded(song: Samples, codec: str, kbit: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=_CONTAINER[codec]) as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE, layout="stereo")
        stream.bit_rate = kbit * 1000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(song), "fltp", "stereo")
        frame.sample_rate = SAMPLE_RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _decoded(coded: bytes, codec: str) -> Samples:
    with av.open(io.BytesIO(coded), format={"mp3": "mp3", "aac": "aac"}[codec]) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(frames, axis=1).astype(np.float32)


def _delay(song: Samples, back: Samples) -> int:
    """Return by how many frames `back` is late."""
    length = min(song.shape[1], back.shape[1])
    size = 1 << (length + _LONGEST_DELAY).bit_length()
    spectra = [np.fft.rfft(samples.sum(axis=0)[:length], size) for samples in (back, song)]
    alike = np.fft.irfft(spectra[0] * np.conj(spectra[1]), size)
    return int(np.argmax(alike[:_LONGEST_DELAY]))
