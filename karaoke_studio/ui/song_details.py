"""What is known about a song, to be read and changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QStandardPaths, Qt, Signal, Slot
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
)
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from karaoke_studio.jobs.shelf import Shelf, SongDetails
from karaoke_studio.library.edits import clean_labels
from karaoke_studio.library.manifest import COLOURS
from karaoke_studio.library.songs import TAGS, Song
from karaoke_studio.library.takes import TakeFacts
from karaoke_studio.ui import text, theme
from karaoke_studio.ui.controls import Button, Choice, Kind, Label, Tick, paint_focus
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.disk import Disk, paint_cover
from karaoke_studio.ui.drop_area import dropped_paths
from karaoke_studio.ui.labels import LabelLine
from karaoke_studio.ui.split_quality import split_words
from karaoke_studio.ui.theme import Look

_WIDTH, _COVER, _ENGINE = 680, 148, 112
_TEXT_LIMIT = 4000
_CHOSEN = ("remark", "rating", "favourite", "labels", "colour")
_NAMES = {"title": "Title", "artist": "Artist", "album": "Album"}


class SongDetailsDialog(Dialog):
    """Tags, cover, rating and notes of one song; below them its files and takes.

    What is typed is kept by "Save"; the song's own file is never touched. Takes change at once.

    Signals:
        change_requested(fields): of `Song`, with their new values.
        use_take_requested(song id, take id, id of the take that was used until now).
    """

    change_requested = Signal(object)
    use_take_requested = Signal(str, str, str)

    def __init__(
        self,
        look: Look,
        disk: Disk,
        shelf: Shelf,
        song: Song,
        parent: QWidget | None,
        labels: Sequence[str] = (),
    ) -> None:
        super().__init__("song_details", "Song details", _WIDTH, parent)
        self._known_labels = labels
        self._current_take = song.take_id
        self._look, self._disk, self._shelf, self._song = look, disk, shelf, song
        #: What the cover shall be: a file's bytes and suffix, None for none; False = as it is.
        self._picture: tuple[bytes, str] | bool | None = False
        self._asked = 0
        self._build_top()
        self._build_facts()
        self._takes = QVBoxLayout()
        self._takes.setSpacing(theme.XS)
        self.body.addSpacing(theme.XS)
        self.body.addWidget(Label("Takes", strong=True))
        self.body.addLayout(self._takes)
        self.problem = Label(tone="error")
        self.problem.setObjectName("details_problem")
        self.problem.hide()
        self.body.addWidget(self.problem)
        cancel = Button(look, "details_cancel", "Cancel")
        cancel.clicked.connect(self.reject)
        save = Button(look, "details_save", "Save", kind=Kind.PRIMARY)
        save.clicked.connect(self._on_save)
        self.add_button(cancel)
        self.add_button(save, is_default=True)
        disk.picture_read.connect(self._on_picture_read)
        shelf.details_read.connect(self._on_details_read)
        shelf.changed.connect(self._on_changed)
        self._show_song()
        shelf.read_details(song)
        self.fields["title"].setFocus()

    # -- building

    def _build_top(self) -> None:
        self.cover = _CoverField(self._look, self._disk)
        self.cover.pressed.connect(self._on_choose)
        self.cover.file_dropped.connect(self._read_picture)
        choose = Button(self._look, "cover_choose", "Choose…", tip="Choose a picture as cover")
        choose.clicked.connect(self._on_choose)
        self._clear = Button(
            self._look, "cover_remove", "Remove", kind=Kind.QUIET, tip="Show no cover"
        )
        self._clear.clicked.connect(self._on_clear)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.XS)
        buttons.addWidget(choose)
        buttons.addWidget(self._clear)
        buttons.addStretch(1)
        left = QVBoxLayout()
        left.setSpacing(theme.S)
        left.addWidget(self.cover)
        left.addLayout(buttons)
        left.addStretch(1)
        form = QGridLayout()
        form.setHorizontalSpacing(theme.M)
        form.setVerticalSpacing(theme.S)
        form.setColumnStretch(1, 1)
        self.fields = {name: self._field(name) for name in TAGS}
        for row, (name, field) in enumerate(self.fields.items()):
            form.addWidget(Label(_NAMES[name], tone="muted"), row, 0)
            form.addWidget(field, row, 1)
        self.rating = Stars(self._look)
        self.favourite = Tick(self._look, "details_favourite", "Favourite")
        line = QHBoxLayout()
        line.setSpacing(theme.L)
        line.addWidget(self.rating)
        line.addWidget(self.favourite)
        line.addStretch(1)
        form.addWidget(Label("Rating", tone="muted"), 3, 0)
        form.addLayout(line, 3, 1)
        self.labels = LabelLine("details_labels", "Tags", self._known_labels)
        self.labels.setFixedHeight(theme.CONTROL_HEIGHT)
        self.colour = Choice(self._look, "details_colour", "Colour")
        self.colour.setToolTip("Marks the song in the list")
        self.colour.setFixedWidth(116)
        for name in ("", *COLOURS):
            self.colour.addItem(text.colour(name), name)
        marks = QHBoxLayout()
        marks.setSpacing(theme.S)
        marks.addWidget(self.labels, 1)
        marks.addWidget(self.colour)
        form.addWidget(Label("Tags", tone="muted"), 4, 0)
        form.addLayout(marks, 4, 1)
        self.remark = QPlainTextEdit()
        self.remark.setObjectName("details_remark")
        self.remark.setAccessibleName("Notes")
        self.remark.setPlaceholderText("Key to sing it in, who sings which verse…")
        self.remark.setTabChangesFocus(True)
        self.remark.setFixedHeight(72)
        form.addWidget(Label("Notes", tone="muted"), 5, 0, Qt.AlignmentFlag.AlignTop)
        form.addWidget(self.remark, 5, 1)
        top = QHBoxLayout()
        top.setSpacing(theme.XL)
        top.addLayout(left)
        top.addLayout(form, 1)
        self.body.addLayout(top)

    def _field(self, name: str) -> QLineEdit:
        field = _Field()
        field.setObjectName(f"details_{name}")
        field.setAccessibleName(_NAMES[name])
        field.setMaxLength(_TEXT_LIMIT)
        field.setToolTip(f"{_NAMES[name]}, as the list and later exports show it")
        return field

    def _build_facts(self) -> None:
        self._facts: dict[str, Label] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.M)
        grid.setVerticalSpacing(theme.XS)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        names = ("Length", "Sound", "Tempo", "Key", "Loudness", "Split", "File", "Added", "Played")
        for number, name in enumerate(names):
            row, column = number // 2, number % 2 * 2
            fact = Label(size=theme.CAPTION, tabular=True)
            fact.setObjectName(f"fact_{name.lower()}")
            grid.addWidget(Label(name, size=theme.CAPTION, tone="muted"), row, column)
            grid.addWidget(fact, row, column + 1)
            self._facts[name] = fact
        self.body.addSpacing(theme.XS)
        self.body.addLayout(grid)

    # -- showing

    def _show_song(self) -> None:
        song = self._song
        for name, field in self.fields.items():
            field.setText(text.one_line(getattr(song, name)))
            field.setCursorPosition(0)
        self.rating.set_rating(song.rating)
        self.favourite.setChecked(song.favourite)
        self.remark.setPlainText(song.remark)
        self.labels.set_labels(song.labels)
        self.colour.setCurrentIndex(max(0, self.colour.findData(song.colour)))
        self.cover.show_cover(song.cover_path, song.title)
        self._clear.set_available(song.cover_path is not None, "There is no cover")
        self._show_facts(0)

    def _show_facts(self, original_bytes: int) -> None:
        song = self._song
        size = text.file_size(original_bytes) if original_bytes else ""
        kind = (song.original or "").rpartition(".")[2].upper()
        facts = {
            "Length": text.clock(song.duration_s),
            "Sound": text.joined(text.sample_rate(song.sample_rate), text.channels(song.channels)),
            "Tempo": f"{song.bpm:.0f} BPM" if song.bpm else "",
            "Key": song.key or "",
            "Split": split_words(song),
            "Loudness": f"{song.lufs:.1f} LUFS".replace("-", "−") if song.lufs is not None else "",
            "File": text.joined(kind, size),
            "Added": text.date(song.added_at),
            "Played": text.played(song.play_count, song.played_at),
        }
        for name, value in facts.items():
            self._facts[name].setText(value or "–")

    @Slot(object)
    def _on_details_read(self, details: SongDetails) -> None:
        if details.song.id != self._song.id:
            return
        self._show_facts(details.original_bytes)
        while (item := self._takes.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for take in details.takes:
            if take.is_current:
                self._current_take = take.id
            row = _TakeRow(self._look, take)
            row.use_requested.connect(self._on_use_take)
            row.remove_requested.connect(self._on_remove_take)
            self._takes.addWidget(row)

    @Slot(str)
    def _on_use_take(self, take_id: str) -> None:
        self.use_take_requested.emit(self._song.id, take_id, self._current_take)

    @Slot(str)
    def _on_remove_take(self, take_id: str) -> None:
        self._shelf.remove_take(self._song.id, take_id)

    @Slot()
    def _on_changed(self) -> None:
        self._shelf.read_details(self._song)

    # -- the cover

    @Slot()
    def _on_choose(self) -> None:
        dialog = QFileDialog(self, "Choose a cover")
        dialog.setObjectName("cover_dialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        pictures = QStandardPaths.StandardLocation.PicturesLocation
        dialog.setDirectory(QStandardPaths.writableLocation(pictures))
        dialog.setNameFilters(["Pictures (*.jpg *.jpeg *.png *.webp *.gif *.bmp)", "All files (*)"])
        dialog.fileSelected.connect(self._read_picture)
        dialog.open()

    @Slot(str)
    def _read_picture(self, name: str) -> None:
        self._asked = self._disk.ask_picture(Path(name))

    @Slot(int, str, object)
    def _on_picture_read(self, number: int, name: str, picture: bytes | None) -> None:
        if number != self._asked:
            return
        self.problem.setVisible(picture is None)
        if picture is None:
            self.problem.setText(f"{name} is no picture that can be a cover. Choose a JPEG or PNG.")
            return
        self._picture = (picture, ".jpg")
        self.cover.show_picture(picture)
        self._clear.set_available(True)

    @Slot()
    def _on_clear(self) -> None:
        self._picture = None
        self.cover.show_cover(None, self._song.title)
        self._clear.set_available(False, "There is no cover")

    # -- saving

    def changes(self) -> dict[str, Any]:
        """Return the fields that were changed, with their new values."""
        now: dict[str, Any] = {name: field.text().strip() for name, field in self.fields.items()}
        now["title"] = now["title"] or self._song.title
        now["remark"] = self.remark.toPlainText().strip()
        now["rating"] = self.rating.rating()
        now["favourite"] = self.favourite.isChecked()
        now["labels"] = tuple(clean_labels(self.labels.labels()))
        now["colour"] = self.colour.currentData()
        before = {name: text.one_line(getattr(self._song, name)) for name in TAGS}
        before |= {name: getattr(self._song, name) for name in _CHOSEN}
        return {name: value for name, value in now.items() if value != before[name]}

    @Slot()
    def _on_save(self) -> None:
        if changed := self.changes():
            self.change_requested.emit(changed)
        if not isinstance(self._picture, bool):
            self._shelf.set_cover(self._song.id, self._picture)
        self.accept()


class _Field(QLineEdit):
    """A line that shows its beginning when it is entered, also where the whole is selected."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Select backwards, so that the end of a long line is what is out of sight."""
        super().focusInEvent(event)
        if self.selectedText() == self.text():
            self.end(False)
            self.home(True)


