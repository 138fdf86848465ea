"""Moves a library as the window does: `python -m … DATA INTO [MUTANT]`; says "moved" when it is."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from karaoke_studio.library.move import PlannedMove, copy_library, plan_move, settle_move
from karaoke_studio.paths import DataFolder
from karaoke_studio.settings import load_settings, save_settings


def library_of(data: DataFolder) -> Path:
    """Return the library that the settings name."""
    own = load_settings(data.settings_file).library_folder
    return Path(own) if own else data.library


def switch(data: DataFolder, move: PlannedMove) -> None:
    """Let the settings name the new library."""
    settings = load_settings(data.settings_file)
    save_settings(replace(settings, library_folder=str(move.new)), data.settings_file)


def main() -> None:
    """Copy, switch, and remove what is no longer needed."""
    data, into = DataFolder(Path(sys.argv[1])), Path(sys.argv[2])
    move = plan_move(library_of(data), into)
    print("planned", flush=True)
    if "hasty" in sys.argv[3:]:
        switch(data, move)
    copy_library(move, data.move_journal, lambda _fraction: None, lambda: None)
    switch(data, move)
    settle_move(data.move_journal, move.new)
    print("moved", flush=True)


if __name__ == "__main__":
    main()
