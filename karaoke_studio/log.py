"""Logging: one rotating file, and hooks so that no exception ends unseen."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

log = logging.getLogger(__name__)

_FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"


class _LogFile(logging.handlers.RotatingFileHandler):
    """A log that is given up in silence where it cannot be written: no traceback on the screen."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


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
    handler.setFormatter(logging.Formatter(_FORMAT))
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
