from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from karaoke_studio.audio.mix import Mix
from karaoke_studio.errors import DiskFull, KaraokeError, MissingFile
from karaoke_studio.job import FORMATS, OutputSpec, Stage
from karaoke_studio.library.songs import Song
from karaoke_studio.progress import Progress
from karaoke_studio.settings import Settings
from karaoke_studio.ui.export_batch import ExportBatch, written_files
from karaoke_studio.ui.export_dialog import ExportDialog, default_folder
from karaoke_studio.ui.theme import Look
from tests.helpers.fakes_ui import FakeLibrary, result_of


@pytest.fixture
def song(library: FakeLibrary) -> Song:
    return library.add("Night: Bus", "The Lanterns")


@pytest.fixture
def dialog(qtbot: QtBot, look: Look, song: Song, tmp_path: Path) -> ExportDialog:
    return shown(qtbot, ExportDialog(look, [song], Settings(export_folder=str(tmp_path))))


def shown(qtbot: QtBot, dialog: ExportDialog) -> ExportDialog:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def previews(dialog: ExportDialog) -> list[str]:
    return [label.text() for label in dialog.previews if label.text()]


def start(qtbot: QtBot, dialog: ExportDialog) -> tuple[list[Song], OutputSpec, tuple[str, ...]]:
    with qtbot.waitSignal(dialog.export_requested) as blocker:
        qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    songs, output, stems = blocker.args
    return songs, output, stems


def test_the_defaults_are_a_lossless_pair(
    qtbot: QtBot, dialog: ExportDialog, song: Song, tmp_path: Path
) -> None:
    assert previews(dialog) == ["Night- Bus (Instrumental).flac", "Night- Bus (Vocals).flac"]
    wanted, output, stems = start(qtbot, dialog)
    assert wanted == [song]
    assert stems == ("vocals", "instrumental")
    assert output == OutputSpec(tmp_path, name="{title} ({stem})")


def test_a_long_title_does_not_make_the_dialog_wider(
    qtbot: QtBot, look: Look, library: FakeLibrary, dialog: ExportDialog
) -> None:
    long = shown(qtbot, ExportDialog(look, [library.add("A very long title " * 12)], Settings()))
    assert dialog.width() == long.width() == 620


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_offers_its_own_qualities(
    qtbot: QtBot, dialog: ExportDialog, name: str
) -> None:
    dialog.format.setCurrentIndex(dialog.format.findData(name))
    offered = [dialog.quality.itemData(i) for i in range(dialog.quality.count())]
    _, output, _ = start(qtbot, dialog)
    assert output.format == name
    if name == "wav":
        assert offered == ["16", "24", "32f"]
    elif name == "flac":
        assert offered == ["16", "24"]
    else:
        assert offered[0] == 0
        assert output.bitrate_kbps is None
    assert previews(dialog)[0].endswith(f".{name}")


def test_a_quality_is_handed_on(qtbot: QtBot, dialog: ExportDialog) -> None:
    dialog.format.setCurrentIndex(dialog.format.findData("mp3"))
    dialog.quality.setCurrentIndex(dialog.quality.findData(192))
    _, output, _ = start(qtbot, dialog)
    assert (output.format, output.bitrate_kbps) == ("mp3", 192)


def test_the_names_follow_the_template_as_it_is_typed(qtbot: QtBot, dialog: ExportDialog) -> None:
    dialog.name.clear()
    qtbot.keyClicks(dialog.name, "{artist} - {title} {stem}")
    assert previews(dialog)[0] == "The Lanterns - Night- Bus Instrumental.flac"
    qtbot.mouseClick(dialog.stems["vocals"], Qt.MouseButton.LeftButton)
    assert len(previews(dialog)) == 1


@pytest.mark.parametrize(
    ("template", "words"),
    [("{title}", "{stem}"), ("{titel} {stem}", "{titel}"), ("{title", "brace")],
)
def test_a_template_that_cannot_work_says_why(
    qtbot: QtBot, dialog: ExportDialog, template: str, words: str
) -> None:
    dialog.name.setText(template)
    assert words in previews(dialog)[0]
    assert not dialog.start_button.isEnabled()
    assert words in dialog.start_button.toolTip()
    dialog.name.setText("{title} {stem}")
    assert dialog.start_button.isEnabled()


def test_nothing_chosen_cannot_be_exported(qtbot: QtBot, dialog: ExportDialog) -> None:
    for tick in (dialog.stems["vocals"], dialog.stems["instrumental"]):
        qtbot.mouseClick(tick, Qt.MouseButton.LeftButton)
    assert previews(dialog) == ["Choose at least one file."]
    assert not dialog.start_button.isEnabled()


def test_one_stem_alone_needs_no_stem_in_its_name(qtbot: QtBot, dialog: ExportDialog) -> None:
    dialog.name.setText("{title}")
    qtbot.mouseClick(dialog.stems["vocals"], Qt.MouseButton.LeftButton)
    _, output, stems = start(qtbot, dialog)
    assert (output.name, stems) == ("{title}", ("instrumental",))


