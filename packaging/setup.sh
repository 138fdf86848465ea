#!/usr/bin/env bash
# Sets up everything the program needs: system packages (Debian, Ubuntu), .venv, pinned packages.
#
#   packaging/setup.sh run      what the program needs
#   packaging/setup.sh dev      and what tests and linters need
#   packaging/setup.sh package  what the program needs, and what packs it
#
# Safe to repeat, and quick when nothing has changed. DESKTOP=1 also adds a menu entry.
# TORCH_INDEX=URL takes torch from another package index (PyTorch's own CPU or GPU builds), also where another build
# of it is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-run}
python=${PYTHON:-python3}
need_mb=3500

stop() { printf 'karaoke-studio: %s\n' "$*" >&2; exit 1; }

run_packages="libglib2.0-0 libgl1 libegl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libxkbcommon-x11-0 libxcb-cursor0
  libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-xkb1 libxcb-render-util0 libxcb-image0 libportaudio2
  librubberband2"
# Debian's own Python keeps the library that a packaged program is built on in a package of its own
package_packages="binutils $("$python" -c 'import sys
if sys.base_prefix == "/usr": print("libpython%d.%d" % sys.version_info[:2])' 2>/dev/null || true)"
dev_packages="xvfb xauth dbus pulseaudio pulseaudio-utils libasound2-plugins"

wanted=$run_packages
case $profile in
  run) extra="" ;;
  dev) wanted="$wanted $dev_packages" extra="[dev]" ;;
  package) wanted="$wanted $package_packages" extra="[package]" ;;
  *) echo "karaoke-studio: set-up is for run, dev or package, not '$profile'" >&2; exit 2 ;;
esac

system_packages() {
  command -v dpkg-query >/dev/null || return 0
  local missing=()
  for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    if ! { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; then
      printf 'karaoke-studio: some system packages are missing. To add them, type:\n  sudo apt-get install -y %s\n' "${missing[*]}" >&2
      return 0
    fi
    sudo=(sudo)
  fi
  echo "Installing system packages: ${missing[*]}" >&2
  mkdir -p .venv
  if ! { "${sudo[@]}" apt-get update -qq \
      && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >.venv/apt.log 2>&1; then
    tail -n 3 .venv/apt.log >&2
    printf 'karaoke-studio: these system packages could not be installed, going on without: %s\n' "${missing[*]}" >&2
  fi
}

fingerprint() { { cat pyproject.toml packaging/constraints.txt packaging/setup.sh; pwd; echo "$python ${TORCH_INDEX:-}"; } | sha256sum; }

install() {
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -c packaging/constraints.txt "$@" >>.venv/pip.log 2>&1 && return 0
  grep -i error .venv/pip.log | tail -n 2 >&2 || true
  stop "A Python package could not be had (see .venv/pip.log). Check the network and run the command again."
}

# an index is named after what its builds are for, as in 2.13.0+cu130
has_torch_of() {
  .venv/bin/python - "$1" <<'PYTHON'
import sys
from importlib import metadata

try:
    build = metadata.version("torch").partition("+")[2]
except metadata.PackageNotFoundError:
    sys.exit(0)
sys.exit(build != sys.argv[1].rstrip("/").rpartition("/")[2])
PYTHON
}

packages() {
  local free_mb
  free_mb=$(df -Pm . | awk 'NR==2 {print $4}')
  [ -x .venv/bin/karaoke-studio ] || [ "$free_mb" -ge "$need_mb" ] \
    || stop "Setting up needs $need_mb MB of disk here, $free_mb MB are free. Free some space and run the command again."
  if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    "$python" -m venv .venv 2>/dev/null \
      || stop "A virtual environment could not be made. On Debian and Ubuntu, type: sudo apt-get install -y python3-venv"
  fi
  : >.venv/pip.log
  echo "Installing Python packages (a few minutes the first time)" >&2
  # torch first and pinned: whatever asks for it later finds it there
  # pip would keep a build for another processor: both have the same version
  local again=""
  if [ -n "${TORCH_INDEX:-}" ]; then has_torch_of "$TORCH_INDEX" || again=--force-reinstall; fi
  install $again torch ${TORCH_INDEX:+--index-url "$TORCH_INDEX"}
  install setuptools
  install --no-build-isolation -e ".$extra"
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
  || stop "Python 3.11 or newer is needed; '$python' is $("$python" --version 2>&1 || echo missing). Name another with PYTHON=…"

mark=.venv/.ready
now=$(fingerprint)
is_ready() { [ -f "$mark-$1" ] && [ "$(cat "$mark-$1")" = "$now" ]; }

# what the program needs is a part of the other two
if ! is_ready "$profile" && ! { [ "$profile" = run ] && { is_ready dev || is_ready package; }; }; then
  system_packages
  packages
  echo "$now" >"$mark-$profile"
fi
if [ -n "${DESKTOP:-}" ]; then
  .venv/bin/python packaging/desktop_entry.py
fi
