"""What stays private and safe: names out of the logs, mark-up out of labels, values out of SQL."""

from __future__ import annotations

import ast
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from karaoke_studio import log as log_module
from karaoke_studio.paths import DataFolder
from karaoke_studio.settings import Settings, save_settings
from tests.helpers.signals import noise
from tests.helpers.street import write_song

PACKAGE = Path(__file__).parents[1] / "karaoke_studio"
SECRET = "Grandmother's Lullaby 1962"


def calls_in(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def callee(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)


# -- labels, tooltips, boxes -----------------------------------------------------------------------

#: Widgets and calls that read mark-up; none of them is used.
MARKUP = {"QTextEdit", "QTextBrowser", "QTextDocument", "QStaticText", "setHtml", "insertHtml"}
MARKUP |= {"setWhatsThis", "setDetailedText", "RichText", "AutoText", "MarkdownText"}
#: Tooltips made of the program's own words: what they are put together from.
OWN_WORDS = {
    "ui/edit_many.py": {"name.capitalize()", "words"},
    "ui/fader.py": {"tip", "self.slider.usual"},
    "ui/job_row.py": {"word"},
    "ui/labels.py": {"says"},
    "ui/making.py": {"explain(self._devices)", "tip", "command"},
    "ui/output_meter.py": {"said"},
    "ui/pan.py": {"self._words", "where"},
    "ui/queue_panel.py": {"tip", "word"},
    "ui/setting_rows.py": {"what.tip"},
    "ui/song_details.py": {"_NAMES[name]"},
    "ui/transport.py": {"_NAMES[stem].lower()", "key", "word", "value"},
    "ui/tune_controls.py": {"tip"},
}


def foreign_words(words: ast.expr, own: set[str]) -> list[str]:
    """Return the parts of a tooltip that are neither constant, nor escaped, nor known."""
    if isinstance(words, ast.Constant) or ast.unparse(words) in own:
        return []
    if isinstance(words, ast.IfExp):
        return foreign_words(words.body, own) + foreign_words(words.orelse, own)
    if isinstance(words, ast.BoolOp):
        return [word for part in words.values for word in foreign_words(part, own)]
    if isinstance(words, ast.JoinedStr):
        parts = [part.value for part in words.values if isinstance(part, ast.FormattedValue)]
        return [word for part in parts for word in foreign_words(part, own)]
    if isinstance(words, ast.Call) and ast.unparse(words.func) in {"text.tooltip", "tooltip"}:
        return []
    if isinstance(words, ast.Name) and words.id.isupper():
        return []
    return [ast.unparse(words)]


def test_tooltips_are_escaped_or_the_programs_own_words() -> None:
    found, known = [], 0
    for name, tree in sources():
        for call in calls_in(tree):
            if callee(call) in {"setToolTip", "showText"}:
                words = call.args[0 if callee(call) == "setToolTip" else 1]
                known += 1
                foreign = foreign_words(words, OWN_WORDS.get(name, set()))
                found += [f"{name}:{call.lineno} {word}" for word in foreign]
    assert known > 30
    assert found == [], "wrap it in text.tooltip(), or say in OWN_WORDS that no name is in it"


def test_nothing_reads_mark_up() -> None:
    found = []
    for name, tree in sources():
        for node in ast.walk(tree):
            used = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
            if used in MARKUP:
                found.append(f"{name}:{node.lineno} {used}")  # type: ignore[attr-defined]
    assert found == []


def test_labels_and_boxes_say_that_their_words_are_plain() -> None:
    found, classes = [], 0
    for name, tree in sources():
        scopes = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef | ast.FunctionDef)]
        for scope in scopes:
            text = ast.unparse(scope)
            if isinstance(scope, ast.ClassDef):
                if "QLabel" in {ast.unparse(base) for base in scope.bases}:
                    classes += 1
                    if "setTextFormat(Qt.TextFormat.PlainText)" not in text:
                        found.append(f"{name}: {scope.name}")
                continue
            for call in calls_in(scope):
                made = ast.unparse(call.func)
                if made == "QLabel" and call.args:
                    found.append(f"{name}:{call.lineno} a label that is not ours")
                if made == "QMessageBox" and "setTextFormat(Qt.TextFormat.PlainText)" not in text:
                    found.append(f"{name}:{call.lineno} a box")
                if made.startswith("QMessageBox."):
                    found.append(f"{name}:{call.lineno} {made}")
    assert classes >= 2
    assert found == []


@pytest.mark.parametrize(
    ("words", "is_safe"),
    [
        ("'Play'", True),
        ("text.tooltip(song.title)", True),
        ("'' if ready else text.tooltip(title)", True),
        ("song.title", False),
        ("f'Play {song.title}'", False),
        ("'Play' if ready else title", False),
        ("'Play ' + title", False),
        ("title or 'Play'", False),
    ],
)
def test_the_lint_of_tooltips_can_fail(words: str, is_safe: bool) -> None:
    expression = ast.parse(words, mode="eval").body
    assert (foreign_words(expression, {"tip"}) == []) == is_safe


# -- SQL -------------------------------------------------------------------------------------------