class Stars(QWidget):
    """Five stars; the one that is lit last takes the rating away again."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._rating = 0
        self.setObjectName("details_rating")
        self.setAccessibleName("Rating")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.buttons: list[Button] = []
        for stars in range(1, 6):
            says = text.counted(stars, "star")
            button = Button(
                look, f"star_{stars}", icon="star", kind=Kind.QUIET, says=says, tip=says
            )
            button.clicked.connect(lambda _on=False, stars=stars: self._on_pressed(stars))
            row.addWidget(button)
            self.buttons.append(button)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def rating(self) -> int:
        """Return 0…5."""
        return self._rating

    def set_rating(self, rating: int) -> None:
        """Show a rating of 0…5."""
        self._rating = rating
        for stars, button in enumerate(self.buttons, start=1):
            button.set_icon("star-fill" if stars <= rating else "star")
        self.setAccessibleDescription(text.rating(rating))

    def _on_pressed(self, stars: int) -> None:
        self.set_rating(0 if stars == self._rating else stars)


class _CoverField(QWidget):
    """A large cover that can be pressed and takes a dropped picture.

    Signals:
        pressed(): choose another one.
        file_dropped(str): path of a picture.
    """

    pressed = Signal()
    file_dropped = Signal(str)

    def __init__(self, look: Look, disk: Disk) -> None:
        super().__init__()
        self._look, self._disk = look, disk
        self._path: Path | None = None
        self._title = ""
        self._picture: QPixmap | None = None
        self.setObjectName("details_cover")
        self.setAccessibleName("Cover")
        self.setToolTip("Press to choose a picture, or drop one here")
        self.setFixedSize(_COVER, _COVER)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAcceptDrops(True)
        look.changed.connect(self.update)
        disk.cover_changed.connect(self._on_cover_changed)

    def show_cover(self, path: Path | None, title: str) -> None:
        """Show a song's cover."""
        self._path, self._title, self._picture = path, title, None
        self.update()

    def show_picture(self, data: bytes) -> None:
        """Show a picture that is not saved yet."""
        image = QImage.fromData(data)
        side = min(image.width(), image.height())
        left, top = (image.width() - side) // 2, (image.height() - side) // 2
        pixels = round(_COVER * self.devicePixelRatioF())
        square = image.copy(left, top, side, side).scaled(
            pixels,
            pixels,
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        self._picture = QPixmap.fromImage(square)
        self._picture.setDevicePixelRatio(self.devicePixelRatioF())
        self.update()

    def has_picture(self) -> bool:
        """Whether a picture is shown that is not saved yet."""
        return self._picture is not None

    @Slot(str)
    def _on_cover_changed(self, path: str) -> None:
        if self._path is not None and str(self._path) == path:
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint cover and focus ring."""
        picture = self._picture or self._disk.cover(self._path, _COVER, self.devicePixelRatioF())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_cover(painter, self.rect(), picture, self._title, self._look.tokens)
        if self.hasFocus():
            paint_focus(painter, self.rect().toRectF(), theme.RADIUS, self._look.tokens.accent)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Ask for another picture."""
        if self.rect().contains(event.position().toPoint()):
            self.pressed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ask for another picture."""
        if event.key() in {Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.pressed.emit()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files."""
        event.setAccepted(bool(dropped_paths(event.mimeData())))

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell which file was dropped."""
        if paths := dropped_paths(event.mimeData()):
            event.acceptProposedAction()
            self.file_dropped.emit(str(paths[0]))


class _TakeRow(QWidget):
    """One take: who made it when, how large it is, and what can be done with it.

    Signals:
        use_requested, remove_requested: id of the take.
    """

    use_requested = Signal(str)
    remove_requested = Signal(str)

    def __init__(self, look: Look, take: TakeFacts) -> None:
        super().__init__()
        self.setObjectName("take_row")
        engine = text.engine(take.engine)
        facts = Label(
            text.joined(
                text.date(take.made_at),
                text.file_size(sum(take.stems.values())),
                text.counted(len(take.stems), "stem"),
                text.counted(take.fixes, "fix", "fixes") if take.fixes else "",
                text.null_test(take.null_test_db, exact=bool(take.null_exact)),
                text.made_in(take.processing_time_s),
            ),
            size=theme.CAPTION,
            tone="muted",
            tabular=True,
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.S)
        name = Label(engine)
        name.setFixedWidth(_ENGINE)
        row.addWidget(name)
        row.addWidget(facts, 1)
        if take.is_current:
            used = Label("In use", size=theme.CAPTION, tone="ok")
            used.setObjectName("take_in_use")
            row.addWidget(used)
            self.setFixedHeight(theme.CONTROL_HEIGHT)
            return
        use = Button(
            look,
            "take_use",
            "Use",
            says=f"Use the take by {engine}",
            tip="Play and export this one",
        )
        use.clicked.connect(lambda: self.use_requested.emit(take.id))
        remove = Button(
            look,
            "take_remove",
            icon="trash",
            kind=Kind.QUIET,
            says=f"Remove the take by {engine}",
            tip="Move this take to the trash",
        )
        remove.clicked.connect(lambda: self.remove_requested.emit(take.id))
        row.addWidget(use)
        row.addWidget(remove)
