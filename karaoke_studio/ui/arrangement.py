"""Where the window's panels are: what fills the middle, and where the queue lies."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from karaoke_studio.ui.banner import Banners
from karaoke_studio.ui.drop_area import DropArea
from karaoke_studio.ui.queue_panel import QueuePanel
from karaoke_studio.ui.song_in_work import SongInWork
from karaoke_studio.ui.song_view import SongView
from karaoke_studio.ui.songs_list import SongsList
from karaoke_studio.ui.status_bar import StatusBar
from karaoke_studio.ui.toolbar import Toolbar
from karaoke_studio.ui.wide_list import WideList

SIDE_WIDTH, SIDE_COVERS_WIDTH = 280, 76


class Arrangement(QObject):
    """Lays the panels out and puts them where they belong.

    Attributes:
        page: the whole of the window; takes the focus that nobody else wants.
        middle: shows the drop area, the song, the song in work, or the queue.
        splitter: between the list of songs and the middle.

    Thread: GUI.
    """

    def __init__(
        self,
        toolbar: Toolbar,
        banners: Banners,
        songs_list: SongsList,
        drop_area: DropArea,
        song_view: SongView,
        song_in_work: SongInWork,
        queue_panel: QueuePanel,
        status_bar: StatusBar,
        wide_list: WideList,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._toolbar, self._songs, self._drop_area = toolbar, songs_list, drop_area
        self._song_view, self._work = song_view, song_in_work
        self._queue_panel, self._status_bar = queue_panel, status_bar
        self._wide = wide_list
        self.middle = QStackedWidget()
        self.middle.addWidget(song_in_work)
        self.middle.addWidget(drop_area)
        self.middle.addWidget(song_view)
        self.middle.addWidget(wide_list)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setObjectName("main_splitter")
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(songs_list)
        self.splitter.addWidget(self.middle)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([SIDE_WIDTH, 1000])
        self.page = QWidget()
        # Takes the focus at first and from clicks beside the controls: no ring, all keys work.
        self.page.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._column = QVBoxLayout(self.page)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        for part in (toolbar, banners, self.splitter, queue_panel, status_bar):
            self._column.addWidget(part)
        self._column.setStretchFactor(self.splitter, 1)

    def splitters(self) -> list[QSplitter]:
        """Return the splitters whose places are remembered."""
        return [self.splitter, self._song_view.splitter]

    def show_side(self, width: int, *, narrow: bool) -> None:
        """Give the list its usual width, or that of its covers; `width` is the window's."""
        side = SIDE_COVERS_WIDTH if narrow else SIDE_WIDTH
        self.splitter.setSizes([side, width - side])

    def arrange(self, *, song_open: bool, making: bool, wide: bool = False) -> None:
        """Put the queue where it belongs: the whole middle until there is a song, then a strip.

        Args:
            song_open: whether a song of the library is open.
            making: whether the song that is made is shown.
            wide: whether all songs are shown in their stead.
        """
        has_songs = bool(self._songs.total())
        filled = self._queue_panel.is_filled()
        roomy = filled and not song_open and not making and not wide
        if roomy != (self._queue_panel.parentWidget() is self.middle):
            if roomy:
                self.middle.addWidget(self._queue_panel)
            else:
                above = self._column.indexOf(self._status_bar)
                self._column.insertWidget(above, self._queue_panel)
            self._queue_panel.set_roomy(roomy)
        self._queue_panel.setVisible(filled)
        page: QWidget = self._queue_panel if roomy else self._drop_area
        if song_open or making:
            page = self._work if making else self._song_view
        if wide:
            page = self._wide
        self.middle.setCurrentWidget(page)
        self._songs.setVisible(has_songs)
        self._toolbar.set_welcome(page is self._drop_area and not has_songs)
        self._drop_area.set_welcome(not has_songs)
        self._toolbar.export_button.setVisible(song_open)
