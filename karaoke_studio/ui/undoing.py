"""What a person did in the library, so that it can be taken back, the last thing first."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from karaoke_studio.ui.banner import Banners

#: Nobody remembers what was further back.
MOST_STEPS = 100


class Undoing(QObject):
    """Remembers how to take things back.

    Signals:
        changed(str): what would be taken back next, as a menu says it; "" = nothing.

    Thread: GUI.
    """

    changed = Signal(str)

    def __init__(self, banners: Banners, parent: QObject) -> None:
        super().__init__(parent)
        self._banners = banners
        self._steps: list[tuple[str, Callable[[], None]]] = []
        banners.undo_requested.connect(self.undo)

    def remember(self, what: str, undo: Callable[[], None], sentence: str = "") -> None:
        """Remember one step.

        Args:
            what: two or three words for the menu, such as "rating".
            undo: takes it back.
            sentence: also told in a banner with a button; "" for what a person sees anyway.
        """
        self._steps.append((what, undo))
        del self._steps[:-MOST_STEPS]
        if sentence:
            self._banners.undo.tell(sentence, "Undo", Banners.UNDO_MS)
        else:
            self._banners.undo.hide()  # its button would take back something else
        self.changed.emit(what)

    @Slot()
    def undo(self) -> None:
        """Take the last step back."""
        self._banners.undo.hide()
        if self._steps:
            self._steps.pop()[1]()
        self.changed.emit(self.next())

    def next(self) -> str:
        """Return what would be taken back now, or ""."""
        return self._steps[-1][0] if self._steps else ""

    def forget(self) -> None:
        """Forget everything, as after what cannot be taken back."""
        self._steps.clear()
        self._banners.undo.hide()
        self.changed.emit("")
