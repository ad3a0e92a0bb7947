#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: churn.sh CYCLES RELOADS PROGRAM
# In the guest, started without our modules: unplugs the card and finds it again CYCLES times while clients use it, and
# unloads and loads the modules RELOADS times. PROGRAM is a client that uses the card until it is gone, and then the next
# one. Afterwards memory, handles and lists are where they were.
set -eu

cycles=$1 reloads=$2 program=$3
modules=$(cat /etc/halyard/card-modules)
ours=$(echo "$modules" | grep '^halyard')
clients=''

load() { for name in $modules; do modprobe "$name"; done; }

# The last one loaded goes first. A module is in use until the last client has closed its file.
unload() {
  for name in $(echo "$ours" | sed '1!G;h;$!d'); do
    tries=0
    until rmmod "$name" 2>/dev/null; do
      tries=$((tries + 1))
      [ "$tries" -lt 600 ] || { echo "churn: $name is still in use: $(cat "/sys/module/$name/refcnt")"; exit 1; }
      usleep 50000
    done
  done
}

start_clients() {
  for _ in 1 2; do
    "$program" >/tmp/clients.log 2>&1 &
    clients="$clients $!"
  done
}

# Both have made a queue: they are at work.
await_clients() {
  tries=0
  until awk '$1 ~ /^[0-9]+$/ { queues += $3 } END { exit queues < 2 }' /sys/kernel/debug/accel/0000*/limits; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || { echo "churn: the clients do not begin: $(cat /tmp/clients.log)"; exit 1; }
    usleep 20000
  done
}

# One that has not begun yet when it is told to end is ended by the signal: 143.
stop_clients() {
  for client in $clients; do kill -TERM "$client" 2>/dev/null || true; done
  for client in $clients; do
    status=0
    wait "$client" || status=$?
    case $status in
      0 | 143) ;;
      *)
        echo "churn: a client failed with $status: $(tail -n 5 /tmp/clients.log)"
        exit 1
        ;;
    esac
  done
  clients=''
}

card() { readlink -f /sys/class/accel/accel*/device; }

# It has another number while somebody still holds a file of the one before.
await_card() {
  tries=0
  until ls /dev/accel/accel* >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || { echo "churn: the card does not come back"; exit 1; }
    usleep 20000
  done
}

# Free memory once all that is cached is dropped, in KiB.
settle() {
  sync
  for _ in 1 2 3; do echo 3 >/proc/sys/vm/drop_caches; sleep 1; done
  awk '/^(MemFree|SReclaimable):/ { sum += $2 } END { print sum }' /proc/meminfo
}

slab() { awk '/^SUnreclaim:/ { print $2 }' /proc/meminfo; }

report() {
  echo "churn: $1: free $(settle) KiB, slab $(slab) KiB, files $(cut -f 1 /proc/sys/fs/file-nr)," \
    "interrupts $(grep -c halyard /proc/interrupts || true), accel nodes $(find /dev/accel -name 'accel*' -type c | wc -l)"
}

unplug_and_rescan() {
  folder=$(card)
  echo 1 >"$folder/remove"
  echo 1 >/sys/bus/pci/rescan
  await_card
}

load
await_card
# What is allocated once, however long the machine runs, is not a leak: two rounds come before the first count.
start_clients
for _ in $(seq 20); do unplug_and_rescan; done
stop_clients
unload
load
await_card
report before
before_free=$(settle) before_slab=$(slab)

start_clients
count=0
while [ "$count" -lt "$cycles" ]; do
  unplug_and_rescan
  count=$((count + 1))
done
stop_clients
report "after $cycles unplugs"

count=0
while [ "$count" -lt "$reloads" ]; do
  start_clients
  await_clients
  usleep 50000
  echo 1 >"$(card)/remove"
  stop_clients
  unload
  echo 1 >/sys/bus/pci/rescan
  load
  await_card
  count=$((count + 1))
done
report "after $reloads reloads"
after_free=$(settle) after_slab=$(slab)

lost=$((before_free - after_free)) grown=$((after_slab - before_slab))
echo "churn: memory: $lost KiB less are free, slab has grown by $grown KiB"
[ "$lost" -lt 16384 ] && [ "$grown" -lt 4096 ]
# Queues, address spaces and buffers of clients that are gone.
debug=$(echo /sys/kernel/debug/accel/0000*)
cat "$debug/limits" "$debug/bos"
[ "$(grep -c '^ *[0-9]' "$debug/limits")" -eq 0 ]
[ "$(sed -n '/^ *[0-9]\+ /p' "$debug/bos" | wc -l)" -eq 0 ]
unload
if grep halyard /proc/interrupts; then exit 1; fi
[ -z "$(find /sys/kernel/debug/accel -name '0000*' 2>/dev/null)" ]
echo "churn: all is where it was"
