"""How new songs are made: the choices of the toolbar, and what they mean on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QApplication, QMenu

from karaoke_studio.engines import AUTO, BEST, DRAFT, choose_quality, is_network
from karaoke_studio.job import BUILTIN_ENGINES, NETWORK_ENGINES, QUALITIES
from karaoke_studio.jobs.devices import Device, explain
from karaoke_studio.jobs.folder_facts import FolderFacts
from karaoke_studio.jobs.queue import JobQueue
from karaoke_studio.settings import Settings
from karaoke_studio.ui import text
from karaoke_studio.ui.queue_panel import QueuePanel
from karaoke_studio.ui.toolbar import Toolbar

#: Times are told for a song of this length while none is open.
USUAL_SONG_S = 240.0
_FIELDS = {"quality", "engine", "device", "network_mode", "shifts", "stems"}


class Making(QObject):
    """Quality, engine and device, as the settings say them and the machine can do them.

    Args:
        queue: knows measured times and model folders, and looks for devices.
        toolbar: shows the choices.
        panel: offers other engines for songs that failed.
        read: returns the settings of now.
        change: changes one of them.

    Signals:
        models_requested: show where models come from.
        more_requested: show all settings of making songs.
        shown: what the choices mean may be another thing now.
    """

    models_requested = Signal()
    more_requested = Signal()
    shown = Signal()

    def __init__(
        self,
        queue: JobQueue,
        toolbar: Toolbar,
        panel: QueuePanel,
        read: Callable[[], Settings],
        change: Callable[[str, Any], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._queue, self._toolbar, self._panel = queue, toolbar, panel
        self._read, self._change = read, change
        self._song_s: float | None = None
        self._models: list[str] = []
        self._devices: list[Device] | None = None
        self._facts = FolderFacts(self)
        self._facts.models_found.connect(self._on_models_found)
        queue.devices_found.connect(self._on_devices_found)
        toolbar.quality.chosen.connect(self._on_quality)
        toolbar.engine.about_to_open.connect(self._fill_engines)
        toolbar.device.about_to_open.connect(self._on_device_menu)
        self.look_for_models()
        self.refresh()

    def close(self) -> None:
        """Stop looking into folders."""
        self._facts.close()

    @Slot()
    def look_for_models(self) -> None:
        """See which models are there now."""
        self._facts.ask_models(self._queue.model_folders())

    def set_song_length(self, seconds: float | None) -> None:
        """Tell times for the open song; None = for a usual one."""
        self._song_s = seconds
        self._tell_times()

    def speed(self) -> tuple[str, float | None]:
        """Return the engine of new songs, and its seconds per second of song or None."""
        settings = self._read()
        engine = settings.engine
        if engine == AUTO:
            engine = choose_quality(settings.quality, self._models)
        seconds = self._queue.expected_s(engine, USUAL_SONG_S)
        return engine, None if seconds is None else seconds / USUAL_SONG_S

    def follow(self, field: str) -> None:
        """Show a setting that was changed here or elsewhere."""
        if field == "model_folder":
            self.look_for_models()
        elif field in _FIELDS:
            self.refresh()

    # -- what is shown

    @Slot()
    def refresh(self) -> None:
        """Show what the settings say."""
        settings = self._read()
        named = settings.engine != AUTO
        quality = settings.quality
        if not self._is_possible(quality):
            quality = next(name for name in reversed(QUALITIES) if self._is_possible(name))
        self._toolbar.quality.show_choice("" if named else quality)
        engine = settings.engine if named else choose_quality(quality, self._models)
        self._toolbar.engine.show_choice(text.engine(engine))
        self._toolbar.device.show_choice(self._device_words(settings.device))
        self._tell_times()
        self._panel.engines = [(name, text.engine(name)) for name in self._engines()]
        self.shown.emit()

    def _tell_times(self) -> None:
        for name, part in self._toolbar.quality.parts.items():
            engine = choose_quality(name, self._models)
            why = "Best needs a model. You find them under Engine, Get models."
            tip = f"{text.engine(engine)}, {self._time(engine)}"
            part.set_available(self._is_possible(name), why, tip)

    def _is_possible(self, quality: str) -> bool:
        """Normal makes do without a model; Best without one would be Draft by another name."""
        return quality != QUALITIES[-1] or is_network(choose_quality(quality, self._models))

    def _engines(self) -> list[str]:
        known = [name for name in NETWORK_ENGINES if name in self._models]
        return [*BUILTIN_ENGINES, *known, *sorted(set(self._models) - {*known})]

    def _why_automatic(self, quality: str) -> str:
        """Say in one line which engine Automatic takes now, and why."""
        engine = choose_quality(quality, self._models)
        if is_network(engine):
            why = f"the {'finest' if quality == BEST else 'quickest good'} model that is here"
        elif quality == DRAFT:
            why = "Draft is in a hurry"
        else:
            why = "no model is here yet"
        return f"Automatic takes {text.engine(engine)} now: {why}"

    def _time(self, engine: str) -> str:
        length_s = self._song_s or USUAL_SONG_S
        return text.expected(self._queue.expected_s(engine, length_s))

    def _device_words(self, name: str) -> str:
        if name == AUTO:
            return "Automatic"
        found = next((one for one in self._devices or () if one.name == name), None)
        return text.device(name, found.label if found else "")

    # -- menus

    @Slot()
    def _fill_engines(self) -> None:
        menu, settings = self._toolbar.engine.menu_list, self._read()
        menu.clear()
        span = text.clock(self._song_s) if self._song_s else text.clock(USUAL_SONG_S)
        whose = "the open song" if self._song_s else "a song"
        heading = menu.addAction(f"Time for {whose} of {span} on this computer")
        heading.setEnabled(False)
        group = QActionGroup(menu)
        words = "Automatic: what Draft, Normal or Best asks for"
        self._add(menu, group, "engine", AUTO, words, settings.engine)
        why = menu.addAction(self._why_automatic(settings.quality))
        why.setObjectName("why_automatic_action")
        why.setEnabled(False)
        for name in self._engines():
            words = f"{text.engine_words(name)}\t{self._time(name)}"
            self._add(menu, group, "engine", name, words, settings.engine)
        menu.addSeparator()
        stems = menu.addMenu("Parts to keep")
        stems.setObjectName("stems_menu")
        kept = QActionGroup(stems)
        for name, words in (("pair", "Voice and music"), ("all", "Every part the engine makes")):
            self._add(stems, kept, "stems", name, words, settings.stems)
        more = menu.addAction("More choices…")
        more.setObjectName("more_choices_action")
        more.triggered.connect(self.more_requested)
        models = menu.addAction("Get models…")
        models.setObjectName("get_models_action")
        models.triggered.connect(self.models_requested)

    @Slot()
    def _on_device_menu(self) -> None:
        self._queue.look_for_devices()
        self._fill_devices()

    def _fill_devices(self) -> None:
        menu, settings = self._toolbar.device.menu_list, self._read()
        menu.clear()
        group = QActionGroup(menu)
        words = "Automatic: the fastest that works"
        automatic = self._add(menu, group, "device", AUTO, words, settings.device)
        menu.addSeparator()
        if self._devices is None:
            self._add(menu, group, "device", "cpu", text.device("cpu", ""), settings.device)
            looking = menu.addAction("Looking for graphics cards…")
            looking.setEnabled(False)
            return
        automatic.setToolTip(explain(self._devices))
        for one in self._devices:
            words = text.device_in_menu(one.name, one.label, one.memory_mb, one.reason)
            action = self._add(menu, group, "device", one.name, words, settings.device)
            action.setEnabled(one.works)
            tip = f"Cannot be used: {one.reason}. {one.advice}".strip()
            action.setToolTip("" if one.works else tip)
        menu.addSeparator()
        menu.addAction(explain(self._devices)).setEnabled(False)
        for one in self._devices:
            if one.advice:
                self._add_advice(menu, one)
        hint = menu.addAction("Only models from the engine menu use a graphics card")
        hint.setEnabled(False)

    @staticmethod
    def _add_advice(menu: QMenu, device: Device) -> None:
        _, is_command, command = device.advice.partition("Type: ")
        what = "copy the line to type" if is_command else device.advice
        line = menu.addAction(f"{device.label}: {what}")
        line.setObjectName("device_advice_action")
        line.setToolTip(command or "A click copies this")
        line.triggered.connect(lambda: QApplication.clipboard().setText(command or device.advice))

    def _add(
        self, menu: QMenu, group: QActionGroup, field: str, value: str, words: str, chosen: str
    ) -> QAction:
        action = menu.addAction(words)
        action.setObjectName(f"{field}_{value}_action")
        action.setCheckable(True)
        action.setChecked(value == chosen)
        group.addAction(action)
        action.triggered.connect(lambda: self._change(field, value))
        return action

    # -- what a person chooses

    @Slot(str)
    def _on_quality(self, name: str) -> None:
        self._change("engine", AUTO)
        self._change("quality", name)

    @Slot(object)
    def _on_models_found(self, names: list[str]) -> None:
        self._models = names
        self.refresh()

    @Slot(object)
    def _on_devices_found(self, devices: list[Device]) -> None:
        self._devices = devices
        self.refresh()
        if self._toolbar.device.menu_list.isVisible():
            self._fill_devices()
