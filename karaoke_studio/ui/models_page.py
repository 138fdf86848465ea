"""The page of models, and who opens it: wishes go to `jobs.models`, its answers to the cards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QFrame, QMenu, QScrollArea, QVBoxLayout, QWidget

from karaoke_studio.catalogue import LEGACY, SAFE, TERMS
from karaoke_studio.errors import KaraokeError
from karaoke_studio.jobs.models import IMPORT, Models, ModelView
from karaoke_studio.separation.shelf import Arrival
from karaoke_studio.ui import messages, text, theme
from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.controls import Button, Kind, Paragraph
from karaoke_studio.ui.dialog import Dialog
from karaoke_studio.ui.model_card import ModelCard
from karaoke_studio.ui.theme import Look

_WIDTH, _HEIGHT = 760, 560
#: The song that times are told for.
_SONG_S = 240.0

ExpectedS = Callable[[str, float], float | None]


class ModelsPage(Dialog):
    """All models as cards.

    Signals:
        import_requested: path of a file or a folder.
        import_cancel_requested.
    """

    import_requested = Signal(object)
    import_cancel_requested = Signal()

    def __init__(self, look: Look, parent: QWidget | None) -> None:
        super().__init__("models_page", "Models", _WIDTH, parent)
        self._look = look
        self.cards: dict[str, ModelCard] = {}
        self._folder = Path.home()
        intro = Paragraph(
            "Models are larger networks that tell voice and music apart better than the built-in "
            "engine, and take longer. They are downloaded once and then work offline.",
            tone="muted",
        )
        self.body.addWidget(intro)
        self._column = QVBoxLayout()
        self._column.setContentsMargins(0, 0, theme.S, 0)
        self._column.setSpacing(theme.S)
        self._column.addStretch(1)
        content = QWidget()
        content.setLayout(self._column)
        self.area = QScrollArea()
        self.area.setObjectName("models_area")
        self.area.setAccessibleName("Models")
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(content)
        self.body.addWidget(self.area, 1)
        self.note = Paragraph(size=theme.CAPTION)
        self.note.setObjectName("import_note")
        self.note.hide()
        self.body.addWidget(self.note)
        self.body.addWidget(Paragraph(TERMS, size=theme.CAPTION, tone="muted"))
        self._build_buttons()
        height = _HEIGHT if parent is None else min(_HEIGHT, parent.height() - 2 * theme.XXL)
        self.resize(_WIDTH, height)

    def _build_buttons(self) -> None:
        self.import_button = Button(
            self._look,
            "import_model",
            "Import…",
            tip=f"Take in a model that you have as {SAFE} or {LEGACY} files",
        )
        self.menu = QMenu(self.import_button)
        self.menu.setObjectName("import_menu")
        for name, words, answer in (
            ("import_file_action", "From a file…", self._on_file),
            ("import_folder_action", "From a folder…", self._on_folder),
        ):
            action = self.menu.addAction(words)
            action.setObjectName(name)
            action.triggered.connect(answer)
        self.import_button.clicked.connect(self._on_import)
        self.add_left_button(self.import_button)
        self.cancel_button = Button(
            self._look, "cancel_import", "Cancel import", tip="Take in nothing"
        )
        self.cancel_button.clicked.connect(self.import_cancel_requested)
        self.cancel_button.hide()
        self._buttons.insertWidget(1, self.cancel_button)
        close = Button(self._look, "close_models", "Close", kind=Kind.PRIMARY)
        close.clicked.connect(self.accept)
        self.add_button(close, is_default=True)

    def show_views(self, views: list[ModelView], expected_s: ExpectedS) -> None:
        """Show all models; cards come and go with them."""
        for name in self.cards.keys() - {view.name for view in views}:
            card = self.cards.pop(name)
            card.hide()
            card.deleteLater()
        for place, view in enumerate(views):
            card = self.cards.get(view.name) or self._add_card(view, place)
            card.show_view(view, expected_s(view.name, _SONG_S))

    def _add_card(self, view: ModelView, place: int) -> ModelCard:
        card = self.cards[view.name] = ModelCard(self._look, view)
        self._column.insertWidget(place, card)
        return card

    def show_arrival(self, name: str, arrival: Arrival) -> None:
        """Show how far a download is, or an import."""
        if name == IMPORT:
            share = text.percent(arrival.done / max(arrival.total, 1))
            is_copied = arrival.done >= arrival.total
            self._tell("The network is being checked…" if is_copied else f"Copying, {share}…")
        elif name in self.cards:
            self.cards[name].show_arrival(arrival)

    def show_importing(self, importing: bool) -> None:
        """Show that files are being taken in, or no longer."""
        self.import_button.set_available(not importing, "One import is under way")
        self.cancel_button.setVisible(importing)
        if importing:
            self._tell("Looking at the files…")
        else:
            self.note.hide()

    def show_import_failure(self, error: KaraokeError) -> None:
        """Say why nothing was taken in."""
        self._tell(messages.model_failure(error).sentence, "error")

    def _tell(self, sentence: str, tone: str = "muted") -> None:
        self.note.setText(sentence)
        self.note.set_tone(tone)
        self.note.show()

    # -- wishes

    @Slot()
    def _on_import(self) -> None:
        self.menu.popup(self.import_button.mapToGlobal(self.import_button.rect().topLeft()))

    @Slot()
    def _on_file(self) -> None:
        self._ask(QFileDialog.FileMode.ExistingFile)

    @Slot()
    def _on_folder(self) -> None:
        self._ask(QFileDialog.FileMode.Directory)

    def _ask(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, "Import a model", str(self._folder))
        dialog.setObjectName("import_dialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(mode)
        if mode is QFileDialog.FileMode.ExistingFile:
            dialog.setNameFilters([f"Models (*{SAFE} *{LEGACY} *.yaml)", "All files (*)"])
        dialog.filesSelected.connect(self._on_chosen)
        dialog.open()

    @Slot("QStringList")
    def _on_chosen(self, names: list[str]) -> None:
        path = Path(names[0])
        self._folder = path.parent
        self.import_requested.emit(path)


class ModelsDesk(QObject):
    """Opens the page; while it is closed, a banner tells what came of a download."""

    def __init__(
        self,
        look: Look,
        models: Models,
        expected_s: ExpectedS,
        banners: Banners,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._look, self._models, self._expected_s = look, models, expected_s
        self._banners, self._window = banners, window
        self._page: ModelsPage | None = None
        models.views_changed.connect(self._on_views_changed)
        models.progressed.connect(self._on_progressed)
        models.arrived.connect(self._on_arrived)
        models.failed.connect(self._on_failed)

    def open(self) -> ModelsPage:
        """Show the page, or bring it forward."""
        if self._page is None:
            page = self._page = ModelsPage(self._look, self._window)
            page.import_requested.connect(self._models.import_path)
            page.import_cancel_requested.connect(self._on_import_cancelled)
            page.finished.connect(self._on_closed)
            self._on_views_changed()
            page.open()
            self._models.refresh()
        return self._page

    @Slot()
    def _on_views_changed(self) -> None:
        page = self._page
        if page is None:
            return
        known = set(page.cards)
        page.show_views(self._models.views(), self._expected_s)
        for name in page.cards.keys() - known:
            card = page.cards[name]
            card.download_requested.connect(self._models.download)
            card.rest_requested.connect(self._models.download_rest)
            card.pause_requested.connect(self._models.pause)
            card.verify_requested.connect(self._models.verify)
            card.remove_requested.connect(self._models.remove)
        if self._models.is_importing() == page.import_button.isEnabled():
            page.show_importing(self._models.is_importing())

    @Slot(str, object)
    def _on_progressed(self, name: str, arrival: Arrival) -> None:
        if self._page is not None:
            self._page.show_arrival(name, arrival)

    @Slot(str)
    def _on_arrived(self, name: str) -> None:
        if self._page is None:
            self._banners.notice.tell(f"The model {name} is ready.")

    @Slot(str, object)
    def _on_failed(self, name: str, error: KaraokeError) -> None:
        if self._page is None:
            self._banners.notice.tell(messages.model_failure(error).sentence)
        elif name == IMPORT:
            self._page.show_import_failure(error)

    @Slot()
    def _on_import_cancelled(self) -> None:
        self._models.pause(IMPORT)

    @Slot()
    def _on_closed(self) -> None:
        self._page = None
