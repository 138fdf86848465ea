"""What each tag format calls the fields of `tags.Tags`."""

from __future__ import annotations

ID3_FRAMES = {
    "title": "TIT2",
    "artist": "TPE1",
    "album": "TALB",
    "album_artist": "TPE2",
    "track": "TRCK",
    "disc": "TPOS",
    "date": "TDRC",
    "genre": "TCON",
    "composer": "TCOM",
}
#: The first name of a row is the one that we write.
VORBIS_KEYS = {
    "title": ("title",),
    "artist": ("artist",),
    "album": ("album",),
    "album_artist": ("albumartist", "album artist", "album_artist"),
    "track": ("tracknumber", "track"),
    "disc": ("discnumber", "disc"),
    "date": ("date", "year"),
    "genre": ("genre",),
    "comment": ("comment", "description"),
    "composer": ("composer",),
    "lyrics": ("lyrics", "syncedlyrics", "unsyncedlyrics", "unsynced lyrics"),
}
MP4_ATOMS = {
    "title": "\xa9nam",
    "artist": "\xa9ART",
    "album": "\xa9alb",
    "album_artist": "aART",
    "date": "\xa9day",
    "genre": "\xa9gen",
    "comment": "\xa9cmt",
    "composer": "\xa9wrt",
    "lyrics": "\xa9lyr",
}
ASF_KEYS = {
    "title": ("Title",),
    "artist": ("Author",),
    "album": ("WM/AlbumTitle",),
    "album_artist": ("WM/AlbumArtist",),
    "track": ("WM/TrackNumber",),
    "disc": ("WM/PartOfSet",),
    "date": ("WM/Year",),
    "genre": ("WM/Genre",),
    "comment": ("Description",),
    "composer": ("WM/Composer",),
    "lyrics": ("WM/Lyrics",),
}
