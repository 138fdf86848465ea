"""Models on their way: downloads, imports and checks in lanes of their own, beside the songs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from karaoke_studio.catalogue import KNOWN_MODELS, LICENCE, known_model
from karaoke_studio.engines import installed_models
from karaoke_studio.errors import KaraokeError, ModelDamaged, ModelMissing, ProcessingFailed
from karaoke_studio.jobs.lane import Lane
from karaoke_studio.progress import Cancelled
from karaoke_studio.separation.hub import Hub
from karaoke_studio.separation.shelf import Placed, Shelf, Verdict
from karaoke_studio.worker.arrival import import_models

log = logging.getLogger(__name__)

#: The name under which an import is told of: which models are in it is known only afterwards.
IMPORT = ""


class ModelState(StrEnum):
    """Where a model stands."""

    ABSENT = "absent"
    PAUSED = "paused"
    WAITING = "waiting"
    ARRIVING = "arriving"
    CHECKING = "checking"
    REMOVING = "removing"
    THERE = "there"
    OWN = "own"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class ModelView:
    """A model as the window shows it.

    Attributes:
        name: of the model, which is also the engine's.
        title: in plain words.
        best_for: one sentence, or "".
        stems: what it separates a song into; () = not known.
        licence: in a few words, or "".
        size: bytes, about where it is not there.
        arrived: bytes of a download that are there.
        state: where it stands.
        can_download: whether the hub has it.
        error: why the last wish failed, or None.
        was_verified: whether it was just found to be as it came.
        is_whole: whether it makes all its stems, not only a pair.
        rest: bytes that are to come, about, until it does.
    """

    name: str
    title: str
    best_for: str = ""
    stems: tuple[str, ...] = ()
    licence: str = ""
    size: int = 0
    arrived: int = 0
    state: ModelState = ModelState.ABSENT
    can_download: bool = False
    error: KaraokeError | None = None
    was_verified: bool = False
    is_whole: bool = True
    rest: int = 0


class Models(QObject):
    """The models of this computer, and those that could be on it.

    Signals:
        views_changed: `views` says something new.
        models_changed: names of the installed models, where they are others than before.
        progressed(name, Arrival): how far a download is, or an import (`IMPORT`).
        arrived: name of a model that was downloaded or imported.
        failed(name, KaraokeError): of a download, or an import (`IMPORT`).
        import_ended: whatever the end was.

    Args:
        data: the data folder.
        folders: where models are looked for now, best first.
        log_folder: for the children's logs.
        hub: where models come from.

    Thread: GUI; disk and network are waited for in lanes.
    """

    views_changed = Signal()
    models_changed = Signal(object)
    progressed = Signal(str, object)
    arrived = Signal(str)
    failed = Signal(str, object)
    import_ended = Signal()
    _looked = Signal(object, object)
    _moved = Signal(str, object)
    _ended = Signal(str, object)
    _verified = Signal(str, bool)

    def __init__(
        self,
        data: Path,
        folders: Callable[[], tuple[Path, ...]],
        log_folder: Path | None = None,
        hub: Hub | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._data, self._folders, self._log_folder = data, folders, log_folder
        self._hub = hub or Hub.chosen()
        self._downloads, self._errands = Lane("downloads", self), Lane("models", self)
        self._stops: dict[str, threading.Event] = {}
        self._is_closed = False
        #: What is on disk, and what is being done about it.
        self._found: dict[str, ModelView] = {view.name: view for view in known_views()}
        self._doing: dict[str, ModelState] = {}
        self._errors: dict[str, KaraokeError] = {}
        self._verdicts: dict[str, bool] = {}
        self._installed: tuple[str, ...] = ()
        self._looked.connect(self._on_looked)
        self._moved.connect(self._on_moved)
        self._ended.connect(self._on_ended)
        self._verified.connect(self._on_verified)

    # -- state

    @property
    def installed(self) -> tuple[str, ...]:
        """Names of the models that were there when it was last looked."""
        return self._installed

    def views(self) -> list[ModelView]:
        """Return all models, those that are known first."""
        return [self._view(view) for view in self._found.values()]

    def is_importing(self) -> bool:
        """Whether files are being taken in."""
        return IMPORT in self._doing

    def is_busy(self) -> bool:
        """Whether something is on its way."""
        return bool(self._doing)

    def _view(self, view: ModelView) -> ModelView:
        name = view.name
        verdict = self._verdicts.get(name)
        state = ModelState.DAMAGED if verdict is False else view.state
        return replace(
            view,
            state=self._doing.get(name, state),
            error=self._errors.get(name),
            was_verified=verdict is True,
        )

    # -- wishes

    def refresh(self) -> None:
        """Look at the disk; `views_changed` tells."""
        if not self._is_closed:
            folders = self._folders()
            self._errands.put(lambda: self._look(folders))

    def download_rest(self, name: str) -> None:
        """Bring the networks of a model that a pair does not need."""
        self.download(name, pair_only=False)

    def download(self, name: str, *, pair_only: bool = True) -> None:
        """Bring a model from the hub, or go on with it; one after the other.

        Args:
            name: of the model.
            pair_only: no more of it than voice and music need.
        """
        model = known_model(name)
        if model is None or not self._begin(name, ModelState.WAITING):
            return
        stop = self._stops[name] = threading.Event()

        def bring() -> list[str]:
            self._moved.emit(name, ModelState.ARRIVING)
            shelf = Shelf(self._data)
            shelf.download(
                model,
                self._hub,
                stop,
                lambda one: self.progressed.emit(name, one),
                pair_only=pair_only,
            )
            return [name]

        self._work(self._downloads, name, stop, bring)

    def pause(self, name: str) -> None:
        """Stop a download or an import; what is there of a download is kept."""
        if name in self._stops:
            self._stops[name].set()

    def import_path(self, path: Path) -> None:
        """Take in the models of a file or a folder."""
        if not self._begin(IMPORT, ModelState.CHECKING):
            return
        stop = self._stops[IMPORT] = threading.Event()

        def take_in() -> list[str]:
            shelf = Shelf(self._data)
            taken = import_models(
                path,
                shelf,
                stop,
                lambda one: self.progressed.emit(IMPORT, one),
                self._log_folder,
            )
            return [placed.name for placed in taken]

        self._work(self._errands, IMPORT, stop, take_in)

    def verify(self, name: str) -> None:
        """Read a model and compare it with what was recorded."""
        shelf = self._shelf(self._folders())
        if not self._begin(name, ModelState.CHECKING):
            return

        def compare() -> list[str]:
            verdicts = shelf.verify(name)
            is_good = Verdict.DAMAGED not in verdicts.values()
            self._verified.emit(name, is_good)
            if not is_good:
                raise ModelDamaged("The files are not as they came.", hint="Download them again.")
            return []

        self._work(self._errands, name, threading.Event(), compare)

    def remove(self, name: str) -> None:
        """Take a model away, or what has arrived of it."""
        if not self._begin(name, ModelState.REMOVING):
            return

        def take_away() -> list[str]:
            Shelf(self._data).remove(name)
            return []

        self._work(self._errands, name, threading.Event(), take_away)

    def close(self) -> None:
        """Stop everything; what is there of a download is kept."""
        self._is_closed = True
        for stop in self._stops.values():
            stop.set()
        for lane in (self._downloads, self._errands):
            lane.close()

    def _begin(self, name: str, state: ModelState) -> bool:
        if self._is_closed or name in self._doing:
            return False
        self._doing[name] = state
        self._errors.pop(name, None)
        self._verdicts.pop(name, None)
        self.views_changed.emit()
        return True

    def _work(
        self, lane: Lane, name: str, stop: threading.Event, work: Callable[[], list[str]]
    ) -> None:
        folders = self._folders()
        lane.put(lambda: self._settle(name, stop, work, folders))

    # -- in the lanes

    def _settle(
        self,
        name: str,
        stop: threading.Event,
        work: Callable[[], list[str]],
        folders: tuple[Path, ...],
    ) -> None:
        error: KaraokeError | None = None
        came: list[str] = []
        try:
            if not stop.is_set():
                came = work()
        except Cancelled:
            log.info("%s was stopped", name or "an import")
        except KaraokeError as exc:
            error = exc
        except Exception:  # the worker loop is one of the two marked borders
            log.exception("a model broke")
            error = ProcessingFailed(
                "That did not work because of a fault in the program.",
                hint="The log in the data folder says more.",
            )
        self._look(folders)
        for one in came:
            self.arrived.emit(one)
        self._ended.emit(name, error)

    def _shelf(self, folders: tuple[Path, ...]) -> Shelf:
        shelf = Shelf(self._data)
        own = next((folder for folder in folders if folder != shelf.store.folder), None)
        return shelf if own is None else Shelf(self._data, own)

    def _look(self, folders: tuple[Path, ...]) -> None:
        shelf = self._shelf(folders)
        installed = tuple(installed_models(folders))
        views = {view.name: view for view in known_views()}
        for name in (*views, *(one for one in installed if one not in views)):
            views[name] = _looked_at(shelf, views.get(name) or ModelView(name, name))
        self._looked.emit(views, installed)

    # -- answers

    @Slot(object, object)
    def _on_looked(self, views: dict[str, ModelView], installed: tuple[str, ...]) -> None:
        self._found = views
        if installed != self._installed:
            self._installed = installed
            self.models_changed.emit(installed)
        self.views_changed.emit()

    @Slot(str, object)
    def _on_moved(self, name: str, state: ModelState) -> None:
        self._doing[name] = state
        self.views_changed.emit()

    @Slot(str, bool)
    def _on_verified(self, name: str, is_good: bool) -> None:
        self._verdicts[name] = is_good

    @Slot(str, object)
    def _on_ended(self, name: str, error: KaraokeError | None) -> None:
        self._doing.pop(name, None)
        self._stops.pop(name, None)
        if error is not None:
            self._errors[name] = error
        self.views_changed.emit()
        if name == IMPORT:
            self.import_ended.emit()
        if error is not None:
            self.failed.emit(name, error)


def known_views() -> list[ModelView]:
    """Return the models that can be downloaded, as if none were there."""
    return [
        ModelView(
            model.name,
            model.title,
            model.best_for,
            model.stems,
            LICENCE,
            model.pair_bytes,
            can_download=True,
        )
        for model in KNOWN_MODELS
    ]


def _looked_at(shelf: Shelf, view: ModelView) -> ModelView:
    """Return a model as it is on disk."""
    arrived = shelf.arrived_bytes(view.name)
    try:
        placed: Placed = shelf.placed(view.name)
    except ModelMissing:
        state = ModelState.PAUSED if arrived else ModelState.ABSENT
        return replace(view, state=state, arrived=arrived)
    except KaraokeError as exc:
        log.info("%s cannot be used: %s", view.name, exc.message)
        return replace(view, state=ModelState.DAMAGED, arrived=arrived)
    state = ModelState.THERE if placed.is_own else ModelState.OWN
    known = known_model(view.name)
    rest = known.size_bytes - placed.size if known and not placed.is_whole else 0
    return replace(
        view,
        state=state,
        size=placed.size,
        arrived=arrived,
        is_whole=placed.is_whole,
        rest=max(0, rest),
    )
