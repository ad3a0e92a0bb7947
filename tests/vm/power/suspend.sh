#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: suspend.sh PROGRAM [ARGUMENT...]
# In the guest: runs a program that has the system sleep. Shares of the host (9p) do not outlive that: the program is
# copied to memory with all that it needs, the shares are unmounted and their devices let go meanwhile.
# Results for /out are left in /tmp/out.
set -eu

# Nor may this file itself be on a share.
if [ "$0" != /tmp/suspend.sh ]; then
  cp "$0" /tmp/suspend.sh
  exec sh /tmp/suspend.sh "$@"
fi

program=$1
shift
root=/tmp/suspend
mkdir -p "$root/lib" /tmp/out

copy() { for file in "$@"; do cp -L "$file" "$root/lib/"; done; }

libraries() {
  LD_TRACE_LOADED_OBJECTS=1 "$1" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p'
}

plugins=$(find "$(dirname "$program")/../../lib/halyard" -name '*.so')
loader=/lib64/ld-linux-x86-64.so.2
cp "$program" "$root/program"
# shellcheck disable=SC2046 # one word per library
copy $(libraries "$program") "$loader"
mkdir "$root/lib/halyard"
for plugin in $plugins; do
  # shellcheck disable=SC2046
  copy $(LD_TRACE_LOADED_OBJECTS=1 "$loader" "$plugin" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p')
  cp -L "$plugin" "$root/lib/halyard/"
done

# From here on nothing is used but busybox, which is in the initial file system.
cd /
grep ' 9p ' /proc/mounts >"$root/mounts"
sed '1!G;h;$!d' "$root/mounts" | while read -r _ folder _; do umount "$folder"; done
driver=/sys/bus/virtio/drivers/9pnet_virtio
devices=$(cd "$driver" && ls -d virtio*)
for device in $devices; do echo "$device" >"$driver/unbind"; done

status=0
"$root/lib/ld-linux-x86-64.so.2" --library-path "$root/lib" "$root/program" "$@" || status=$?

for device in $devices; do echo "$device" >"$driver/bind"; done
while read -r source folder _ options _; do
  mount -t 9p -o "$options" "$source" "$folder"
done <"$root/mounts"
cp /tmp/out/* /out/ 2>/dev/null || true
exit "$status"
