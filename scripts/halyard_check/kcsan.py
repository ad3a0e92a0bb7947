# SPDX-License-Identifier: MIT
"""Data races in our modules: what runs at the same time, on a kernel with KCSAN."""

from .core import Result, stage
from .debug import run_batches
from .guest import run_kunit
from .kernel import modules_for

# Tests in which several threads, processes, queues or interrupts meet. Those of poison, one of which
# is named after a process, go by amounts of free memory, of which this kernel takes some for itself.
NAMES = ":".join(
    f"*{word}*"
    for word in ("Changes", "Concurren", "Compute", "Fault", "Firmware", "Implicit", "Jobs", "Limits", "Lost", "Process",
                 "Queue", "Recovery", "Run", "Shared", "Sync", "Thread", "Turns", "Usage")
) + "-*Poison*"  # fmt: skip
# Races of the kernel proper below a call of ours (those without any are left out by scripts/vm): the function, and why its
# race is none of ours.
KNOWN = {
    "process_one_work": "a worker writes its queue's state while another reads it, to tell what it runs",
    "ktime_get_mono_fast_ns": "reads a copy of the clock while it is written, and reads the other one when it was",
    "drm_sched_entity_is_ready": "looks whether a queue without a lock has an entry, and is called again when it gets one",
}
# The boot is the kernel's own business; afterwards more accesses are watched than by default.
BOOT = ("--append", "kcsan.early_enable=0", "--append", "kcsan.skip_watch=500")


def prelude():
    """KCSAN is switched on when our modules are there."""
    control = "/sys/kernel/debug/kcsan"
    functions = "".join(f"echo '!{name}' >{control}; " for name in KNOWN)
    return f"{functions}echo on >{control} || exit 1\n"


@stage("kcsan", "what runs at the same time, on a kernel that looks for data races")
def check_kcsan(log):
    result = Result()
    tree = modules_for("kcsan", log, result)
    if tree is not None:
        result.add(run_kunit(log, "kcsan", tree, *BOOT, prelude=prelude()))
        result.add(run_batches(log, "kcsan", *BOOT, names=NAMES, prelude=prelude()))
        result.notes.append(f"not reported, being the kernel's own: races in {', '.join(KNOWN)}")
    return result