#: Names put into statements: columns and marks that the program itself made, never a value.
SQL_NAMES = {
    "library/edits.py": {"', '.join(sets)", "columns", "marks", "news"},
    "library/job_store.py": {"marks"},
    "library/schema.py": {"check", "goal", "statement"},
    # handed on by methods whose own callers are looked at below
    "library/songs.py": {"statement"},
    "library/statistics.py": {"statement"},
}
ASKING = {"execute", "executemany", "executescript", "_select", "_rows", "_one"}


def foreign_values(statement: ast.expr, known: set[str]) -> list[str]:
    """Return what of a statement is neither constant nor a known name."""
    if isinstance(statement, ast.Constant) or ast.unparse(statement) in known:
        return []
    if isinstance(statement, ast.IfExp):
        return foreign_values(statement.body, known) + foreign_values(statement.orelse, known)
    if isinstance(statement, ast.JoinedStr):
        parts = [part.value for part in statement.values if isinstance(part, ast.FormattedValue)]
        return [value for part in parts for value in foreign_values(part, known)]
    if isinstance(statement, ast.Name) and statement.id.strip("_").isupper():
        return []
    return [ast.unparse(statement)]


def test_values_never_stand_in_sql() -> None:
    found, known = [], 0
    for name, tree in sources():
        if not name.startswith("library/"):
            continue
        for call in calls_in(tree):
            if callee(call) in ASKING and call.args:
                known += 1
                foreign = foreign_values(call.args[0], SQL_NAMES.get(name, set()))
                found += [f"{name}:{call.lineno} {value}" for value in foreign]
    assert known > 50
    assert found == [], "pass values as parameters; names of columns belong into SQL_NAMES"


@pytest.mark.parametrize(
    ("statement", "is_safe"),
    [
        ("'SELECT 1'", True),
        ("f'SELECT {COLUMNS} FROM songs'", True),
        ("f'SELECT * FROM songs WHERE title = {title}'", False),
        ("'SELECT * FROM songs WHERE title = %s' % title", False),
        ("'SELECT * FROM songs WHERE title = ' + title", False),
        ("'SELECT {}'.format(title)", False),
    ],
)
def test_the_lint_of_sql_can_fail(statement: str, is_safe: bool) -> None:
    assert (foreign_values(ast.parse(statement, mode="eval").body, set()) == []) == is_safe


# -- logs ------------------------------------------------------------------------------------------


def make_songs(folder: Path) -> list[Path]:
    whole = write_song(folder / f"{SECRET}.wav", noise(1.5, 8000, 1), 8000, "PCM_16")
    broken = folder / f"{SECRET} (broken).flac"
    broken.write_bytes(b"fLaC" + bytes(5000))
    gone = folder / f"{SECRET} (gone).mp3"
    short = write_song(folder / f"{SECRET} (short).wav", noise(0.2, 8000, 1), 8000, "PCM_16")
    return [whole, broken, gone, short]


def logs_of(data: DataFolder) -> str:
    files = sorted(data.logs.glob("*"))
    assert len(files) >= 2  # the program's and a child's
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("are_wanted", [False, True])
def test_logs_name_no_songs_unless_they_shall(tmp_path: Path, are_wanted: bool) -> None:
    data = DataFolder(tmp_path / "data").create()
    save_settings(replace(Settings(), log_names=are_wanted), data.settings_file)
    songs = make_songs(tmp_path)
    command = [sys.executable, "-m", "karaoke_studio", "library", "add", "--engine", "centre"]
    command += [*map(str, songs), "--data-dir", str(data.root), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.count('"completed"') == 1
    written = logs_of(data)
    assert "job" in written
    assert (SECRET in written) == are_wanted, written


def test_paths_in_errors_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KARAOKE_STUDIO_LOG_NAMES", raising=False)
    formatter = log_module.PrivateFormatter("%(message)s")
    try:
        (tmp_path / SECRET / "x").read_bytes()
    except OSError:
        record = logging.LogRecord("x", 40, "x", 1, "it broke", None, sys.exc_info())
    told = formatter.format(record)
    assert SECRET not in told
    assert "FileNotFoundError: [Errno 2]" in told
    assert Path(__file__).name in told  # where it happened stays
    log_module.keep_names(True)
    try:
        record.exc_text = None
        assert SECRET in formatter.format(record)
    finally:
        log_module.keep_names(False)


def test_the_logs_of_a_child_turn_their_pages(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data").create()
    full = data.logs / "transfer.log"
    full.write_bytes(b"x" * 2_000_000)
    song = make_songs(tmp_path)[0]
    command = [sys.executable, "-m", "karaoke_studio", "library", "add", "--engine", "centre"]
    command += [str(song), "--data-dir", str(data.root)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert full.stat().st_size < 1_000_000
    assert full.with_name("transfer.log.1").stat().st_size == 2_000_000


# -- the data folder -------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_seed_001_15_only_the_person_can_look_into_the_data_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    song = make_songs(tmp_path)[0]
    command = ["sh", "-c", 'umask 0; exec "$@"', "sh", sys.executable, "-m", "karaoke_studio"]
    command += ["library", "add", "--engine", "centre", str(song), "--data-dir", str(data)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
