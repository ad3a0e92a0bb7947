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

# run_logged LOG COMMAND...: the command's output goes to LOG; on failure its last lines are shown.
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

# with_lock NAME FUNCTION ARGS...: two runs that share the cache do not fetch the same thing twice.
with_lock() {
  local name=$1 fd rc=0
  shift
  mkdir -p "$HALYARD_CACHE/lock"
  exec {fd}>"$HALYARD_CACHE/lock/$name"
  flock "$fd"
  "$@" || rc=$?
  exec {fd}>&-
  return "$rc"
}
