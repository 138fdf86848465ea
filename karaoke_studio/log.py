"""Logging: one rotating file, and hooks so that no exception ends unseen.

Songs are named by their numbers and files not at all, unless the person wants names in the log.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

log = logging.getLogger(__name__)

#: In the environment, children know it too.
_NAMES_VARIABLE = "KARAOKE_STUDIO_LOG_NAMES"
#: Quoted paths, which errors of the system bring along.
_QUOTED = re.compile(r"""(['"])(?:(?!\1).)*[/\\](?:(?!\1).)*\1""")
_FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"


class _LogFile(logging.handlers.RotatingFileHandler):
    """A log that is given up in silence where it cannot be written: no traceback on the screen."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class PrivateFormatter(logging.Formatter):
    """Leaves paths out of what is logged, unless `keep_names` says otherwise."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        text = super().format(record)
        if os.environ.get(_NAMES_VARIABLE):
            return text
        return "\n".join(
            # a traceback names places in the program
            line if line.lstrip().startswith('File "') else _QUOTED.sub("a file", line)
            for line in text.split("\n")
        )


def keep_names(on: bool) -> None:
    """Let names of songs and files into the logs of this process and its children, or not."""
    if on:
        os.environ[_NAMES_VARIABLE] = "1"
    else:
        os.environ.pop(_NAMES_VARIABLE, None)
    tell_names()


def tell_names() -> None:
    """Log names where they are wanted: what has names in it is said at the level DEBUG."""
    wanted = logging.DEBUG if os.environ.get(_NAMES_VARIABLE) else logging.NOTSET
    logging.getLogger("karaoke_studio").setLevel(wanted)


def start_logging(file: Path, *, level: int = logging.INFO) -> None:
    """Send all logging to a rotating file (1 MB, three old ones)."""
    root = logging.getLogger()
    root.setLevel(level)
    handler = _LogFile(
        file,
        maxBytes=1_000_000,
        backupCount=3,
        encoding="utf-8",
        delay=True,
        # file names in other encodings come as lone surrogates
        errors="backslashreplace",
    )
    handler.setFormatter(PrivateFormatter(_FORMAT))
    root.addHandler(handler)


def log_uncaught(tell: Callable[[BaseException], None] | None = None) -> None:
    """Log what nobody caught, in the main thread and in others.

    Args:
        tell: called after that, in the thread that it happened in; not for Ctrl-C and exits.
    """

    def from_main(kind: type[BaseException], exc: BaseException, tb: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, exc, tb)
            return
        log.critical("uncaught error", exc_info=(kind, exc, tb))
        if tell is not None and isinstance(exc, Exception):
            tell(exc)

    def from_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            log.critical(
                "uncaught error in thread %s",
                args.thread.name if args.thread else "?",
                exc_info=(args.exc_type, args.exc_value, args.exc_traceback),
            )
        if tell is not None and isinstance(args.exc_value, Exception):
            tell(args.exc_value)

    sys.excepthook = from_main
    threading.excepthook = from_thread
