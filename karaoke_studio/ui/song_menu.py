"""The menu of one song or of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QWidget

from karaoke_studio.library.finder import SongRow
from karaoke_studio.library.playlists import Playlist
from karaoke_studio.ui import keys, text


@dataclass(frozen=True)
class MenuFacts:
    """What the menu of songs needs to know.

    Attributes:
        rows: the songs that are chosen.
        playlists: all set lists.
        shelf: the set list that is shown, or None.
        engines: that can make a song again.
    """

    rows: Sequence[SongRow]
    playlists: Sequence[Playlist] = ()
    shelf: Playlist | None = None
    engines: Sequence[str] = field(default_factory=list)


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
    _add_set_lists(menu.addMenu("Add to set list"), facts, wishes)
    if facts.shelf is not None:
        add(f"Take out of “{_name(facts.shelf.name)}”", wishes.take_out)
    menu.addSeparator()
    add("Edit details…", wishes.edit, "Ctrl+I", one=True)
    _add_engines(menu.addMenu("Redo with"), facts, wishes)
    add("Export…" if is_one else f"Export {many}…", wishes.export, "Ctrl+E")
    add("Show in folder", wishes.show_folder, one=True)
    menu.addSeparator()
    add("Remove" if is_one else f"Remove {many}", wishes.remove, "Delete")
    return menu


def _add_ratings(menu: QMenu, facts: MenuFacts, wishes: Wishes) -> None:
    menu.setObjectName("rating_menu")
    given = {row.rating for row in facts.rows}
    for rating in range(5, -1, -1):
        action = menu.addAction(text.rating(rating))
        action.setCheckable(True)
        action.setChecked(given == {rating})
        action.triggered.connect(lambda _on=False, rating=rating: wishes.rate(rating))


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
