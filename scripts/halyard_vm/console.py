# SPDX-License-Identifier: MIT
"""Judges what the guest kernel said."""

import re

# Whatever a kernel says when something is wrong with it or with a driver. Each pattern is matched in one line.
COMPLAINTS = re.compile(
    r"""
      \bWARNING:\s
    | \bBUG:\s
    | \bkernel\ BUG\ at
    | \bOops:
    | \bKernel\ panic
    | general\ protection\ fault
    | unable\ to\ handle\ (kernel|page)
    | \b(KASAN|KCSAN|KFENCE|UBSAN):\s
    | INFO:\ task\ .*\ blocked\ for\ more
    | possible\ (recursive|circular)\ locking
    | suspicious\ RCU\ usage
    | inconsistent\ lock\ state
    | held\ lock\ freed
    | rcu:\ INFO:\ .*stall
    | soft\ lockup
    | DMA-API:\ .*(error|warning|leak|not\ mapped|check_sync|driver|out\ of\ memory)
    | refcount_t:
    | list_(add|del)\ corruption
    | kmemleak:\ ([0-9]+\ new\ suspected|cannot\ scan)
    | Unknown\ symbol
    | disagrees\ about\ version\ of\ symbol
    """,
    re.VERBOSE,
)

# The kernel's own remark that a module is not part of it is not a complaint about anything that we do.
CONTEXT_AFTER = 30
MAXIMUM_SHOWN = 80


def complaints(text):
    """Lines of the console that tell of a fault in kernel or driver, each with what follows it, at most a screenful."""
    lines = text.splitlines()
    hits = [number for number, line in enumerate(lines) if COMPLAINTS.search(line)]
    shown = []
    for number in hits:
        for line in range(number, min(number + CONTEXT_AFTER, len(lines))):
            if line not in shown:
                shown.append(line)
    return [lines[number] for number in shown[:MAXIMUM_SHOWN]], len(hits)
