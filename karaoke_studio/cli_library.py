"""`library` in a terminal: songs are added, listed, exported, backed up, checked."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from karaoke_studio import cli_fix, notes
from karaoke_studio.cli_batch import Batch, Line, require_file, walked
from karaoke_studio.cli_common import complain, print_json, stop_on_signals, told_to_the_end
from karaoke_studio.engines import check_engine, model_folders
from karaoke_studio.errors import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    KaraokeError,
    LibraryLocked,
    MissingFile,
    ProcessingFailed,
    error_from_os,
)
from karaoke_studio.job import (
    ALL_STEMS,
    BIT_DEPTHS,
    FORMATS,
    MIX,
    STEMS,
    JobResult,
    JobSpec,
    OutputSpec,
)
from karaoke_studio.library.backup import (
    FOLDER_NAME,
    back_up,
    bring_back,
    bring_back_playlists,
)
from karaoke_studio.library.checking import Finding, check_library, file_sha256
from karaoke_studio.library.finder import Finder, Query, SongRow
from karaoke_studio.library.manifest import read_manifest
from karaoke_studio.library.relocate import linked_songs, look_for
from karaoke_studio.library.schema import DATABASE, open_anew
from karaoke_studio.library.songs import Song, SongLibrary
from karaoke_studio.library.takes import takes_of
from karaoke_studio.library.writer import LibraryWriter
from karaoke_studio.meter import Speeds
from karaoke_studio.names import check_template
from karaoke_studio.paths import DataFolder
from karaoke_studio.pipeline import (
    Surroundings,
    output_workdir,
    run_export,
    run_job,
    sweep_outputs,
)
from karaoke_studio.progress import check
from karaoke_studio.settings import Settings, chosen_stems, load_settings, network_choice
from karaoke_studio.staging import Staging
from karaoke_studio.worker.host import Workers
from karaoke_studio.worker.network import measure_now

COMMANDS = ("library",)
#: How often a song that the window makes is looked for.
_LOOK_EVERY_S = 0.3
#: The window is given so long to put handed-over songs into its queue.
_ARRIVAL_S = 20.0


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add `library` to the parser."""
    what = commands.add_parser("library", help="the songs that the window shows").add_subparsers(
        dest="library_command", required=True, metavar="WHAT"
    )
    add = what.add_parser("add", parents=[common], help="make songs and keep them in the library")
    add.add_argument("songs", nargs="+", type=Path, metavar="SONG", help="file or folder")
    add.add_argument("--engine", metavar="NAME", help="instead of the one in the settings")
    add.add_argument("--no-wait", action="store_true", help="only put them into the queue")
    add.add_argument("--quiet", action="store_true", help="no progress")
    what.add_parser("list", parents=[common], help="all songs, the newest first")
    search = what.add_parser("search", parents=[common], help="songs with all these words")
    search.add_argument("words", nargs="+", metavar="WORD")
    show = what.add_parser("show", parents=[common], help="everything about songs")
    _add_songs(show)
    export = what.add_parser("export", parents=[common], help="write songs as files")
    _add_songs(export)
    export.add_argument("--out", type=Path, default=Path(), metavar="DIR")
    export.add_argument("--stems", default="vocals,instrumental", help="names, all, or mix")
    export.add_argument("--format", choices=FORMATS, default="flac")
    export.add_argument("--bit-depth", choices=BIT_DEPTHS, default="24", help="for wav and flac")
    export.add_argument("--name", default=Settings.export_name, metavar="TEMPLATE")
    export.add_argument("--overwrite", action="store_true", help="replace files of the same name")
    export.add_argument("--quiet", action="store_true", help="no progress")
    cli_fix.add_command(what, common)
    remove = what.add_parser("remove", parents=[common], help="move songs to the trash")
    _add_songs(remove)
    restore = what.add_parser("restore", parents=[common], help="bring songs back from the trash")
    restore.add_argument("songs", nargs="*", metavar="SONG", help="without any, the trash is shown")
    restore.add_argument(
        "--from", type=Path, dest="backup", metavar="DIR", help="from a backup: what is missing"
    )
    backup = what.add_parser("backup", parents=[common], help="copy what is new to another folder")
    backup.add_argument("folder", type=Path, metavar="DIR")
    relocate = what.add_parser(
        "relocate", parents=[common], help="find linked files that were moved, by their content"
    )
    relocate.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="without one, lost songs are shown"
    )
    relocate.add_argument("--dry-run", action="store_true", help="only show what would be found")
    what.add_parser("verify", parents=[common], help="read every file and compare; changes nothing")
    what.add_parser("rebuild", parents=[common], help="make the index anew from the songs' folders")


