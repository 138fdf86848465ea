"""What takes up space, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRectF, QStandardPaths, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QWidget

from karaoke_studio.jobs.library_care import LibraryCare
from karaoke_studio.library.storage import SpareTake, Storage
from karaoke_studio.settings import Settings
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Choice, Kind, Label, Paragraph, Tick
from karaoke_studio.ui.theme import Look
from karaoke_studio.ui.tool_page import Card, ToolPage

_NAMES = {
    "stems": ("Stems in use", "instrumental"),
    "originals": ("Copies of your files", "bass"),
    "drafts": ("Drafts that a better take replaced", "drums"),
    "older": ("Other takes that are not in use", "guitar"),
    "pictures": ("Covers", "piano"),
    "index": ("Index and its backups", "original"),
    "trash": ("Trash", "vocals"),
    "staging": ("Songs in work", "other"),
    "models": ("Models", "accent"),
    "cache": ("Cache", "muted"),
    "logs": ("Logs", "line"),
}
_RETENTION = ((0, "Keep drafts until I drop them"), *((n, f"{n} days") for n in (7, 30, 90)))


class _Shares(QWidget):
    """A bar divided by what takes the space."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._sizes: dict[str, int] = {}
        self.setFixedHeight(14)
        self.setAccessibleName("What takes up space")
        look.changed.connect(self.update)

    def show_sizes(self, sizes: dict[str, int]) -> None:
        """Show other shares."""
        self._sizes = sizes
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the shares, none thinner than two pixels."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._look.tokens.raised))
        painter.drawRoundedRect(self.rect(), 7, 7)
        whole, left = sum(self._sizes.values()), 0.0
        for kind, size in self._sizes.items():
            if size <= 0 or not whole:
                continue
            width = max(2.0, self.width() * size / whole)
            painter.setBrush(_colour(self._look, kind))
            painter.drawRoundedRect(QRectF(left, 0, max(width - 2, 2), 14), 4, 4)
            left += width


class _Dot(QWidget):
    """The colour of a kind."""

    def __init__(self, look: Look, kind: str) -> None:
        super().__init__()
        self._look, self._kind = look, kind
        self.setFixedSize(10, 10)
        look.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint a dot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_colour(self._look, self._kind))
        painter.drawEllipse(self.rect())


def _colour(look: Look, kind: str) -> QColor:
    return QColor(getattr(look.tokens, _NAMES[kind][1]))


