# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by every script: where things are, how progress and errors look, how concurrent runs stay apart.

HALYARD_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
HALYARD_CACHE=${HALYARD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/halyard}
export HALYARD_ROOT HALYARD_CACHE
export LC_ALL=C.UTF-8

# One line of progress on standard error; standard output belongs to results.
progress() { printf '  %-9s %s\n' "$1" "$2" >&2; }

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# run_logged LOG COMMAND...: the command's output goes to LOG; on failure its last lines are shown. COMMAND is a program:
# in a shell function called from here `set -e` would not be heeded.
run_logged() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    printf '%s: "%s" failed; the whole log is %s\n' "$(basename "$0")" "$1" "$log" >&2
    return 1
  fi
}

# lock NAME: two runs that share the cache do not fetch the same thing twice. Held until unlock or the script's end.
lock() {
  mkdir -p "$HALYARD_CACHE/lock"
  exec {HALYARD_LOCK}>"$HALYARD_CACHE/lock/$1"
  flock "$HALYARD_LOCK"
}

unlock() { exec {HALYARD_LOCK}>&-; }

# Prints the chips that the configuration enables, one a line.
enabled_chips() { sed -n 's/^HALYARD_CHIPS := //p' "$HALYARD_ROOT/build/config/auto.conf" | tr ' ' '\n' | sed '/^$/d'; }
