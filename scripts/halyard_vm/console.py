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

# A report of KCSAN from its headline to the line that ends it; one that was cut off is no match.
RACE = re.compile(r"^.*\bBUG: KCSAN: (?P<what>.*)\n(?P<report>(?:.*\n)*?).*={60}$", re.MULTILINE)
# A frame of a module, or of what our modules are built on.
OUR_FRAME = re.compile(r"\b_*(drm|dma|ttm)_[\w.]+\+0x|\+0x[0-9a-f]+/0x[0-9a-f]+ \[\w+")
# The kernel's own remark that a module is not part of it is not a complaint about anything that we do.
CONTEXT_AFTER = 30
MAXIMUM_SHOWN = 80


def is_of_others(race):
    return not OUR_FRAME.search(race["report"])


def races_of_others(text):
    """What the console tells of data races in which no module took part, nor DRM, DMA or TTM: a line each. The kernel has
    such races that it can live with (a reader of a maple tree looks at a node that is being freed, and looks again), and
    there are more of them than anyone could name beforehand."""
    return [race["what"] for race in RACE.finditer(text) if is_of_others(race)]


def complaints(text):
    """Lines of the console that tell of a fault in kernel or driver, each with what follows it, at most a screenful, and
    how many faults they are. Races of others are none."""
    lines = RACE.sub(lambda race: "" if is_of_others(race) else race[0], text).splitlines()
    hits = [number for number, line in enumerate(lines) if COMPLAINTS.search(line)]
    shown = []
    for number in hits:
        for line in range(number, min(number + CONTEXT_AFTER, len(lines))):
            if line not in shown:
                shown.append(line)
    return [lines[number] for number in shown[:MAXIMUM_SHOWN]], len(hits)
