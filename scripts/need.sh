#!/usr/bin/env bash
# Makes sure that commands are there: installs Debian's package where that is
# possible, and else says which command does. Usage: need.sh COMMAND=PACKAGE ...;
# COMMAND may be MODULE.py for a module of Python's.
set -euo pipefail
missing=()
for pair in "$@"; do
  case "${pair%%=*}" in
    *.py) python3 -c "import $(basename "${pair%%=*}" .py)" 2>/dev/null || missing+=("${pair#*=}") ;;
    *) command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}") ;;
  esac
done
[ ${#missing[@]} -eq 0 ] && exit 0
install="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null && $install >/dev/null && exit 0
fi
echo "missing for the tests: ${missing[*]}; run: sudo apt-get update && sudo $install" >&2
exit 1
