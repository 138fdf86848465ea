"""Who this is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from karaoke_studio import __version__
from karaoke_studio.ui import text


def show_about(window: QWidget) -> None:
    """Show name, version and licence."""
    box = QMessageBox(window)
    box.setObjectName("about_box")
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(f"About {text.APP_NAME}")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(f"{text.APP_NAME} {__version__}")
    box.setInformativeText(
        "Makes karaoke of any song, on this computer.\n"
        "Free software under the GNU General Public License, version 3 or later."
    )
    box.setIconPixmap(window.windowIcon().pixmap(64, 64))
    box.open()
