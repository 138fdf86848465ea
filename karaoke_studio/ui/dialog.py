"""What all dialogs share: ground, margins, a heading, buttons at the lower right."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import Button, Label


class Dialog(QDialog):
    """A window above the window; blocks only the one it belongs to."""

    def __init__(self, name: str, heading: str, width: int, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(heading.replace("[*]", "[*][*]"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMaximumWidth(width)
        self.heading = Label(heading, size=theme.TITLE, strong=True)
        self.heading.setObjectName("dialog_heading")
        self.body = QVBoxLayout()
        self.body.setSpacing(theme.M)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(theme.S)
        self._buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.XL, theme.XL, theme.XL, theme.XL)
        column.setSpacing(0)
        # The layout sets the minimum itself, so the width is asked of the layout.
        column.addStrut(width - 2 * theme.XL)
        column.setSizeConstraint(QVBoxLayout.SizeConstraint.SetMinimumSize)
        column.addWidget(self.heading)
        column.addSpacing(theme.L)
        column.addLayout(self.body, 1)
        column.addSpacing(theme.XL)
        column.addLayout(self._buttons)

    def add_button(self, button: Button, *, is_default: bool = False) -> None:
        """Add a button at the right end; the default one answers Return."""
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setDefault(is_default)
        self._buttons.addWidget(button)

    def add_left_button(self, button: Button) -> None:
        """Add a button at the left end."""
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._buttons.insertWidget(0, button)