class StoragePage(ToolPage):
    """Sizes by kind, takes that can go, and a person's data as plain files.

    Args:
        read: returns the settings of now.
        change: keeps a setting.
        open_folder: shows a folder in the system's file manager.
    """

    def __init__(
        self,
        look: Look,
        care: LibraryCare,
        read: Callable[[], Settings],
        change: Callable[[str, Any], None],
        open_folder: Callable[[Path], None],
    ) -> None:
        super().__init__(look, "storage_page")
        self._care, self._change, self._open_folder = care, change, open_folder
        self._spare: list[SpareTake] = []
        self.shares = _Shares(look)
        self._sizes: dict[str, Label] = {}
        self._rows: dict[str, tuple[QWidget, ...]] = {}
        self.add(self._build_sizes())
        self.add(self._build_spare(read()))
        self.add(self._build_export())
        care.storage_measured.connect(self._on_measured)
        care.data_exported.connect(self._on_exported)

    def _build_sizes(self) -> QWidget:
        card = Card(self.look, "sizes_card")
        card.column.addWidget(self.shares)
        card.column.addSpacing(theme.S)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.S)
        grid.setVerticalSpacing(theme.XS)
        grid.setColumnStretch(1, 1)
        for row, (kind, (words, _)) in enumerate(_NAMES.items()):
            size = Label(tabular=True)
            size.setObjectName(f"size_{kind}")
            dot, name = _Dot(self.look, kind), Label(words)
            grid.addWidget(dot, row, 0)
            grid.addWidget(name, row, 1)
            grid.addWidget(size, row, 2, Qt.AlignmentFlag.AlignRight)
            self._sizes[kind] = size
            self._rows[kind] = (dot, name, size)
        card.column.addLayout(grid)
        return card

    def _build_spare(self, settings: Settings) -> QWidget:
        card = Card(self.look, "spare_card")
        card.column.addWidget(Label("Takes", strong=True))
        card.column.addWidget(
            Paragraph(
                "Stems are kept as FLAC: lossless, at about half the size. Takes that are dropped"
                " go to the trash first.",
                tone="muted",
            )
        )
        line = QHBoxLayout()
        line.setSpacing(theme.S)
        self.drafts_button = self._small("drop_drafts", "Drop drafts", self._on_drop_drafts)
        self.older_button = self._small("drop_older", "Drop other takes", self._on_drop_older)
        self.retention = Choice(self.look, "keep_drafts_choice", "How long drafts are kept")
        self.retention.setToolTip("Drafts that are older go to the trash at the next start")
        for days, words in _RETENTION:
            self.retention.addItem(words, days)
        self.retention.setCurrentIndex(max(0, self.retention.findData(settings.keep_drafts_days)))
        self.retention.currentIndexChanged.connect(self._on_retention)
        line.addWidget(self.drafts_button)
        line.addWidget(self.older_button)
        line.addStretch(1)
        line.addWidget(self.retention)
        card.column.addSpacing(theme.XS)
        card.column.addLayout(line)
        return card

    def _build_export(self) -> QWidget:
        card = Card(self.look, "export_data_card")
        card.column.addWidget(Label("My data", strong=True))
        card.column.addWidget(
            Paragraph(
                "Everything known about your songs as JSON and as a table (CSV), and your set"
                " lists, in plain files.",
                tone="muted",
            )
        )
        line = QHBoxLayout()
        line.setSpacing(theme.M)
        self.export_button = self._small("export_data", "Export my data…", self._on_export)
        self.with_sound = Tick(self.look, "export_sound_tick", "With songs and stems")
        self.with_sound.setToolTip("Also copy originals, stems and covers, a folder for each song")
        line.addWidget(self.export_button)
        line.addWidget(self.with_sound)
        line.addStretch(1)
        card.column.addSpacing(theme.XS)
        card.column.addLayout(line)
        return card

    def _small(self, name: str, words: str, answer: Callable[[], None]) -> Button:
        button = Button(self.look, name, words, kind=Kind.NORMAL)
        button.setAutoDefault(False)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(lambda: answer())
        return button

    def refresh(self) -> None:
        """Add everything up."""
        self._care.measure()

    @Slot(object)
    def _on_measured(self, found: Storage) -> None:
        self._spare = found.spare
        songs = text.counted(found.songs, "song")
        size, free = text.file_size(found.total_bytes), text.file_size(found.free_bytes)
        self.tell(f"{songs}, {size} in all · {free} free on this disk")
        self.shares.show_sizes(found.sizes)
        for kind, label in self._sizes.items():
            label.setText(text.file_size(found.sizes[kind]))
            for part in self._rows[kind]:
                part.setVisible(found.sizes[kind] > 0)
        for button, words, is_draft in (
            (self.drafts_button, "Drop drafts", True),
            (self.older_button, "Drop other takes", False),
        ):
            takes = [take for take in found.spare if take.is_draft == is_draft]
            size = text.file_size(sum(take.size_bytes for take in takes))
            button.set_words(f"{words} ({size})" if takes else words)
            button.set_available(bool(takes), "There are none")

    def _on_drop_drafts(self) -> None:
        self._care.drop_takes([take for take in self._spare if take.is_draft])

    def _on_drop_older(self) -> None:
        self._care.drop_takes([take for take in self._spare if not take.is_draft])

    @Slot()
    def _on_retention(self) -> None:
        self._change("keep_drafts_days", self.retention.currentData())

    def _on_export(self) -> None:
        documents = QStandardPaths.StandardLocation.DocumentsLocation
        start = QStandardPaths.writableLocation(documents)
        dialog = QFileDialog(self.window(), "Export my data into", start)
        dialog.setObjectName("export_data_dialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.export_into)
        dialog.open()

    @Slot(str)
    def export_into(self, name: str) -> None:
        """Write the data into a folder."""
        self.export_button.set_available(False, "It is being written")
        self._care.export_data(Path(name), with_sound=self.with_sound.isChecked())

    @Slot(object)
    def _on_exported(self, folder: Path) -> None:
        self.export_button.set_available(True)
        self._open_folder(folder)
