"""The menus of the list of songs: its order, and which songs it leaves out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from karaoke_studio.library.finder import SORTS, Found, Query
from karaoke_studio.library.manifest import COLOURS
from karaoke_studio.ui import icons, text
from karaoke_studio.ui.theme import Look

#: More tags than these are found by typing.
_MOST_LABELS = 25

Ask = Callable[..., None]


def _new_menu(parent: QWidget, name: str) -> QMenu:
    menu = QMenu(parent)
    menu.setObjectName(name)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return menu


def build_sort_menu(parent: QWidget, query: Query, ask: Ask) -> QMenu:
    """Return the menu of orders; `ask` is called with the fields of `Query` that change."""
    menu = _new_menu(parent, "sort_menu")
    group = QActionGroup(menu)
    for sort in SORTS:
        action = menu.addAction(text.sort(sort))
        action.setCheckable(True)
        action.setChecked(sort == query.sort)
        action.setActionGroup(group)
        action.setEnabled(not query.playlist_id)
        action.triggered.connect(lambda _on=False, sort=sort: ask(sort=sort))
    menu.addSeparator()
    if query.playlist_id:
        menu.addAction("A set list has your own order: drag its songs").setEnabled(False)
        return menu
    backwards = menu.addAction("The other way round")
    backwards.setCheckable(True)
    backwards.setChecked(query.backwards)
    backwards.triggered.connect(lambda on: ask(backwards=on))
    return menu


def build_filter_menu(
    parent: QWidget, look: Look, found: Found, query: Query, ask: Ask, save: Callable[[], None]
) -> QMenu:
    """Return the menu of filters; `save` makes a smart list of what is shown."""
    menu = _new_menu(parent, "filter_menu")
    recent = menu.addAction("Added or played in the last 30 days")
    recent.setCheckable(True)
    recent.setChecked(query.recent)
    recent.triggered.connect(lambda on: ask(recent=on))
    unplayed = menu.addAction("Never played")
    unplayed.setCheckable(True)
    unplayed.setChecked(query.unplayed)
    unplayed.triggered.connect(lambda on: ask(unplayed=on))
    menu.addSeparator()
    stars = [("Any rating", 0), *((f"{'★' * n} or more", n) for n in range(5, 0, -1))]
    _choices(
        menu.addMenu("Rating"), "rating_filter", stars, query.least_rating, "least_rating", ask
    )
    _add_labels(menu, found, query, ask)
    colours = menu.addMenu("Colour")
    shades = [("Any colour", ""), *((text.colour(name), name) for name in COLOURS)]
    _choices(colours, "colour_filter", shades, query.colour, "colour", ask)
    for action in colours.actions()[1:]:
        action.setIcon(icons.icon("circle-fill", look.tokens.mark(action.data())))
    names = sorted(found.engines, key=text.engine)
    if query.engine and query.engine not in names:
        names.append(query.engine)
    engines = [
        ("Any engine", ""),
        *((f"Made by {text.engine(name)}".replace("&", "&&"), name) for name in names),
    ]
    _choices(menu.addMenu("Engine"), "engine_filter", engines, query.engine, "engine", ask)
    menu.addSeparator()
    clear = menu.addAction("Show all of them again")
    clear.setEnabled(query.has_filter())
    clear.triggered.connect(
        lambda: ask(recent=False, unplayed=False, least_rating=0, label="", colour="", engine="")
    )
    keep = menu.addAction("Save as smart list")
    keep.setEnabled(query.narrows() and not query.playlist_id)
    keep.triggered.connect(lambda: save())
    return menu


def _add_labels(menu: QMenu, found: Found, query: Query, ask: Ask) -> None:
    often = sorted(found.labels, key=lambda name: (-found.labels[name], name.casefold()))
    names = sorted({*often[:_MOST_LABELS], *filter(None, [query.label])}, key=str.casefold)
    inner = menu.addMenu("Tag")
    inner.setEnabled(bool(names))
    options = [("Any tag", ""), *((text.one_line(name).replace("&", "&&"), name) for name in names)]
    _choices(inner, "label_filter", options, query.label, "label", ask)


def _choices(
    menu: QMenu,
    name: str,
    options: Sequence[tuple[str, object]],
    now: object,
    field: str,
    ask: Ask,
) -> None:
    menu.setObjectName(name)
    group = QActionGroup(menu)
    for words, value in options:
        action = menu.addAction(words)
        action.setData(value)
        action.setCheckable(True)
        action.setChecked(value == now)
        action.setActionGroup(group)
        action.triggered.connect(lambda _on=False, value=value: ask(**{field: value}))
