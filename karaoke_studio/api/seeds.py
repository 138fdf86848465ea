"""Functions under the names, with the texts and file rules, that older programs know."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from karaoke_studio.api.separator import PathLike, Separator, beside
from karaoke_studio.audio.decode import open_source
from karaoke_studio.audio.metrics import QualityMeter
from karaoke_studio.catalogue import PUBLISHED
from karaoke_studio.engines import AUTO, is_network
from karaoke_studio.errors import DeviceError, KaraokeError, ModelError, UnsupportedAudio
from karaoke_studio.job import FORMATS, STEMS, Stage
from karaoke_studio.progress import Cancelled, Progress, StopEvent

#: What they call the engines.
_METHODS = {"center_channel": "centre", "demucs": "htdemucs"}
_LARGE_BYTES = 100_000_000


class AudioProcessingError(KaraokeError):
    """The sound could not be processed."""


class StopProcessingError(Exception):
    """It was asked to stop, and has stopped."""

    def __init__(self, message: str = "Processing stopped by user") -> None:
        super().__init__(message)


def remove_vocals(
    input_path: PathLike, output_path: PathLike, method: str = AUTO
) -> dict[str, str | float]:
    """Write a song without its vocals.

    Args:
        input_path: the song.
        output_path: the file to write, replaced if it exists; its suffix says the format.
        method: "center_channel", "demucs", or an engine.

    Returns:
        `method` ("center_channel", "demucs" or "instant"), `quality_score` (see
        `calculate_quality_score`) and `processing_time` in seconds.

    Raises:
        KaraokeError: what went wrong and what to do.
    """
    target = Path(output_path).absolute()
    if target.suffix[1:].lower() not in FORMATS:
        raise UnsupportedAudio(
            f"{target.name} cannot be written: its suffix names no format.",
            hint=f"There are {', '.join(FORMATS)}.",
        )
    with Separator(_METHODS.get(method, method)) as separator, beside(target.parent) as folder:
        result = separator.write(
            input_path,
            folder,
            format=target.suffix[1:].lower(),
            name="{stem}",
            progress=False,
        )
        score = _score(result.stem_paths)
        result.stem_paths["instrumental"].replace(target)
    used = {"centre": "center_channel"}.get(result.engine, result.engine)
    return {
        "method": "demucs" if is_network(result.engine) else used,
        "quality_score": score,
        "processing_time": result.processing_time_s,
    }


def separate_audio(
    input_path: PathLike,
    song_dir: PathLike,
    status_callback: Callable[[str], None],
    stop_event: StopEvent | None = None,
    *,
    engine: str = AUTO,
    device: str = "auto",
) -> bool:
    """Write `vocals` and `instrumental` of a song into a folder, saying how far it is.

    A WAV (16 bit) or MP3 stays one, everything else becomes WAV.

    Args:
        input_path: the song.
        song_dir: the folder, made if need be; files of these names are replaced.
        status_callback: told sentences: what is loaded, "Separating: Model i/n (Overall x.x%)" at
            most every half second but for the last, what was saved, and what went wrong.
        stop_event: set it to stop.
        engine: as for `Separator`.
        device: as for `Separator`.

    Returns:
        Whether both files were written; the last sentence told says why not.

    Raises:
        StopProcessingError: `stop_event` was set.
        AudioProcessingError: "Failed to initialize audio processor: …".
    """
    song, folder = Path(input_path).absolute(), Path(song_dir).absolute()
    try:
        separator = Separator(_METHODS.get(engine, engine), device=device)
        segment_s = usual_segment_s(separator.chosen_engine, device, song)
        separator = Separator(separator.chosen_engine, device=device, segment_s=segment_s)
    except KaraokeError as exc:
        raise AudioProcessingError(
            f"Failed to initialize audio processor: {exc.message}", hint=exc.hint
        ) from exc
    suffix = song.suffix.lower() if song.suffix.lower() in {".wav", ".mp3"} else ".wav"
    names = {stem: folder / f"{stem}{suffix}" for stem in STEMS}
    models = len(PUBLISHED.get(separator.chosen_engine, {"models": [0]})["models"])
    status_callback(f"Loading audio file: {song.name}")
    told = _Told(status_callback, models)
    with separator:
        try:
            result = separator.write_named(song, names, progress=told, stop=stop_event)
        except Cancelled:
            raise StopProcessingError from None
        except (ModelError, DeviceError) as exc:
            raise AudioProcessingError(
                f"Failed to initialize audio processor: {exc.message}", hint=exc.hint
            ) from exc
        except KaraokeError as exc:
            status_callback(f"{exc.message} {exc.hint}".rstrip())
            return False
    if any(note.startswith("fallback:cuda") for note in result.notes):
        status_callback("GPU error detected, falling back to CPU...")
    for stem in STEMS:
        status_callback(f"{stem.capitalize()} track saved successfully")
    return True


def usual_segment_s(model: str, device: str, song: Path) -> float | None:
    """Return how long the pieces are that older programs give to a model; None = as it asks.

    They are 20 s on a processor, 40 on a card, there 10 where the file has more than 100 MB; but
    no longer than the model can take, and transformers take just the length they were made with.
    """
    longest_s = PUBLISHED.get(model, {}).get("segment")
    if longest_s is None:
        return None
    is_large = song.exists() and song.stat().st_size > _LARGE_BYTES
    usual_s = (10 if is_large else 40) if device.startswith("cuda") else 20
    return float(min(usual_s, longest_s))


def job_progress(progress: Progress) -> tuple[int, str]:
    """Return the per cent and the words of a report, on the scale that older programs show.

    Importing takes 0…30, separating 30…90, and finishing 90…100.
    """
    start, stop, words = {
        Stage.IMPORTING: (0, 30, "Loading audio file"),
        Stage.LOADING_MODEL: (30, 30, "Loading model"),
        Stage.SEPARATING: (30, 90, "Separating"),
        Stage.ENCODING: (90, 99, "Saving tracks"),
        Stage.PUBLISHING: (99, 100, "Finishing"),
    }[progress.stage]
    return int(start + (stop - start) * progress.stage_fraction), words


class _Told:
    """Turns reports into the sentences that `separate_audio` promises."""

    def __init__(self, tell: Callable[[str], None], models: int) -> None:
        self._tell, self._models = tell, models
        self._last_s = -math.inf

    def __call__(self, progress: Progress) -> None:
        if progress.stage is not Stage.SEPARATING:
            return
        is_end = progress.stage_fraction >= 1
        if not is_end and time.monotonic() - self._last_s < 0.5:
            return
        self._last_s = time.monotonic()
        model = min(self._models, int(progress.stage_fraction * self._models) + 1)
        overall = 100 * progress.stage_fraction
        self._tell(f"Separating: Model {model}/{self._models} (Overall {overall:.1f}%)")


def _score(files: dict[str, Path]) -> float:
    """Compare the music with the song: what the pair adds up to."""
    meter = QualityMeter()
    with open_source(files["vocals"]) as voice, open_source(files["instrumental"]) as music:
        for sung, played in zip(voice.blocks(), music.blocks(), strict=True):
            meter.add((sung + played).T, played.T)
    return meter.result().score
