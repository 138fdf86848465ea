"""A stand-in for `jobs.models.Models`: it brings models when it is told to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.models import IMPORT, ModelState, ModelView, known_views
from karaoke_studio.separation.shelf import Arrival


class FakeModels(QObject):
    """Behaves as `Models` does, one step at a time."""

    views_changed = Signal()
    models_changed = Signal(object)
    progressed = Signal(str, object)
    arrived = Signal(str)
    failed = Signal(str, object)
    import_ended = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, ModelView] = {view.name: view for view in known_views()}
        self.wishes: list[tuple[str, str]] = []
        self.imports: list[Path] = []
        self.looks = 0
        self._is_importing = False

    @property
    def installed(self) -> tuple[str, ...]:
        usable = {ModelState.THERE, ModelState.OWN}
        return tuple(sorted(name for name, view in self.found.items() if view.state in usable))

    def views(self) -> list[ModelView]:
        return list(self.found.values())

    def is_importing(self) -> bool:
        return self._is_importing

    def refresh(self) -> None:
        self.looks += 1

    def download(self, name: str) -> None:
        self.wishes.append(("download", name))
        self.put(name, state=ModelState.ARRIVING, error=None)

    def pause(self, name: str) -> None:
        self.wishes.append(("pause", name))
        if name == IMPORT:
            self.end_import()
        else:
            self.put(name, state=ModelState.PAUSED)

    def verify(self, name: str) -> None:
        self.wishes.append(("verify", name))
        self.put(name, state=ModelState.CHECKING)

    def download_rest(self, name: str) -> None:
        self.wishes.append(("rest", name))

    def remove(self, name: str) -> None:
        self.wishes.append(("remove", name))
        self.put(name, state=ModelState.ABSENT, arrived=0)

    def import_path(self, path: Path) -> None:
        self.imports.append(path)
        self._is_importing = True
        self.views_changed.emit()

    # what a test or a picture makes happen

    def put(self, name: str, **facts: object) -> None:
        """Change what is known of a model, or add one."""
        before = self.installed
        self.found[name] = replace(self.found.get(name, ModelView(name, name)), **facts)
        if self.installed != before:
            self.models_changed.emit(self.installed)
        self.views_changed.emit()

    def progress(self, name: str, done: int, total: int) -> None:
        self.progressed.emit(name, Arrival(done, total))

    def arrive(self, name: str) -> None:
        self.put(name, state=ModelState.THERE)
        self.arrived.emit(name)

    def fail(self, name: str, error: KaraokeError) -> None:
        if name == IMPORT:
            self.end_import()
        else:
            self.put(name, state=ModelState.PAUSED, error=error)
        self.failed.emit(name, error)

    def end_import(self) -> None:
        self._is_importing = False
        self.views_changed.emit()
        self.import_ended.emit()
