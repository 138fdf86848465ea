#!/usr/bin/env bash
# Songs, takes, training, curve and weights, in FOLDER; goes on where it was stopped.
# SONGS=400 MINUTES=60 may be given.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
python=.venv/bin/python
mkdir -p "$folder"
"$python" -c 'import pyworld' 2>/dev/null || .venv/bin/pip install -e ".[training]"
make_all() { # MODULE FOLDERS…: two processes, one half of the numbers each
  local module=$1 half=$(((${SONGS:-400} + 1) / 2))
  shift
  "$python" -m "training.instant.$module" "$@" 0 "$half" &
  "$python" -m "training.instant.$module" "$@" "$half" "${SONGS:-400}"
  wait $!
}
make_all bands "$folder/songs"
make_all takes "$folder/songs" "$folder/takes"
"$python" -m training.instant.train "$folder" "$folder/run" --minutes "${MINUTES:-60}"
"$python" -m training.instant.curve "$folder/run/log.csv" "$folder/run/curve.svg"
"$python" -m training.instant.export "$folder/run/ema.pt" "$folder/instant"
