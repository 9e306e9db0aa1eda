#!/usr/bin/env bash
# Makes sure that commands exist. As root on Debian it installs the packages of the
# missing ones; otherwise it prints the command that does, and fails.
# Usage: require-commands.sh COMMAND=PACKAGE ...
# MODULE.py instead of COMMAND stands for a Python module.
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
