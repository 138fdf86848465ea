"""The door: window, terminal, or one of our own child processes.

Nothing heavy is imported here; a child process must be up in tens of milliseconds.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(argv: list[str] | None = None) -> int:
    """Start what the arguments ask for and return the exit status.

    No arguments, or files: the window. `--worker`: a child process. All else: the terminal.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["--worker"]:
        from karaoke_studio.worker.child import main as run_child

        run_child(arguments[1:])
        return 0
    _replace_missing_streams()
    if arguments and not _are_files(arguments) and arguments[0] != "--smoke":
        from karaoke_studio.cli import main as run_terminal

        return run_terminal(arguments)
    if arguments[:1] == ["--smoke"]:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    elif not has_display():
        print(
            "There is no display to open the window on. In a terminal: karaoke-studio make SONG",
            file=sys.stderr,
        )
        return 2
    from karaoke_studio.app import run_window

    return run_window([Path(a) for a in arguments if a != "--smoke"], smoke="--smoke" in arguments)


def _are_files(arguments: list[str]) -> bool:
    try:
        return all(not a.startswith("-") and Path(a).exists() for a in arguments)
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False


def has_display() -> bool:
    """Whether a window can be opened (on Linux that takes an X or Wayland display)."""
    if sys.platform in {"win32", "darwin"} or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _replace_missing_streams() -> None:
    """Give a windowed program, which has none, streams that swallow."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            stream = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
            setattr(sys, name, stream)


if __name__ == "__main__":
    sys.exit(main())
