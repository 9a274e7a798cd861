#!/usr/bin/env bash
# The demo: real orders, eight turns of the loop in a simulated world, then a plan that waits for a person.
# Usage: docs/demo.sh ALAMO FOLDER   (FOLDER is made anew; only an earlier demo is removed)
set -euo pipefail
alamo="$1" folder="$2"

if [ -e "$folder" ]; then
  grep -qs '^scenario = "example-shop"' "$folder/alamo.toml" || { echo "$folder exists and is no demo: move it away first" >&2; exit 1; }
  rm -rf "$folder"
fi

say() { printf '\n$ alamo %s\n' "$*"; }

say init "$folder" --example shop
"$alamo" init "$folder" --example shop
cd "$folder"

say status
"$alamo" status

say run --until 2011-07-22 --approve-as demo "   (eight turns; the ninth plan waits)"
"$alamo" run --until 2011-07-22 --approve-as demo

say report loop
"$alamo" report loop --html loop.html

say report effects
"$alamo" report effects --html effects.html

say plan show
"$alamo" plan show --html plan.html
