"""Adds Karaoke Studio to the desktop's menu: a .desktop file and its icons, for this user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "karaoke-studio"
ENTRY = """\
[Desktop Entry]
Type=Application
Name=Karaoke Studio
GenericName=Karaoke Maker
Comment=Turn any song into karaoke
Exec="{program}" %F
Icon={name}
Terminal=false
Categories=AudioVideo;Audio;Music;
MimeType=audio/mpeg;audio/flac;audio/x-wav;audio/ogg;audio/mp4;audio/x-m4a;audio/opus;audio/aac;\
audio/x-ms-wma;audio/x-aiff;video/mp4;video/x-matroska;video/webm;video/quicktime;inode/directory;
StartupWMClass=karaoke-studio
"""


def main() -> int:
    """Write the entry and say where."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    entry = data / "applications" / f"{NAME}.desktop"
    entry.parent.mkdir(parents=True, exist_ok=True)
    program = ROOT / ".venv" / "bin" / NAME
    entry.write_text(ENTRY.format(program=program, name=NAME), encoding="utf-8")
    icons = data / "icons" / "hicolor"
    scalable = icons / "scalable" / "apps"
    scalable.mkdir(parents=True, exist_ok=True)
    svg = ROOT / "resources" / "icons" / f"{NAME}.svg"
    (scalable / svg.name).write_bytes(svg.read_bytes())
    command = [sys.executable, str(ROOT / "packaging" / "icons.py"), str(icons)]
    subprocess.run(command, check=True)
    print(f"Menu entry: {entry}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
