"""A *media* child that tries for ever where no decoder takes a file: a mutant."""

from __future__ import annotations

import io
import time

from karaoke_studio.audio import decode
from karaoke_studio.audio.sniff import Container
from karaoke_studio.errors import CorruptAudio
from karaoke_studio.worker.child import main

_true_open = decode._open_reader


def _open(file: io.FileIO, container: Container, name: str) -> decode.Reader:
    while True:
        try:
            return _true_open(file, container, name)
        except CorruptAudio:
            time.sleep(0.1)


if __name__ == "__main__":
    decode._open_reader = _open
    main()
