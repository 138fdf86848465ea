"""Which failures may be over in a moment, so that the same job is worth another try."""

from __future__ import annotations

import errno
from pathlib import Path

from karaoke_studio.errors import KaraokeError, LibraryLocked, SourceChanged
from karaoke_studio.paths import is_on_network

#: A file that is still being copied, another program at the library. All else would fail again.
CAN_PASS = (SourceChanged, LibraryLocked)
#: What a network says while it is away for a moment; files on a disk of this computer never do.
NETWORK_ERRNOS = {
    getattr(errno, name)
    for name in (
        *("ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ENETRESET"),
        *("ECONNRESET", "ECONNABORTED", "ECONNREFUSED", "ENOTCONN", "ESTALE", "EREMOTEIO"),
    )
    if hasattr(errno, name)
}


def can_pass(error: KaraokeError, song: Path) -> bool:
    """Whether the same job may go well in a moment.

    Args:
        error: why it failed.
        song: the file it was made from.
    """
    if isinstance(error, CAN_PASS) or error.errno in NETWORK_ERRNOS:
        return True
    # many shares say no more than that something went wrong; of a disk it says that it is broken
    return error.errno == errno.EIO and is_on_network(song)
