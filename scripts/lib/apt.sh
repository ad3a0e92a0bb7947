# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A private apt: it reads the suites the project needs from the mirror that the host already uses, checks their
# signatures against Debian's archive keyring, and neither reads nor writes the host's package state. No root needed.
# Source common.sh first.

HALYARD_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# Downloads come from these suites; the package state of another choice is in another folder.
HALYARD_SUITES=(bookworm bookworm-backports bookworm-security trixie trixie-backports trixie-security)
HALYARD_APT=$HALYARD_CACHE/apt

# apt_only SUITE: from here on packages come from this suite alone. Beside the others it would take part in all choices.
apt_only() {
  HALYARD_SUITES=("$1")
  HALYARD_APT=$HALYARD_CACHE/apt-$1
}

# The base URI of the host's Debian mirror, or of its security mirror (argument "-security").
apt_mirror() {
  local kind=${1:-} codename
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  # shellcheck disable=SC2016  # $(RELEASE) is apt's syntax, not the shell's
  apt-get indextargets --format '$(RELEASE) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -v want="$codename$kind" '$1 == want || $2 == want { print $NF; exit }'
}

apt_write_sources() {
  local file=$1 main security mirror suite
  main=$(apt_mirror)
  security=$(apt_mirror -security)
  [[ -n $main ]] || die "no Debian mirror found in this machine's apt configuration (apt-get indextargets names none)"
  {
    for suite in "${HALYARD_SUITES[@]}"; do
      mirror=$main
      [[ $suite != *-security ]] || mirror=$security
      [[ -z $mirror ]] || printf 'deb [signed-by=%s] %s %s main\n' "$HALYARD_KEYRING" "$mirror" "$suite"
    done
  } >"$file"
}

# apt_private TOOL ARGS...: apt-get or apt-cache on the private state.
apt_private() {
  local tool=$1 dir=$HALYARD_APT
  shift
  "$tool" -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=- \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
    -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache" \
    -o APT::Sandbox::User= -o APT::Architecture=amd64 -o APT::Architectures::=amd64 \
    -o APT::Update::Post-Invoke-Success::= -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# Reads the package lists anew unless they are of today. Fails when there are none and none can be had.
apt_update() {
  local dir=$HALYARD_APT log=$HALYARD_APT/update.log
  # A day is as often as the archive's suites change in a way that matters here.
  [[ -z $(find "$dir/stamp" -mmin -1440 2>/dev/null) ]] || return 0
  [[ -r $HALYARD_KEYRING ]] || die "$HALYARD_KEYRING is missing; run scripts/setup first"
  mkdir -p "$dir"/{state/lists/partial,cache/archives/partial}
  : >"$dir/status"
  apt_write_sources "$dir/sources.list"
  progress FETCH "package lists of ${HALYARD_SUITES[*]}"
  # A suite that a mirror lacks is only a warning to apt; what matters is whether the wanted package is found.
  apt_private apt-get -q update >"$log" 2>&1 || true
  compgen -G "$dir/state/lists/*_Packages*" >/dev/null || {
    tail -n 5 "$log" >&2
    return 1
  }
  grep -qE '^(E|W|Err)' "$log" || touch "$dir/stamp"
}

# apt_unpack DIRECTORY PACKAGE=VERSION...: download, verify and unpack; nothing is installed, no maintainer script runs.
apt_unpack() {
  local dest=$1 debs deb
  shift
  debs=$(mktemp -d "$HALYARD_CACHE/debs.XXXXXX")
  if ! (cd "$debs" && apt_private apt-get -q download "$@") >"$debs/log" 2>&1; then
    grep -E '^(E|Err)' "$debs/log" >&2 || tail -n 5 "$debs/log" >&2
    rm -rf "$debs"
    return 1
  fi
  mkdir -p "$dest"
  for deb in "$debs"/*.deb; do
    dpkg-deb -x "$deb" "$dest" || return 1
  done
  rm -rf "$debs"
}

# apt_closure RELEASE PACKAGE...: "package=version" of the packages and all they depend on, one a line.
apt_closure() {
  local release=$1
  shift
  apt_private apt-get -s -qq --no-install-recommends -t "$release" install "$@" |
    sed -nE 's/^Inst ([^ ]+) \(([^ ]+) .*/\1=\2/p'
}
