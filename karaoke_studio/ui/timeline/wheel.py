"""What a turn of the mouse's wheel means over the timeline."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent

#: Of each notch: how much closer, how much of the view, how many seconds.
_ZOOM, _PAN, _SEEK_S = 1.25, 0.1, 1.0
_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def read_wheel(event: QWheelEvent, mode: str, width: int) -> tuple[str, float]:
    """Return what is to be done, and how much of it.

    Args:
        event: the turn; sideways it always pans.
        mode: what the wheel does without a key, one of `settings.WHEELS`.
        width: of the view in columns.

    Returns:
        "zoom" and a factor, "pan" and columns, or "seek" and seconds.
    """
    turned, fine = event.angleDelta(), event.pixelDelta()
    notches = (turned.x() or turned.y()) / 120
    is_sideways = abs(turned.x()) > abs(turned.y())
    does = "pan" if is_sideways else _with_keys(mode, event.modifiers())
    if does == "pan":
        pixels = fine.x() or fine.y()
        return does, -pixels if pixels else -notches * _PAN * width
    return (does, -notches * _SEEK_S) if does == "seek" else (does, _ZOOM**notches)


def _with_keys(mode: str, keys: Qt.KeyboardModifier) -> str:
    """Return what it does with the keys that are held: they offer what it does not do alone."""
    if not keys & (_SHIFT | _CTRL):
        return mode
    if mode == "seek":
        return "zoom" if keys & _CTRL else "pan"
    return "pan" if mode == "zoom" else "zoom"
