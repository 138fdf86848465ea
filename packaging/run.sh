#!/usr/bin/env bash
# The main job: the window; with files, or without a display, karaoke in the terminal.
set -euo pipefail
program="$(dirname "$0")/../.venv/bin/karaoke-studio"
if [ $# -gt 0 ]; then
  exec "$program" make --out karaoke "$@"
fi
if [ "$(uname)" != Linux ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  exec "$program"
fi
echo "There is no display, so karaoke of the demo song is made here, into the folder karaoke."
exec "$program" make --out karaoke --overwrite "$(dirname "$0")/../resources/demo/demo.opus"