def _add_songs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "songs", nargs="+", metavar="SONG", help="title, a part of it, or the beginning of its id"
    )


def run_command(arguments: argparse.Namespace, data: DataFolder) -> int:
    """Run `library …` and return the exit status."""
    settings = load_settings(data.settings_file)
    if settings.library_folder:
        data = replace(data, own_library=Path(settings.library_folder))
    shop = _Library(arguments, data, settings)
    run: dict[str, Callable[[], int]] = {
        "add": shop.add,
        "list": shop.list_all,
        "search": shop.search,
        "show": shop.show,
        "export": shop.export,
        cli_fix.COMMAND: shop.fix,
        "remove": shop.remove,
        "restore": shop.restore,
        "backup": shop.backup,
        "relocate": shop.relocate,
        "verify": shop.verify,
        "rebuild": shop.rebuild,
    }
    return told_to_the_end(run[arguments.library_command], as_json=arguments.json)


class _Library:
    """The commands, on one data folder."""

    def __init__(self, arguments: argparse.Namespace, data: DataFolder, settings: Settings) -> None:
        self._arguments = arguments
        self._data = data
        self._settings = settings

    # -- looking ---------------------------------------------------------------------------------

    def list_all(self) -> int:
        """Print all songs."""
        self._print_songs(self._songs())
        return EXIT_OK

    def search(self) -> int:
        """Print the songs that have all the words."""
        songs = {song.id: song for song in self._songs()}
        found: list[SongRow] = []
        if songs:
            with closing(Finder(self._data.library)) as finder:
                found = finder.find(Query(text=" ".join(self._arguments.words))).rows
        self._print_songs(songs[row.id] for row in found if row.id in songs)
        return EXIT_OK

    def show(self) -> int:
        """Print everything about songs."""
        for song in self._chosen(self._songs()):
            takes: list[dict[str, Any]] = [
                {"id": take.id, "engine": take.engine, "made_at": take.made_at}
                | {"is_current": take.is_current, "stems": take.stems, "device": take.device}
                | {"fixes": take.fixes}
                for take in takes_of(song)
            ]
            facts = _facts(song) | {
                "album": song.album,
                "remark": song.remark,
                "sample_rate": song.sample_rate,
                "channels": song.channels,
                "folder": str(song.folder),
                "stem_paths": {stem: str(path) for stem, path in song.stem_paths.items()},
                "original": None if song.original_path is None else str(song.original_path),
                "notes": list(song.notes),
                "split": _split(song),
                "takes": takes,
            }
            if self._arguments.json:
                print_json(facts)
            else:
                print("\n".join(f"{name}: {_shown(value)}" for name, value in facts.items()))
        return EXIT_OK

    def _songs(self) -> list[Song]:
        if not (self._data.library / DATABASE).exists():
            return []
        with closing(SongLibrary(self._data.library)) as library:
            return library.songs()

    def _chosen(self, songs: Sequence[Song]) -> list[Song]:
        """Return the songs that were named.

        Raises:
            MissingFile: there is no such song, or more than one.
        """
        names = {song.id: _name(song.title, song.artist) for song in songs}
        by_id = {song.id: song for song in songs}
        return [by_id[_find(name, names, "in the library")] for name in self._arguments.songs]

    def _print_songs(self, songs: Iterable[Song]) -> None:
        is_empty = True
        for song in songs:
            is_empty = False
            if self._arguments.json:
                print_json(_facts(song))
            else:
                minutes, seconds = divmod(round(song.duration_s), 60)
                name = _name(song.title, song.artist)
                print(f"{song.id[:8]}  {minutes}:{seconds:02}  {name}  ({song.engine})")
        if is_empty and not self._arguments.json:
            print("No songs.")

    # -- making ----------------------------------------------------------------------------------

    def add(self) -> int:
        """Make songs and keep them; a running window makes them itself."""
        # Qt is loaded only where it is needed: a window may be running
        from karaoke_studio.jobs.instance import Instance

        settings = self._settings
        folders = model_folders(
            self._data, Path(settings.model_folder) if settings.model_folder else None
        )
        engine = self._arguments.engine or settings.engine
        stems = chosen_stems(settings)
        try:
            check_engine(engine, stems, folders)
        except KaraokeError as exc:
            complain(exc)
            return EXIT_USAGE
        plan = JobSpec(
            "",
            Path(),
            engine,
            stems,
            network=network_choice(settings, folders),
            quality=settings.quality,
            keep_original=settings.copy_originals,
        )
        instance = Instance(self._data.root)
        if not instance.lock():
            return self._add_by_window(instance)
        # a window that starts meanwhile is welcome: it works on the library beside this
        instance.release()
        with closing(LibraryWriter(self._data.library)) as writer:
            if self._arguments.no_wait:
                return self._queue(plan, writer)
            return self._add_here(plan, writer)

    def _add_here(self, plan: JobSpec, writer: LibraryWriter) -> int:
        speeds = Speeds(self._data.speeds_file)

        def make(path: Path, workers: Workers, line: Line, stop: threading.Event) -> JobResult:
            require_file(path)
            started = time.monotonic()
            with closing(SongLibrary(writer.folder)) as library:
                song = library.song_of_content(_digest(path, stop))
            if song is not None:
                return _already(path, song, time.monotonic() - started)
            # it is not put into the queue: a window that starts meanwhile would make it too
            spec = replace(plan, job_id=uuid.uuid4().hex, input=path)
            measure = measure_now(line.say, self._data.logs)
            around = Surroundings(workers, writer, speeds, self._data.root, measure=measure)
            return run_job(spec, writer.staging / spec.job_id, line.show, stop, around)

        return self._batch(make, ((path, path.name) for path in walked(self._arguments.songs)))

    def _queue(self, plan: JobSpec, writer: LibraryWriter) -> int:
        """Leave songs to the next start of the window; files that are not there are told."""
        paths = [path.absolute() for path in walked(self._arguments.songs)]
        there = [path for path in paths if path.is_file()]
        for path in there:
            writer.save_job(replace(plan, job_id=uuid.uuid4().hex, input=path)).result()
        return self._say_queued(paths, there)

    def _say_queued(self, paths: Iterable[Path], queued: Sequence[Path]) -> int:
        status = EXIT_OK
        for path in paths:
            if path not in queued:
                complain(MissingFile(f"There is no song {path.name}."))
                status = EXIT_FAILED
            elif self._arguments.json:
                print_json({"input": str(path), "status": "queued"})
            elif not self._arguments.quiet:
                print(f"{path.name}: queued", file=sys.stderr)
        return status

    def _add_by_window(self, instance: Any) -> int:
        """Hand the files to the running window, and wait until it has made them."""
        if self._arguments.engine:
            raise LibraryLocked(
                "The window is open and chooses the engine itself.",
                hint="Close it, or leave --engine out.",
            )
        paths = [path.absolute() for path in walked(self._arguments.songs)]
        with stop_on_signals() as stop:
            digests = {path: _digest(path, stop) for path in paths if path.is_file()}
        there: dict[str, Song] = {}
        if (self._data.library / DATABASE).exists():
            with closing(SongLibrary(self._data.library)) as library:
                found = {digest: library.song_of_content(digest) for digest in digests.values()}
            there = {digest: song for digest, song in found.items() if song is not None}
        wanted = {digest: path for path, digest in digests.items() if digest not in there}
        if wanted and not instance.hand_over(list(wanted.values())):
            raise LibraryLocked("The window that is open does not answer.", hint="Close it.")
        if self._arguments.no_wait:
            return self._say_queued(paths, list(digests))

        def make(path: Path, _workers: Workers, _line: Line, stop: threading.Event) -> JobResult:
            require_file(path)
            if path not in digests:
                raise MissingFile(f"There is no song {path.name}.")
            digest = digests[path]
            if digest in there:
                return _already(path, there[digest], 0.0)
            return self._made_by_window(wanted[digest], digest, stop)

        return self._batch(make, ((path, path.name) for path in paths))

    def _made_by_window(self, path: Path, sha256: str, stop: threading.Event) -> JobResult:
        """Wait until the window has a song of this content, or gave it up."""
        started = time.monotonic()
        was_queued = False
        with closing(SongLibrary(self._data.library)) as library:
            while True:
                check(stop)
                if (song := library.song_of_content(sha256)) is not None:
                    return _already(path, song, time.monotonic() - started, was_there=False)
                is_queued = path in library.waiting()
                has_had_time = time.monotonic() > started + _ARRIVAL_S
                if not is_queued and (was_queued or has_had_time):
                    raise ProcessingFailed(
                        f"The window did not make {path.name}.", hint="It says why in its queue."
                    )
                was_queued |= is_queued
                stop.wait(_LOOK_EVERY_S)

    def export(self) -> int:
        """Write songs as files."""
        arguments = self._arguments
        output = OutputSpec(
            arguments.out.absolute(),
            arguments.format,
            arguments.bit_depth,
            name=arguments.name,
            overwrite=arguments.overwrite,
        )
        stems = tuple(part.strip() for part in arguments.stems.split(","))
        songs = {song.folder: song for song in self._chosen(self._songs())}
        made = {stem for song in songs.values() for stem in song.stems}
        try:
            if unknown := {*stems} - {*ALL_STEMS, MIX, *STEMS} - made:
                raise MissingFile(
                    f"There is no stem {', '.join(sorted(unknown))}.", hint="Choose all, or mix."
                )
            check_template(arguments.name, 2 if stems == ALL_STEMS else len(stems))
        except KaraokeError as exc:
            complain(exc)
            return EXIT_USAGE
        sweep_outputs(output.folder)

        def make(path: Path, workers: Workers, line: Line, stop: threading.Event) -> JobResult:
            spec = JobSpec(uuid.uuid4().hex, path, songs[path].engine, stems, output)
            around = Surroundings(workers, data=self._data.root)
            workdir = output_workdir(spec)
            return run_export(spec, songs[path], workdir, line.show, stop, around)

        return self._batch(make, ((folder, song.title) for folder, song in songs.items()))

    def fix(self) -> int:
        """Make a stretch of a song anew."""
        (song,) = self._chosen(self._songs())
        return cli_fix.run_fix(self._arguments, self._data, self._settings, song)

    def _batch(self, make: Any, songs: Iterable[tuple[Path, str]]) -> int:
        arguments = self._arguments
        batch = Batch(
            make, songs, self._data.logs, as_json=arguments.json, is_quiet=arguments.quiet
        )
        return batch.run()

    # -- changing --------------------------------------------------------------------------------

    def remove(self) -> int:
        """Move songs to the trash."""
        songs = self._chosen(self._songs())
        with closing(LibraryWriter(self._data.library)) as writer:
            for song in songs:
                writer.remove(song.id).result()
                self._say(song.id, song.title, "removed")
        return EXIT_OK

    def restore(self) -> int:
        """Bring songs back from the trash or a backup, or show what is in the trash."""
        if self._arguments.backup is not None:
            return self._restore_from(self._arguments.backup.absolute())
        trashed = dict(_named(self._data.library / ".trash"))
        if not self._arguments.songs:
            for song_id, title in trashed.items():
                self._say(song_id, title, "in_trash")
            return EXIT_OK
        with closing(LibraryWriter(self._data.library)) as writer:
            for name in self._arguments.songs:
                song_id = _find(name, trashed, "in the trash")
                writer.restore(song_id).result()
                self._say(song_id, trashed[song_id], "restored")
        return EXIT_OK

    def backup(self) -> int:
        """Copy what is new of the library to another folder."""
        # its opening brings all but statistics from the index into the manifests
        with closing(LibraryWriter(self._data.library)) as writer:
            writer.write_statistics().result()
        folder = self._arguments.folder.absolute()
        with stop_on_signals() as stop:
            done = back_up(self._data.library, folder, _no_report, lambda: check(stop))
        if self._arguments.json:
            status = "failed" if done.damaged else "completed"
            print_json({"status": status, "folder": str(folder / FOLDER_NAME)} | vars(done))
        else:
            print(f"{len(done.copied)} songs copied, {len(done.unchanged)} were there already.")
            for song_id, why in done.damaged.items():
                print(f"{song_id[:8]} was left out: {why}")
        return EXIT_FAILED if done.damaged else EXIT_OK

    def relocate(self) -> int:
        """Find the files of linked songs in a folder, or show which are lost."""
        has_index = (self._data.library / DATABASE).exists()
        songs = linked_songs(self._data.library) if has_index else []
        lost = [song for song in songs if not song.is_there]
        found: dict[str, Path] = {}
        if self._arguments.folder is not None and lost:
            folder = self._arguments.folder.absolute()
            if not folder.is_dir():
                raise MissingFile(f"There is no folder {folder.name}.")
            with stop_on_signals() as stop:
                found = look_for(lost, folder, _no_report, lambda: check(stop))
        if found and not self._arguments.dry_run:
            with closing(LibraryWriter(self._data.library)) as writer:
                writer.relink(found).result()
        for song in lost:
            path = found.get(song.song_id)
            status = "lost" if path is None else "found"
            if self._arguments.json:
                place = str(path or song.path)
                entry = {"id": song.song_id, "title": song.title, "status": status}
                print_json(entry | {"path": place})
            else:
                print(f"{song.song_id[:8]}  {song.title}: {status} ({path or song.path})")
        if not lost and not self._arguments.json:
            print(f"{len(songs)} songs are linked, and all files are there.")
        return EXIT_OK if len(found) == len(lost) else EXIT_FAILED

    def _restore_from(self, folder: Path) -> int:
        backup = folder if folder.name == FOLDER_NAME else folder / FOLDER_NAME
        names = dict(_named(backup))
        if not names:
            raise MissingFile(f"There is no backup in {folder.name}.")
        known = {song.id for song in self._songs()}
        wanted = [_find(name, names, "in the backup") for name in self._arguments.songs]
        missing = [song_id for song_id in wanted or names if song_id not in known]
        bring_back_playlists(backup, self._data.library)
        with closing(LibraryWriter(self._data.library)) as writer, stop_on_signals() as stop:
            staging = Staging(writer.staging / uuid.uuid4().hex)
            with staging:
                whole = bring_back(backup, staging.folder, missing, _no_report, lambda: check(stop))
                for song in whole:
                    writer.take_in(song).result()
                    self._say(song.name, names[song.name], "restored")
        return EXIT_OK

    def _say(self, song_id: str, title: str, status: str) -> None:
        if self._arguments.json:
            print_json({"id": song_id, "title": title, "status": status})
        else:
            print(f"{song_id[:8]}  {title}: {status.replace('_', ' ')}")

    # -- checking --------------------------------------------------------------------------------

    def verify(self) -> int:
        """Compare every file with what was noted when it was written."""
        errors = 0
        with stop_on_signals() as stop:
            for finding in check_library(self._data.library, lambda: check(stop)):
                errors += finding.is_error
                self._tell(finding)
        if not self._arguments.json:
            print("Everything is as it was written." if not errors else f"{errors} errors.")
        return EXIT_FAILED if errors else EXIT_OK

    def _tell(self, finding: Finding) -> None:
        if self._arguments.json:
            print_json(finding.to_json())
        else:
            print(f"{'error' if finding.is_error else 'note'}: {finding.message}")

    def rebuild(self) -> int:
        """Make the index anew from the songs' folders; the old one is put aside."""
        from karaoke_studio.jobs.instance import Instance

        instance = Instance(self._data.root)
        if not instance.lock():
            raise LibraryLocked("The window is open.", hint="Close it and try again.")
        try:
            jobs, held = self._flushed_jobs()
            try:
                open_anew(self._data.library).close()
            except OSError as exc:
                raise error_from_os(exc, self._data.library, writing=True) from exc
            with closing(LibraryWriter(self._data.library)) as writer:
                for spec in jobs:
                    writer.save_job(spec).result()
                    if spec.job_id in held:
                        writer.hold_job(spec.job_id, on=True).result()
        finally:
            instance.release()
        count = len(self._songs())
        if self._arguments.json:
            print_json({"status": "completed", "songs": count, "jobs": len(jobs)})
        else:
            print(f"The index was made anew from {count} songs.")
        return EXIT_OK

    def _flushed_jobs(self) -> tuple[list[JobSpec], set[str]]:
        """Write what only the old index knows into manifests; return its queue, and who is held."""
        with closing(LibraryWriter(self._data.library)) as writer:
            writer.write_statistics().result()
            return writer.open_jobs().result(), writer.held_jobs().result()


