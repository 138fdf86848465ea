"""Where the stems of songs in the library are."""

from __future__ import annotations

import threading
import uuid
from contextlib import closing
from pathlib import Path

from karaoke_studio.api.separator import PathLike, beside
from karaoke_studio.errors import MissingFile
from karaoke_studio.job import JobSpec, OutputSpec
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.paths import data_folder
from karaoke_studio.pipeline import Surroundings, output_workdir, run_export
from karaoke_studio.worker.host import Workers


class FileService:
    """Finds the stems of songs in the library."""

    def __init__(self, folder: PathLike | None = None, data_dir: PathLike | None = None) -> None:
        """Look into the library of the program, or of another data folder.

        Args:
            folder: where stems are exported that are asked for in another format than the
                library's own; None = those are missing.
            data_dir: the program's data folder, where it is not the usual one.
        """
        self._data = data_folder(None if data_dir is None else Path(data_dir))
        self._folder = None if folder is None else Path(folder).absolute()

    def get_vocals_path(self, song_id: str, format: str = "flac") -> Path:  # noqa: A002
        """Return the file with the vocals of a song.

        Raises:
            MissingFile: there is no such song, or its stem is not there in this format.
            KaraokeError: it cannot be exported.
        """
        return self._path(song_id, "vocals", format)

    def get_instrumental_path(self, song_id: str, format: str = "flac") -> Path:  # noqa: A002
        """Return the file with the music of a song; see `get_vocals_path`."""
        return self._path(song_id, "instrumental", format)

    def _path(self, song_id: str, stem: str, format: str) -> Path:  # noqa: A002
        with closing(SongLibrary(self._data.library)) as library:
            song = library.song(song_id)
        if song is None:
            raise MissingFile(f"There is no song {song_id} in the library.")
        if format == "flac" and stem in song.stems and song.shift_bits == 0:
            return song.stem_path(stem)
        if self._folder is None:
            raise MissingFile(
                f"The {stem} of {song.title} are not there as {format.upper()}.",
                hint="Name a folder for exports.",
            )
        target = self._folder / f"{song_id}-{song.take_id}-{stem}.{format}"
        if not target.exists():
            self._export(song, stem, target)
        return target

    def _export(self, song: Song, stem: str, target: Path) -> None:
        with beside(target.parent) as folder:
            output = OutputSpec(folder, target.suffix[1:], name="{stem}")
            spec = JobSpec(uuid.uuid4().hex, song.vocals_path, song.engine, (stem,), output)
            workers = Workers.create(self._data.logs)
            try:
                around = Surroundings(workers, data=self._data.root)
                made = run_export(
                    spec, song, output_workdir(spec), lambda _: None, threading.Event(), around
                )
            finally:
                workers.close()
            made.stem_paths[stem].replace(target)
