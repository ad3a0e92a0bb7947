#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: killed.sh PROGRAM
# In the guest: clients use the card until the host kills its emulator, as when a card is pulled out. PROGRAM is such a
# client; it waits for another card then. The device is declared lost, nobody hangs, and the modules can be unloaded.
set -eu

program=$1
"$program" >/tmp/client1.log 2>&1 &
first=$!
"$program" >/tmp/client2.log 2>&1 &
second=$!
sleep 3
folder=$(readlink -f /sys/class/accel/accel0/device)
touch /out/ready

tries=0
while [ -e /dev/accel/accel0 ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 1200 ] || { echo "killed: the device is still there"; exit 1; }
  usleep 50000
done
# They look for a card, and find none.
kill -TERM "$first" "$second"
wait "$first" || { echo "killed: a client failed with $?: $(cat /tmp/client1.log)"; exit 1; }
wait "$second" || { echo "killed: a client failed with $?: $(cat /tmp/client2.log)"; exit 1; }

# A slot with a dead card in it is emptied, and a look for cards finds none there.
echo 1 >"$folder/remove"
echo 1 >/sys/bus/pci/rescan
[ ! -e "$folder" ]
grep '^halyard' /etc/halyard/card-modules | sed '1!G;h;$!d' | while read -r name; do rmmod "$name"; done
echo "killed: the card is gone, and nothing else"