def _facts(song: Song) -> dict[str, Any]:
    return {
        "id": song.id,
        "title": song.title,
        "artist": song.artist,
        "duration_s": round(song.duration_s, 3),
        "engine": song.engine,
        "stems": list(song.stems),
        "bpm": song.bpm,
        "key": song.key,
        "favourite": song.favourite,
        "rating": song.rating,
        "added_at": song.added_at,
    }


def _split(song: Song) -> dict[str, Any] | None:
    """Return how well the current take is split, without the curve; None = not judged yet."""
    facts = song.analysis or {}
    found = facts.get("quality")
    if facts.get("take_id") != song.take_id or not isinstance(found, dict):
        return None
    return {name: found.get(name) for name in ("score", "word", "vocals_db", "music_db")}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _find(name: str, names: Mapping[str, str], where: str) -> str:
    """Return the id of the song that is meant: by its id's beginning, its name, or a part of it.

    Raises:
        MissingFile: there is no such song, or more than one.
    """
    wanted = name.casefold()
    found = [
        song_id
        for song_id, known in names.items()
        if song_id.startswith(name) or known.casefold() == wanted
    ] or [song_id for song_id, known in names.items() if wanted in known.casefold()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise MissingFile(f"There is no song {name!r} {where}.", hint="See library list.")
    ids = ", ".join(song_id[:8] for song_id in found[:5])
    raise MissingFile(f"There are {len(found)} songs {name!r} {where}.", hint=f"Choose of {ids}.")


def _name(title: str, artist: str) -> str:
    return f"{artist} - {title}" if artist else title


def _no_report(_fraction: float) -> None:
    pass


def _named(place: Path) -> Iterator[tuple[str, str]]:
    """Yield id and name of the songs in the trash or a backup."""
    for folder in sorted(place.glob("*")):
        try:
            manifest = read_manifest(folder)
        except KaraokeError:  # a take, or something that is no song
            continue
        tags = manifest["tags"]
        yield folder.name, _name(tags.get("title") or folder.name, tags.get("artist", ""))


def _digest(path: Path, stop: threading.Event) -> str:
    try:
        return file_sha256(path, lambda: check(stop))
    except OSError as exc:
        raise error_from_os(exc, path) from exc


def _already(path: Path, song: Song, spent_s: float, *, was_there: bool = True) -> JobResult:
    found = (notes.ALREADY_IN_LIBRARY,) if was_there else ()
    return JobResult(
        input=path,
        title=song.title,
        artist=song.artist,
        engine=song.engine,
        duration_s=song.duration_s,
        sample_rate=song.sample_rate,
        channels=song.channels,
        processing_time_s=spent_s,
        model_load_s=0.0,
        null_test_db=None,
        null_exact=None,
        gain_db=0.0,
        notes=(*song.notes, *found),
        stem_paths=song.stem_paths,
        song_id=song.id,
    )
