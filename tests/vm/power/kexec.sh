#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: kexec.sh PROGRAM
# In the guest, with the kernel and its initial file system in /out/kexec: clients use the card until the kernel starts the
# next one in its own place, without firmware and without a reset of the bus in between. The next one runs this script again,
# finds the card, and clients use it. PROGRAM is such a client.
set -eu

program=$1 state=/out/kexec/state

use_card() {
  "$program" >/tmp/client1.log 2>&1 &
  first=$!
  "$program" >/tmp/client2.log 2>&1 &
  second=$!
}

# Jobs that the driver has seen end, of all queues that there are now.
completed() {
  for entry in "/proc/$first/fdinfo"/* "/proc/$second/fdinfo"/*; do
    sed -n 's/^drm-engine-[a-z]*:[^0-9]*\([0-9]*\) ns$/\1/p' "$entry" 2>/dev/null || true
  done | awk '{ sum += $1 } END { print sum + 0 }'
}

await_work() {
  tries=0
  until [ "$(completed)" -gt 0 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || { echo "kexec: the card does not work: $(cat /tmp/client1.log /tmp/client2.log)"; exit 1; }
    usleep 50000
  done
}

if [ ! -e "$state" ]; then
  kexec --args-linux -l /out/kexec/vmlinuz --initrd=/out/kexec/initrd --command-line="$(cat /proc/cmdline)"
  use_card
  await_work
  sleep 1
  echo kexec >"$state"
  sync
  # Does not come back.
  kexec -e
  exit 1
fi

[ -e /dev/accel/accel0 ] || { echo "kexec: there is no device"; exit 1; }
use_card
await_work
sleep 2
kill -TERM "$first" "$second"
wait "$first" || { echo "kexec: a client failed with $?: $(cat /tmp/client1.log)"; exit 1; }
wait "$second" || { echo "kexec: a client failed with $?: $(cat /tmp/client2.log)"; exit 1; }
echo "kexec: the card works under the next kernel"
