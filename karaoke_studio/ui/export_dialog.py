"""Export: which files, where, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from karaoke_studio.audio.mix import Mix
from karaoke_studio.errors import KaraokeError
from karaoke_studio.job import (
    BIT_DEPTHS,
    FORMATS,
    MIX,
    STEM_LABELS,
    STEMS,
    OutputSpec,
    in_order,
)
from karaoke_studio.library.songs import Song
from karaoke_studio.names import check_template, file_name
from karaoke_studio.settings import Settings
from karaoke_studio.ui import messages, text, theme
from karaoke_studio.ui.controls import Button, Choice, Kind, Label, Paragraph, Sign, SmoothBar, Tick
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.export_batch import ExportBatch
from karaoke_studio.ui.theme import Look

_LOSSLESS = ("wav", "flac")
_BITRATES = {
    "mp3": (320, 256, 192, 128),
    "m4a": (320, 256, 192, 128),
    "ogg": (320, 256, 192, 128),
    "opus": (256, 192, 128, 96),
}
_WIDTH = 620


def default_folder() -> Path:
    """Return where exports go until the person chooses."""
    music = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.MusicLocation)
    return Path(music or Path.home()) / "Karaoke"


def mix_in_words(mix: Mix, stems: tuple[str, ...]) -> str:
    """Return what the faders make of a song.

    >>> mix_in_words(Mix(voice=0.2), ("vocals", "drums", "other"))
    'vocals 20 %, drums 100 %, other 100 %'
    """
    parts = []
    for stem, gain in zip(stems, mix.gains(stems), strict=True):
        pan = mix.pans.get(stem, 0.0)
        where = f" ({abs(pan):.0%} {'left' if pan < 0 else 'right'})" if pan else ""
        parts.append(f"{STEM_LABELS[stem].lower()} {gain:.0%}{where}".replace("%", " %"))
    return ", ".join(parts)


def template_fields(song: Song) -> dict[str, str]:
    """Return the values of a name template for a song."""
    return {
        "artist": song.artist,
        "title": song.title,
        "album": song.album,
        "engine": song.engine,
        "base": song.title,
    }


class ExportDialog(Dialog):
    """Asks what to export of one song or of many, then shows how it goes.

    Signals:
        export_requested: list of Song, OutputSpec, stems.
        cancel_requested: stop the export that runs.
        show_folder_requested: path of a written file.
        choices_changed: the settings with the choices to remember.
    """

    export_requested = Signal(object, object, object)
    cancel_requested = Signal()
    show_folder_requested = Signal(object)
    choices_changed = Signal(object)

    def __init__(
        self,
        look: Look,
        songs: Sequence[Song],
        settings: Settings,
        parent: QWidget | None = None,
        mix: Mix | None = None,
    ) -> None:
        name = f"“{text.one_line(songs[0].title)}”"
        if len(songs) > 1:
            name = text.counted(len(songs), "song")
        super().__init__("export_dialog", f"Export {name}", _WIDTH, parent)
        self._look, self._songs, self._settings = look, list(songs), settings
        #: What the next press of the button exports: all, or what failed.
        self._due = list(songs)
        self._mix = mix or Mix()
        self._written: Path | None = None
        self.is_running = False
        self._build_stems()
        self._build_format()
        self._build_folder()
        self._build_name()
        self._build_outcome()
        self._lay_out()
        self._build_buttons()
        self._take_settings()
        self._connect()
        self._on_changed()
        self.start_button.setFocus()

    # -- building

    def _build_stems(self) -> None:
        self.stems = {
            "instrumental": Tick(self._look, "instrumental_tick", "Instrumental (karaoke)"),
            "vocals": Tick(self._look, "vocals_tick", "Vocals"),
            MIX: Tick(self._look, "mix_tick", "Mix of the faders"),
            **{
                stem: Tick(self._look, f"{stem}_tick", STEM_LABELS[stem])
                for stem in self._songs[0].stems
                if stem not in STEMS and all(stem in song.stems for song in self._songs)
            },
        }
        if len(self._songs) == 1:
            words = mix_in_words(self._mix, self._songs[0].stems)
            self.stems[MIX].setToolTip(text.tooltip(f"As the faders stand now: {words}"))
        else:
            self.stems[MIX].setToolTip("As the faders of each song stand")
        self.video = Tick(self._look, "video_tick", "Video with the instrumental")
        self.video.setVisible(
            all(song.has_picture and song.original is not None for song in self._songs)
        )

        self.tune = Tick(self._look, "tune_tick", "In the key and tempo as played")
        self.tune.hide()

    def offer_tune(self, words: str) -> None:
        """Let files be written as they are played, in another key or tempo than was recorded."""
        if words:
            self.tune.setText(f"As played: {words}")
        self.tune.setToolTip("Without it the files are as they were recorded")
        self.tune.setChecked(True)
        self.tune.show()

    def _build_format(self) -> None:
        self.format = Choice(self._look, "format_choice", "Format")
        for name in FORMATS:
            self.format.addItem(text.file_format(name), name)
        self.quality = Choice(self._look, "quality_choice", "Quality")

    def _build_folder(self) -> None:
        self.folder = default_folder()
        self.folder_label = Label(elide=Qt.TextElideMode.ElideMiddle)
        self.folder_label.setObjectName("folder_label")
        self.folder_button = Button(self._look, "folder_button", "Choose…", icon="folder-open")
        self.folder_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _build_name(self) -> None:
        self.name = QLineEdit()
        self.name.setObjectName("name_box")
        self.name.setAccessibleName("Name of the files")
        self.name.setToolTip(
            "{title}, {artist}, {album}, {stem} and {engine} are filled in for each file"
        )
        self.name.setFixedHeight(theme.CONTROL_HEIGHT)
        self.name.setAcceptDrops(False)
        self.previews = [Label(size=theme.CAPTION, tone="muted") for _ in range(3)]
        for number, label in enumerate(self.previews):
            label.setObjectName(f"preview_{number}")

    def _build_outcome(self) -> None:
        self.bar = SmoothBar(self._look, "export_bar", "Progress of the export")
        self.outcome = Paragraph()
        self.outcome.setObjectName("export_outcome")
        self.outcome.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.sign = Sign(self._look)

    def _build_buttons(self) -> None:
        look = self._look
        self.show_button = Button(
            look, "show_folder_button", "Show in folder", icon="folder-open", kind=Kind.PRIMARY
        )
        self.close_button = Button(look, "export_close_button", "Cancel", kind=Kind.QUIET)
        self.start_button = Button(
            look, "export_start_button", "Export", icon="upload-simple", kind=Kind.PRIMARY
        )
        self.add_button(self.close_button)
        self.add_button(self.start_button, is_default=True)
        self.add_button(self.show_button)
        self.show_button.hide()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.L)
        grid.setVerticalSpacing(theme.M)
        grid.setColumnMinimumWidth(0, 64)
        grid.setColumnStretch(1, 1)
        whole = [tick for stem, tick in self.stems.items() if stem in {*STEMS, MIX}]
        parts_of_it = [tick for stem, tick in self.stems.items() if stem not in {*STEMS, MIX}]
        ticks = QVBoxLayout()
        ticks.setSpacing(theme.XS)
        for line in (whole, parts_of_it, [self.video, self.tune]):
            row_of_ticks = QHBoxLayout()
            row_of_ticks.setSpacing(theme.L)
            for tick in line:
                row_of_ticks.addWidget(tick)
            row_of_ticks.addStretch(1)
            ticks.addLayout(row_of_ticks)
        formats = QHBoxLayout()
        formats.setSpacing(theme.S)
        formats.addWidget(self.format, 3)
        formats.addWidget(self.quality, 2)
        folder = QHBoxLayout()
        folder.setSpacing(theme.S)
        folder.addWidget(self.folder_label, 1)
        folder.addWidget(self.folder_button)
        name = QVBoxLayout()
        name.setSpacing(theme.XS)
        name.addWidget(self.name)
        for label in self.previews:
            name.addWidget(label)
        parts = (("Files", ticks), ("Format", formats), ("Folder", folder), ("Name", name))
        for row, (word, layout) in enumerate(parts):
            caption = Label(word, tone="muted")
            caption.setFixedHeight(theme.CONTROL_HEIGHT)
            grid.addWidget(caption, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addLayout(layout, row, 1)
        self.body.addLayout(grid)
        self.body.addWidget(self.bar)
        told = QHBoxLayout()
        told.setSpacing(theme.S)
        told.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignTop)
        told.addWidget(self.outcome, 1)
        self.body.addLayout(told)
        self.bar.hide()
        self.outcome.hide()

    def _connect(self) -> None:
        for tick in (*self.stems.values(), self.video):
            tick.toggled.connect(self._on_changed)
        self.format.currentIndexChanged.connect(self._on_format_changed)
        self.quality.currentIndexChanged.connect(self._on_changed)
        self.name.textChanged.connect(self._on_changed)
        self.folder_button.clicked.connect(self._on_choose_folder)
        self.start_button.clicked.connect(self._on_start)
        self.close_button.clicked.connect(self._on_close)
        self.show_button.clicked.connect(self._on_show)

    # -- choices

    def _take_settings(self) -> None:
        chosen = self._settings.export_stems.split(",")
        for stem, tick in self.stems.items():
            tick.setChecked(stem in chosen)
        self.format.setCurrentIndex(max(self.format.findData(self._settings.export_format), 0))
        self._fill_qualities()
        if self._settings.export_folder:
            self.folder = Path(self._settings.export_folder)
        self.name.setText(self._settings.export_name)

    def _fill_qualities(self) -> None:
        chosen = self.format.currentData()
        self.quality.blockSignals(True)
        self.quality.clear()
        if chosen in _LOSSLESS:
            depths = [d for d in BIT_DEPTHS if chosen == "wav" or d != "32f"]
            for depth in depths:
                self.quality.addItem(text.bit_depth(depth), depth)
            wanted: object = self._settings.export_bit_depth
            fallback = depths.index("24")
        else:
            self.quality.addItem("Standard quality", 0)
            for kbps in _BITRATES[chosen]:
                self.quality.addItem(f"{kbps} kbit/s", kbps)
            wanted, fallback = self._settings.export_bitrate_kbps, 0
        place = self.quality.findData(wanted)
        self.quality.setCurrentIndex(place if place >= 0 else fallback)
        self.quality.blockSignals(False)

    def chosen_stems(self) -> tuple[str, ...]:
        """Return the stems that are ticked, in their usual order."""
        return tuple(stem for stem in in_order(self.stems) if self.stems[stem].isChecked())

    def output(self) -> OutputSpec:
        """Return the choices as a job wants them."""
        lossless = self.format.currentData() in _LOSSLESS
        quality = self.quality.currentData()
        return OutputSpec(
            self.folder,
            format=self.format.currentData(),
            bit_depth=quality if lossless else self._settings.export_bit_depth,
            bitrate_kbps=None if lossless else quality or None,
            name=self.name.text(),
            video=self.video.isChecked(),
        )

    def remembered(self) -> Settings:
        """Return the settings with these choices."""
        output = self.output()
        lossless = output.format in _LOSSLESS
        kept = self._settings
        # what this song does not have stays chosen for those that do
        elsewhere = [s for s in kept.export_stems.split(",") if s not in self.stems]
        return replace(
            kept,
            export_folder=str(self.folder),
            export_format=output.format,
            export_bit_depth=output.bit_depth,
            export_bitrate_kbps=kept.export_bitrate_kbps if lossless else output.bitrate_kbps or 0,
            export_stems=",".join((*self.chosen_stems(), *elsewhere)) or kept.export_stems,
            export_name=output.name,
        )

    @Slot()
    def _on_format_changed(self) -> None:
        self._fill_qualities()
        self._on_changed()

    @Slot()
    def _on_changed(self) -> None:
        """Show the names that the files will get, or what is wrong with the choices."""
        self.folder_label.setText(str(self.folder))
        labels = [stem for stem, tick in self.stems.items() if tick.isChecked()]
        if self.video.isChecked():
            labels.append("video")
        problem = "" if labels else "Choose at least one file."
        names: list[str] = []
        try:
            check_template(self.name.text(), len(labels))
            fields = template_fields(self._songs[0])
            for stem in labels:
                suffix = ".mp4" if stem == "video" else f".{self.format.currentData()}"
                filled = {**fields, "stem": STEM_LABELS[stem]}
                names.append(file_name(self.name.text(), filled, suffix))
        except KaraokeError as exc:
            problem = problem or text.one_line(f"{exc.message} {exc.hint}")
        lines = [problem] if problem else names
        files = len(names) * len(self._songs)
        if not problem and files > len(self.previews):
            more = files - len(self.previews) + 1
            lines = [*lines[: len(self.previews) - 1], f"and {more:,} more"]
        for number, label in enumerate(self.previews):
            label.setVisible(number < max(len(lines), 2))
            label.setText(lines[number] if number < len(lines) else "")
            label.set_tone("error" if problem else "muted")
        self.start_button.set_available(not problem and not self.is_running, problem)

    @Slot()
    def _on_choose_folder(self) -> None:
        dialog = QFileDialog(self, "Folder for exported songs", str(self._existing_folder()))
        dialog.setObjectName("folder_dialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_folder_chosen)
        dialog.open()

    def _existing_folder(self) -> Path:
        return next((p for p in (self.folder, *self.folder.parents) if p.is_dir()), Path.home())

    @Slot(str)
    def _on_folder_chosen(self, name: str) -> None:
        self.folder = Path(name)
        self._on_changed()

    # -- running

    @Slot()
    def _on_start(self) -> None:
        self.is_running = True
        self._written = None
        self._show_outcome("", "muted")
        self.bar.restart()
        self.bar.show()
        self._set_choices_enabled(False)
        self.start_button.set_available(False, "The export is running.")
        self.start_button.set_words("Export")
        self.start_button.set_kind(Kind.PRIMARY)
        self.close_button.set_words("Cancel")
        self.show_button.hide()
        self.choices_changed.emit(self.remembered())
        self.export_requested.emit(self._due, self.output(), self.chosen_stems())

    @Slot()
    def _on_close(self) -> None:
        if self.is_running:
            self.close_button.setEnabled(False)
            self._show_outcome("Cancelling…", "muted")
            self.cancel_requested.emit()
        else:
            self.close()

    @Slot()
    def _on_show(self) -> None:
        if self._written is not None:
            self.show_folder_requested.emit(self._written)

    def show_progress(self, batch: ExportBatch) -> None:
        """Show how far it is."""
        if self.is_running and self.close_button.isEnabled():
            self.bar.advance(batch.fraction())
            self._show_outcome(batch.state(), "muted")

    def show_over(self, batch: ExportBatch) -> None:
        """Say what came of it."""
        self._due = [song for song, _ in batch.failed] or self._songs
        self._written = batch.files[0] if batch.files else None
        self._end()
        self.bar.hide()
        self.show_button.setVisible(bool(batch.files))
        if batch.failed:
            self._show_outcome(batch.outcome(), "error")
            self.start_button.set_words(messages.export_failure(batch.failed[0][1]).action)
        elif batch.is_cancelled:
            self._show_outcome(batch.outcome(), "muted")
        else:
            self._show_outcome(batch.outcome(), "ok")
            self.show_button.setDefault(True)
            self.show_button.setFocus()
            self.start_button.set_words("Export again")
            self.start_button.set_kind(Kind.NORMAL)
            self.close_button.set_words("Close")

    def _end(self) -> None:
        self.is_running = False
        self.close_button.setEnabled(True)
        self._set_choices_enabled(True)
        self._on_changed()

    def _set_choices_enabled(self, enabled: bool) -> None:
        widgets: tuple[QWidget, ...] = (
            *self.stems.values(),
            self.video,
            self.tune,
            self.format,
            self.quality,
            self.folder_button,
            self.name,
        )
        for widget in widgets:
            widget.setEnabled(enabled)

    def _show_outcome(self, words: str, tone: str) -> None:
        self.outcome.setText(words)
        self.outcome.set_tone(tone)
        self.outcome.setVisible(bool(words))
        self.sign.show_tone(tone)
