"""A *media* child that lets FFmpeg guess what a file is, and open what it names: a mutant."""

from __future__ import annotations

import io
from pathlib import Path

import av
from av.container import InputContainer

from karaoke_studio.audio import av_reader, decode, importing
from karaoke_studio.audio.sniff import Container
from karaoke_studio.worker.child import main


def _guess(*_: object) -> Container:
    return Container("mp3", "av", "mp3")


def _open(file: io.FileIO, _container: Container, _name: str) -> InputContainer:
    return av.open(str(Path(f"/proc/self/fd/{file.fileno()}").readlink()), "r")


if __name__ == "__main__":
    decode.identify = importing.sniff = _guess  # type: ignore[attr-defined]
    av_reader.open_container = _open
    main()
