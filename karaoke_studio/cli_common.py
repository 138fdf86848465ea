"""What all commands of the terminal share: how they answer, complain, and are stopped."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from karaoke_studio.errors import EXIT_CANCELLED, EXIT_FAILED, KaraokeError
from karaoke_studio.progress import Cancelled


def complain(error: KaraokeError) -> None:
    """Say on stderr what went wrong and what to do."""
    print(f"karaoke-studio: {error.message} {error.hint}".rstrip(), file=sys.stderr)


def print_json(facts: dict[str, Any]) -> None:
    """Print an object on a line of its own."""
    print(json.dumps(facts, ensure_ascii=False), flush=True)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def told_to_the_end(run: Callable[[], int], *, as_json: bool) -> int:
    """Run a command and return its exit status; say how it ended where it was not well."""
    try:
        return run()
    except Cancelled:
        if as_json:
            error = {"code": Cancelled.code, "message": "It was cancelled.", "hint": ""}
            print_json({"status": "cancelled", "error": error})
        return EXIT_CANCELLED
    except KaraokeError as exc:
        complain(exc)
        if as_json:
            print_json({"status": "failed", "error": exc.to_json()})
        return EXIT_FAILED
