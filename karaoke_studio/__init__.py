"""Karaoke Studio: a song in, an exact karaoke pair out.

The street through the house: file → decode → separate → store → show / play / export.
Read `pipeline.py` (one screen), then `app.py` (what is connected to what).

Glossary:
    song    one entry of the library: an original, its tags, its takes.
    take    one separation of a song by one engine: its stems.
    stem    vocals or instrumental; always as long as the song.
    frame   one sample on all channels at one moment.
    job     one song on its way through the pipeline.
    staging the folder a job works in until everything is finished and published.
"""

__version__ = "0.1.0"
