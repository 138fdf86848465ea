"""The models page as a person uses it: cards, buttons, sentences."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from karaoke_studio.catalogue import KNOWN_MODELS
from karaoke_studio.errors import DownloadFailed, ModelRefused, NetworkUnavailable
from karaoke_studio.jobs.models import IMPORT, ModelState
from karaoke_studio.ui import text
from karaoke_studio.ui.main_window import MainWindow
from karaoke_studio.ui.model_card import ModelCard
from karaoke_studio.ui.models_page import ModelsPage
from tests.helpers.fake_models import FakeModels
from tests.helpers.fakes_ui import FakeQueue
from tests.ui.conftest import OpenWindow

MB = 1_000_000


class Page:
    """The open page with its window."""

    def __init__(self, window: MainWindow, models: FakeModels, qtbot: QtBot) -> None:
        self.window, self.models, self._qtbot = window, models, qtbot
        window.commands["models_action"].trigger()
        found = window.findChild(ModelsPage)
        assert found is not None
        self.page = found
        qtbot.waitExposed(found)

    def card(self, name: str = "htdemucs") -> ModelCard:
        return self.page.cards[name]

    def buttons(self, name: str = "htdemucs") -> list[str]:
        card = self.card(name)
        buttons = (card.verify_button, card.remove_button, card.pause_button, card.download_button)
        return [button.text() for button in buttons if button.isVisibleTo(card)]

    def press(self, what: str, name: str = "htdemucs") -> None:
        button = getattr(self.card(name), f"{what}_button")
        self._qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def page(open_window: OpenWindow, queue: FakeQueue, qtbot: QtBot) -> Page:
    return Page(open_window(), queue.models, qtbot)


def words(card: ModelCard) -> str:
    return " | ".join(label.text() for label in card.findChildren(QLabel) if not label.isHidden())


def test_all_known_models_are_offered(page: Page) -> None:
    assert list(page.page.cards) == [model.name for model in KNOWN_MODELS]
    assert page.models.looks == 1
    for model in KNOWN_MODELS:
        shown = words(page.card(model.name))
        assert model.best_for in shown
        assert text.about_size(model.pair_bytes) in shown
        assert "For research" in shown
        assert "Speed not measured yet" in shown
        assert page.buttons(model.name) == ["Download"]
    assert any("Ask the authors" in label.text() for label in page.page.findChildren(QLabel))


def test_a_second_wish_brings_the_same_page(page: Page) -> None:
    page.window.commands["models_action"].trigger()
    assert len(page.window.findChildren(ModelsPage)) == 1


def test_measured_times_are_told(
    open_window: OpenWindow, queue: FakeQueue, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "expected_s", lambda _engine, seconds: seconds * 0.41)
    page = Page(open_window(), queue.models, qtbot)
    assert "A 4-minute song takes about 1:38 here" in words(page.card())


def test_a_download_from_beginning_to_end(page: Page) -> None:
    page.press("download")
    assert page.models.wishes == [("download", "htdemucs")]
    assert page.buttons() == ["Pause"]
    page.models.progress("htdemucs", 21 * MB, 84 * MB)
    assert "Downloading, 25 % of 84 MB" in words(page.card())
    page.models.put("htdemucs_ft", arrived=1)
    assert "Downloading, 25 % of 84 MB" in words(page.card()), "news of another must not hide it"
    assert page.card().bar.isVisible()
    assert page.card().bar.goal == pytest.approx(0.25)
    page.models.arrive("htdemucs")
    assert page.buttons() == ["Verify", "Remove"]
    assert "Ready" in words(page.card())
    assert not page.card().bar.isVisible()


def test_the_time_left_is_told_once_it_is_known(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("karaoke_studio.ui.model_card.time.monotonic", lambda: clock[0])
    page.press("download")
    page.models.progress("htdemucs", 0, 84 * MB)
    clock[0] += 1
    page.models.progress("htdemucs", 2 * MB, 84 * MB)
    assert "left" not in page.card().state.text()
    clock[0] += 9
    page.models.progress("htdemucs", 42 * MB, 84 * MB)
    assert "about 10 s left" in page.card().state.text()


def test_pause_and_resume(page: Page) -> None:
    page.press("download")
    page.models.put("htdemucs", arrived=42 * MB)
    page.press("pause")
    assert "Paused at 50 %" in words(page.card())
    assert page.buttons() == ["Remove", "Resume"]
    page.press("download")
    assert page.models.wishes[-1] == ("download", "htdemucs")


def test_a_failure_is_one_sentence_on_its_card(page: Page) -> None:
    page.press("download")
    offline = NetworkUnavailable("You seem to be offline.", hint="Check the connection.")
    page.models.fail("htdemucs", offline)
    assert "You seem to be offline. Check the connection." in words(page.card())
    assert page.buttons() == ["Remove", "Resume"]
    assert "offline" not in words(page.card("htdemucs_ft"))
    page.press("download")
    assert "offline" not in words(page.card())


def test_verifying(page: Page) -> None:
    page.models.arrive("htdemucs")
    page.press("verify")
    assert "Being checked" in words(page.card())
    assert page.buttons() == []
    page.models.put("htdemucs", state=ModelState.THERE, was_verified=True)
    assert "every byte is as it came" in words(page.card())
    page.models.put("htdemucs", state=ModelState.DAMAGED, was_verified=False)
    assert "Damaged" in words(page.card())
    assert page.buttons() == ["Remove", "Download again"]


def test_removing_takes_two_presses(page: Page, qtbot: QtBot) -> None:
    page.models.arrive("htdemucs")
    page.press("remove")
    assert page.buttons() == ["Verify", "Really remove?"]
    assert page.models.wishes == []
    page.card()._sure.setInterval(1)
    page.card()._sure.start()
    qtbot.waitUntil(lambda: page.buttons() == ["Verify", "Remove"])
    page.press("remove")
    page.press("remove")
    assert page.models.wishes == [("remove", "htdemucs")]
    assert page.buttons() == ["Download"]


def test_models_of_ones_own_folder_come_and_go(page: Page) -> None:
    page.models.put("private", state=ModelState.OWN, size=54 * MB)
    card = page.card("private")
    assert "Ready, in your own folder" in words(card)
    assert page.buttons("private") == ["Verify"]
    del page.models.found["private"]
    page.models.views_changed.emit()
    assert "private" not in page.page.cards


def test_a_title_is_never_read_as_markup(page: Page) -> None:
    page.models.put("x", title="<b>bold</b>", state=ModelState.OWN)
    assert "<b>bold</b>" in words(page.card("x"))


def test_importing(page: Page, qtbot: QtBot, tmp_path: Path) -> None:
    page.page.menu.actions()[0].trigger()
    dialog = page.page.findChild(QFileDialog)
    assert dialog.fileMode() is QFileDialog.FileMode.ExistingFile
    dialog.filesSelected.emit([str(tmp_path / "955717e8.th")])
    dialog.close()
    assert page.models.imports == [tmp_path / "955717e8.th"]
    assert not page.page.import_button.isEnabled()
    assert page.page.note.text() == "Looking at the files…"
    page.models.progress(IMPORT, 42 * MB, 84 * MB)
    assert page.page.note.text() == "Copying, 50 %…"
    page.models.progress(IMPORT, 84 * MB, 84 * MB)
    assert "being checked" in page.page.note.text()
    page.models.fail(IMPORT, ModelRefused("x.th is refused.", hint="Use another."))
    assert page.page.note.text() == "x.th is refused. Use another."
    assert page.page.import_button.isEnabled()


def test_an_import_can_be_cancelled(page: Page, qtbot: QtBot, tmp_path: Path) -> None:
    page.page.menu.actions()[1].trigger()
    dialog = page.page.findChild(QFileDialog)
    assert dialog.fileMode() is QFileDialog.FileMode.Directory
    dialog.filesSelected.emit([str(tmp_path)])
    dialog.close()
    assert page.page.cancel_button.isVisible()
    qtbot.mouseClick(page.page.cancel_button, Qt.MouseButton.LeftButton)
    assert page.models.wishes == [("pause", IMPORT)]
    assert not page.page.cancel_button.isVisible()
    assert page.page.note.isHidden()


def test_what_comes_while_the_page_is_closed_is_told_in_the_window(page: Page) -> None:
    page.press("download")
    page.page.accept()
    page.models.arrive("htdemucs")
    notice = page.window.banners.notice
    assert notice.label.text() == "The model htdemucs is ready."
    page.models.fail("htdemucs_ft", DownloadFailed("It broke off.", hint="Resume it."))
    assert notice.label.text() == "It broke off. Resume it."


def test_everything_can_be_reached_by_keys_and_is_named(page: Page) -> None:
    page.models.arrive("htdemucs")
    for card in page.page.cards.values():
        for button in (card.download_button, card.remove_button, card.verify_button):
            assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
            assert button.accessibleName().endswith(card.title.text())
            assert button.toolTip()
    names = [card.download_button.accessibleName() for card in page.page.cards.values()]
    assert len(set(names)) == len(names)


def test_the_engine_menu_leads_here_and_learns_what_came(
    open_window: OpenWindow, queue: FakeQueue, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = open_window()
    window.making.models_requested.emit()
    assert window.findChild(ModelsPage).isVisible()
    looks: list[bool] = []

    def folders() -> tuple[Path, ...]:
        looks.append(True)
        return ()

    monkeypatch.setattr(queue, "model_folders", folders)
    queue.models.arrive("htdemucs")
    assert looks == [True]


def test_the_rest_of_a_model_that_makes_a_pair_can_be_had(page: Page) -> None:
    card = page.page.cards["htdemucs_ft"]
    assert card.facts.text().startswith("about 84 MB")
    assert not card.rest_button.isVisibleTo(page.page)
    facts = {"size": 84_000_000, "rest": 252_000_000, "is_whole": False}
    page.models.put("htdemucs_ft", state=ModelState.THERE, **facts)
    assert "84 MB · voice and music · " in card.facts.text()
    assert "about 252 MB" in card.rest_button.toolTip()
    assert card.rest_button.isVisibleTo(page.page)
    card.rest_button.click()
    assert page.models.wishes[-1] == ("rest", "htdemucs_ft")
    page.models.put("htdemucs_ft", is_whole=True)
    assert not card.rest_button.isVisibleTo(page.page)
    assert "4 parts" in card.facts.text()