def test_choices_are_remembered(qtbot: QtBot, dialog: ExportDialog, look: Look, song: Song) -> None:
    dialog.format.setCurrentIndex(dialog.format.findData("opus"))
    dialog.quality.setCurrentIndex(dialog.quality.findData(128))
    dialog.name.setText("{artist} {stem}")
    qtbot.mouseClick(dialog.stems["vocals"], Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(dialog.choices_changed) as blocker:
        start(qtbot, dialog)
    again = shown(qtbot, ExportDialog(look, [song], blocker.args[0]))
    assert again.output() == dialog.output()
    assert again.chosen_stems() == ("instrumental",)
    assert again.output().bitrate_kbps == 128


def test_a_bit_depth_survives_a_lossy_export(qtbot: QtBot, look: Look, song: Song) -> None:
    kept = Settings(export_format="mp3", export_bit_depth="16", export_bitrate_kbps=256)
    first = shown(qtbot, ExportDialog(look, [song], kept))
    assert first.remembered() == replace(kept, export_folder=str(default_folder()))
    first.format.setCurrentIndex(first.format.findData("wav"))
    assert first.output().bit_depth == "16"
    assert first.remembered().export_bitrate_kbps == 256


def test_damaged_settings_fall_back(qtbot: QtBot, look: Look, song: Song) -> None:
    odd = Settings(export_format="8track", export_bit_depth="7", export_stems="drums")
    dialog = shown(qtbot, ExportDialog(look, [song], odd))
    assert dialog.output().format == "wav"
    assert dialog.output().bit_depth == "24"
    assert not dialog.start_button.isEnabled()


def batch_of(*songs: Song) -> ExportBatch:
    return ExportBatch({song.id: song for song in songs})


def ended(
    batch: ExportBatch,
    files: list[Path],
    error: KaraokeError | None = None,
    cancelled: bool = False,
) -> ExportBatch:
    """What an only song came to."""
    ((song_id, song),) = batch.songs.items()
    batch.files, batch.is_cancelled = files, cancelled
    batch.failed = [(song, error)] if error else []
    batch.settle(song_id)
    return batch


def test_progress_then_where_the_files_are(
    qtbot: QtBot, dialog: ExportDialog, song: Song, tmp_path: Path
) -> None:
    start(qtbot, dialog)
    assert not dialog.format.isEnabled()
    batch = batch_of(song)
    batch.advance(song.id, Progress(Stage.ENCODING, 0.5, 0.5, 9))
    dialog.show_progress(batch)
    assert dialog.outcome.text() == "50 % · about 9 s left"
    assert dialog.bar.isVisible()
    file = tmp_path / "Karaoke" / "a.flac"
    dialog.show_over(ended(batch, [file, file]))
    assert dialog.outcome.text() == "2 files are in Karaoke."
    assert dialog.format.isEnabled()
    with qtbot.waitSignal(dialog.show_folder_requested) as blocker:
        qtbot.mouseClick(dialog.show_button, Qt.MouseButton.LeftButton)
    assert blocker.args == [file]
    qtbot.mouseClick(dialog.close_button, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()


def test_a_failure_can_be_tried_again(qtbot: QtBot, dialog: ExportDialog, song: Song) -> None:
    start(qtbot, dialog)
    full = DiskFull("The disk is full.", hint="Free some space.")
    dialog.show_over(ended(batch_of(song), [], full))
    assert dialog.outcome.text() == "The disk is full. Free some space."
    assert dialog.start_button.text() == "Try again"
    start(qtbot, dialog)
    assert dialog.is_running


def test_cancel_stops_the_export_then_closes(
    qtbot: QtBot, dialog: ExportDialog, song: Song
) -> None:
    start(qtbot, dialog)
    with qtbot.waitSignal(dialog.cancel_requested):
        qtbot.mouseClick(dialog.close_button, Qt.MouseButton.LeftButton)
    assert dialog.isVisible()
    dialog.show_progress(batch_of(song))
    assert dialog.outcome.text() == "Cancelling…"
    dialog.show_over(ended(batch_of(song), [], cancelled=True))
    assert dialog.outcome.text() == "Cancelled. Nothing was written."
    qtbot.mouseClick(dialog.close_button, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()


def test_many_songs_are_named_like_the_first(
    qtbot: QtBot, look: Look, library: FakeLibrary, tmp_path: Path
) -> None:
    songs = [library.add(name, stems=FOUR) for name in "AB"] + [library.add("C")]
    dialog = shown(qtbot, ExportDialog(look, songs, Settings(export_folder=str(tmp_path))))
    assert dialog.heading.text() == "Export 3 songs"
    assert list(dialog.stems) == ["instrumental", "vocals", "mix"], "what all of them have"
    assert previews(dialog) == ["A (Instrumental).flac", "A (Vocals).flac", "and 4 more"]
    wanted, _, _ = start(qtbot, dialog)
    assert wanted == songs


def test_of_many_songs_only_those_that_failed_are_tried_again(
    qtbot: QtBot, look: Look, library: FakeLibrary, tmp_path: Path
) -> None:
    good, bad, worse = songs = [library.add(name) for name in ("A", "B", "C")]
    dialog = shown(qtbot, ExportDialog(look, songs, Settings(export_folder=str(tmp_path))))
    start(qtbot, dialog)
    batch = batch_of(*songs)
    batch.advance(good.id, Progress(Stage.ENCODING, 0.5, 0.5))
    dialog.show_progress(batch)
    assert dialog.outcome.text().startswith("Song 1 of 3 · 16 %")
    batch.files = [tmp_path / "Karaoke" / "A.flac"]
    batch.settle(good.id)
    assert batch.state().startswith("Song 2 of 3 · 33 %")
    for song in (bad, worse):
        batch.failed.append((song, MissingFile("The file is gone.", hint="Bring it back.")))
        batch.settle(song.id)
    dialog.show_over(batch)
    assert dialog.outcome.text() == (
        "1 file is in Karaoke. “B” could not be exported: The file is gone. Bring it back."
        " So it went with 1 other song."
    )
    assert dialog.show_button.isVisible()
    again, _, _ = start(qtbot, dialog)
    assert again == [bad, worse]


def test_a_video_is_offered_only_where_the_song_came_from_one(
    qtbot: QtBot, look: Look, library: FakeLibrary, tmp_path: Path
) -> None:
    kept = Settings(export_folder=str(tmp_path))
    plain = shown(qtbot, ExportDialog(look, [library.add("A", original="original.mp4")], kept))
    assert not plain.video.isVisible()
    # what is in the file counts, not its name
    song = library.add("B", original="original.dat", has_picture=True)
    film = shown(qtbot, ExportDialog(look, [song], kept))
    assert film.video.isVisible()
    qtbot.mouseClick(film.video, Qt.MouseButton.LeftButton)
    assert previews(film)[2] == "B (Karaoke).mp4"
    _, output, _ = start(qtbot, film)
    assert output.video


def test_a_folder_is_chosen(qtbot: QtBot, dialog: ExportDialog, tmp_path: Path) -> None:
    qtbot.mouseClick(dialog.folder_button, Qt.MouseButton.LeftButton)
    chooser = dialog.findChild(QFileDialog, "folder_dialog")
    assert chooser is not None
    (tmp_path / "Songs").mkdir()
    chooser.fileSelected.emit(str(tmp_path / "Songs"))
    chooser.close()
    assert dialog.folder_label.text() == str(tmp_path / "Songs")
    assert dialog.output().folder == tmp_path / "Songs"


FOUR = ("vocals", "drums", "bass", "other")


def test_four_stems_and_the_mix_can_be_chosen(
    qtbot: QtBot, look: Look, library: FakeLibrary, tmp_path: Path
) -> None:
    song = library.add("Four", stems=FOUR)
    kept = Settings(export_folder=str(tmp_path))
    mix = Mix(voice=0.2, muted=frozenset({"bass"}))
    dialog = shown(qtbot, ExportDialog(look, [song], kept, None, mix))
    assert list(dialog.stems) == ["instrumental", "vocals", "mix", "drums", "bass", "other"]
    tip = dialog.stems["mix"].toolTip()
    assert "vocals 20 %, drums 100 %, bass 0 %, other 100 %<" in tip
    for stem in ("mix", "drums", "other"):
        qtbot.mouseClick(dialog.stems[stem], Qt.MouseButton.LeftButton)
    assert previews(dialog) == ["Four (Instrumental).flac", "Four (Vocals).flac", "and 3 more"]
    with qtbot.waitSignal(dialog.choices_changed) as blocker:
        _, _, stems = start(qtbot, dialog)
    assert stems == ("vocals", "instrumental", "drums", "other", "mix")
    pair = shown(qtbot, ExportDialog(look, [library.add("Pair")], blocker.args[0]))
    assert pair.chosen_stems() == ("vocals", "instrumental", "mix")
    assert set(pair.remembered().export_stems.split(",")) == set(stems), "kept for other songs"


def test_the_mix_alone_is_one_file(qtbot: QtBot, dialog: ExportDialog) -> None:
    for stem in ("vocals", "instrumental", "mix"):
        qtbot.mouseClick(dialog.stems[stem], Qt.MouseButton.LeftButton)
    assert previews(dialog) == ["Night- Bus (Mix).flac"]


def test_every_written_file_is_counted(song: Song, tmp_path: Path) -> None:
    files = {stem: tmp_path / stem for stem in ("mix", *FOUR[::-1])}
    result = replace(result_of(song), stem_paths=files, video_path=tmp_path / "film")
    names = [path.name for path in written_files(result)]
    assert names == [*FOUR, "mix", "film"]
