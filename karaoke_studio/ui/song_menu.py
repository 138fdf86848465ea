"""The menu of one song or of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QWidget

from karaoke_studio.library.finder import SongRow
from karaoke_studio.library.manifest import COLOURS
from karaoke_studio.library.playlists import Playlist
from karaoke_studio.ui import icons, keys, text
from karaoke_studio.ui.theme import Look

#: More tags than these are typed.
_MOST_LABELS = 20


@dataclass(frozen=True)
class MenuFacts:
    """What the menu of songs needs to know.

    Attributes:
        rows: the songs that are chosen.
        playlists: all set lists.
        shelf: the set list that is shown, or None.
        engines: that can make a song again.
        labels: all that songs have, the most used first.
        look: the theme, for the colours.
    """

    rows: Sequence[SongRow]
    playlists: Sequence[Playlist] = ()
    shelf: Playlist | None = None
    engines: Sequence[str] = field(default_factory=list)
    labels: Sequence[str] = ()
    look: Look | None = None


@dataclass(frozen=True)
class Wishes:
    """What happens on the entries of the menu; each is told what it needs besides the songs."""

    open: Callable[[], None]
    play: Callable[[], None]
    favourite: Callable[[bool], None]
    rate: Callable[[int], None]
    add_to: Callable[[str], None]
    take_out: Callable[[], None]
    edit: Callable[[], None]
    redo: Callable[[str], None]
    export: Callable[[], None]
    show_folder: Callable[[], None]
    remove: Callable[[], None]
    label: Callable[[str, bool], None]
    new_label: Callable[[], None]
    colour: Callable[[str], None]
    edit_many: Callable[[], None]
    erase: Callable[[], None]


def build_song_menu(parent: QWidget, facts: MenuFacts, wishes: Wishes) -> QMenu:
    """Return the menu of the chosen songs."""
    menu = QMenu(parent)
    menu.setObjectName("song_menu")
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    is_one, many = len(facts.rows) == 1, f"{len(facts.rows):,} songs"

    def add(words: str, wish: Callable[[], None], shortcut: str = "", *, one: bool = False) -> None:
        hint = f"\t{keys.native((shortcut,))}" if shortcut else ""
        action = menu.addAction(words + hint)
        action.triggered.connect(lambda _on=False: wish())
        action.setEnabled(is_one or not one)

    add("Open", wishes.open, "Return", one=True)
    add("Play", wishes.play, one=True)
    menu.addSeparator()
    star = menu.addAction(f"Favourite\t{keys.native(('Ctrl+D',))}")
    star.setCheckable(True)
    star.setChecked(all(row.favourite for row in facts.rows))
    star.triggered.connect(wishes.favourite)
    _add_ratings(menu.addMenu("Rating"), facts, wishes)
    _add_labels(menu.addMenu("Tags"), facts, wishes)
    _add_colours(menu.addMenu("Colour"), facts, wishes)
    _add_set_lists(menu.addMenu("Add to set list"), facts, wishes)
    if facts.shelf is not None:
        add(f"Take out of “{_name(facts.shelf.name)}”", wishes.take_out)
    menu.addSeparator()
    edit = "Edit details…" if is_one else f"Edit {many} together…"
    add(edit, wishes.edit if is_one else wishes.edit_many, "Ctrl+I")
    _add_engines(menu.addMenu("Redo with"), facts, wishes)
    add("Export…" if is_one else f"Export {many}…", wishes.export, "Ctrl+E")
    add("Show in folder", wishes.show_folder, one=True)
    menu.addSeparator()
    add("Remove" if is_one else f"Remove {many}", wishes.remove, "Delete")
    add("Delete everywhere…", wishes.erase)
    return menu


def _add_ratings(menu: QMenu, facts: MenuFacts, wishes: Wishes) -> None:
    menu.setObjectName("rating_menu")
    given = {row.rating for row in facts.rows}
    for rating in range(5, -1, -1):
        action = menu.addAction(text.rating(rating))
        action.setCheckable(True)
        action.setChecked(given == {rating})
        action.triggered.connect(lambda _on=False, rating=rating: wishes.rate(rating))


def _add_labels(menu: QMenu, facts: MenuFacts, wishes: Wishes) -> None:
    menu.setObjectName("labels_menu")
    on_all = _shared_labels(facts.rows)
    own = {label for row in facts.rows for label in row.label_list}
    often = [label for label in facts.labels if label not in own][:_MOST_LABELS]
    for label in sorted({*own, *often}, key=str.casefold):
        action = menu.addAction(_name(label))
        action.setCheckable(True)
        action.setChecked(label in on_all)
        action.triggered.connect(lambda on, label=label: wishes.label(label, on))
    if own or often:
        menu.addSeparator()
    menu.addAction("New tag…").triggered.connect(lambda _on=False: wishes.new_label())


def _shared_labels(rows: Sequence[SongRow]) -> set[str]:
    shared = set(rows[0].label_list)
    for row in rows[1:]:
        shared &= set(row.label_list)
    return shared


def _add_colours(menu: QMenu, facts: MenuFacts, wishes: Wishes) -> None:
    menu.setObjectName("colour_menu")
    given = {row.colour for row in facts.rows}
    for colour in ("", *COLOURS):
        action = menu.addAction(text.colour(colour))
        action.setCheckable(True)
        action.setChecked(given == {colour})
        if colour and facts.look is not None:
            action.setIcon(icons.icon("circle-fill", facts.look.tokens.mark(colour)))
        action.triggered.connect(lambda _on=False, colour=colour: wishes.colour(colour))


def _add_set_lists(menu: QMenu, facts: MenuFacts, wishes: Wishes) -> None:
    menu.setObjectName("set_list_menu")
    for found in facts.playlists:
        action = menu.addAction(_name(found.name))
        action.triggered.connect(lambda _on=False, key=found.id: wishes.add_to(key))
    if facts.playlists:
        menu.addSeparator()
    menu.addAction("New set list").triggered.connect(lambda _on=False: wishes.add_to(""))


def _add_engines(menu: QMenu, facts: MenuFacts, wishes: Wishes) -> None:
    menu.setObjectName("redo_menu")
    menu.setEnabled(bool(facts.engines))
    for engine in facts.engines:
        action = menu.addAction(_name(text.engine(engine)))
        action.triggered.connect(lambda _on=False, engine=engine: wishes.redo(engine))


def _name(words: str) -> str:
    """Return a name as a menu shows it: "&" would underline the letter after it."""
    return text.one_line(words).replace("&", "&&")
