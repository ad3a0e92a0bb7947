# SPDX-License-Identifier: MIT
"""Tests on the debug kernel. It boots slowly, so programs that can share a machine do; each is judged by itself."""

import shutil
import subprocess

from halyard_vm.console import complaints, races_of_others

from .core import BUILD, RESULTS, SCRIPTS, Result, stage
from .guest import WHY, card_options, programs, read_report, run_kunit
from .kernel import modules_for

PROGRAM_SECONDS = 1200
# What the guest's kernel is told, so that each of its words belongs to a program.
MARK = "halyard-check:"
UNLOADING = "unloading"
# Runs the programs given as arguments, one after the other, and unloads our modules: what they have not given back then,
# the kernel's checkers see.
GUEST_SCRIPT = f"""
limit=$1
export GTEST_FILTER="$2"
shift 2
for program; do
  name=${{program##*/}}
  echo "{MARK} $name" >/dev/kmsg
  timeout "$limit" "$program" "--gtest_output=xml:/out/$name.xml" >"/out/$name.output" 2>&1
  echo "$?" >"/out/$name.status"
done
echo "{MARK} {UNLOADING}" >/dev/kmsg
lsmod | while read -r name _; do case $name in halyard_*) echo "$name" ;; esac; done | xargs -r rmmod && rmmod halyard
"""


def has_tests(program, names):
    """Whether any of a program's tests has such a name, as GoogleTest's filters are written."""
    command = [program, f"--gtest_filter={names}", "--gtest_list_tests"]
    listed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return any(line.startswith("  ") for line in listed.stdout.splitlines())


def batches(names):
    """[(options of scripts/vm, programs)]: in each machine the programs that may share it, and one that may not at its
    end."""
    shared, alone = {}, {}
    for program in programs():
        if not has_tests(program, names):
            continue
        for options in card_options(program):
            kind = alone if program.with_name(program.name + ".alone").exists() else shared
            kind.setdefault(tuple(options), []).append(program)
    runs = []
    for options in sorted({*shared, *alone}):
        last = alone.get(options, [])
        runs.append((options, [*shared.get(options, []), *last[:1]]))
        runs += [(options, [program]) for program in last[1:]]
    return runs


def sections(console):
    """{what was going on: what the kernel said meanwhile}; "" is the time before the first program."""
    parts = {"": []}
    name = ""
    for line in console.splitlines():
        _before, mark, rest = line.partition(f"{MARK} ")
        if mark:
            name = rest.strip()
        parts.setdefault(name, []).append(line)
    return {name: "\n".join(lines) for name, lines in parts.items()}


def judge_program(result, share, name, label, console):
    """Adds one program of a batch: its report, its exit status, and what the kernel said while it ran."""
    before = result.failed
    reported = read_report(share / f"{name}.xml", result, label)
    status_file = share / f"{name}.status"
    status = int(status_file.read_text()) if status_file.is_file() else None
    output = share / f"{name}.output"
    words = output.read_text(errors="replace").splitlines()[-6:] if output.is_file() else []
    if status is None:
        started = "did not end" if name in console else "was not reached"
        result.fail(f"{label}: it {started} before the machine's end", *words)
    elif not reported or (status and result.failed == before):
        result.fail(f"{label}: exit status {status}{'' if reported else ', no test was reported'}", *words)
    lines, count = complaints(console.get(name, ""))
    if count:
        result.fail(f"{label}: the kernel complained {count} times:", *lines[:8])


def run_batch(log, flavour, options, members, *extra, names="*", prelude="", seconds=PROGRAM_SECONDS):
    """One machine with one kernel of ours and several programs in it: of them the tests with such names, each
    program for so many seconds at most. `prelude` is what the guest's shell does first."""
    result = Result()
    cards = " ".join(options)
    slug = "-".join([members[0].name, *options]).replace("--", "")
    share = RESULTS / flavour / slug
    shutil.rmtree(share, ignore_errors=True)
    share.mkdir(parents=True)
    limit = seconds * len(members) + 180  # for the boot, and for kmemleak
    done = log.run(
        SCRIPTS / "vm", "run", *options, "--kernel", flavour, "--timeout", limit, "--share", share, *extra,
        "--keep-console", share / "console", "--", "sh", "-c", prelude + GUEST_SCRIPT, "sh", seconds, names, *members,
        timeout=limit + 120,
    )  # fmt: skip
    words = (share / "console").read_text(errors="replace") if (share / "console").is_file() else ""
    result.notes += [f"{cards}: the kernel's own: {race}" for race in races_of_others(words)]
    console = sections(words)
    for program in members:
        judge_program(result, share, program.name, f"{program.name} ({cards})", console)
    said = [line for line in done.stdout.splitlines() if line.startswith("vm:")]
    for when, name in (("at boot", ""), ("at the end, when nothing of ours was left", UNLOADING)):
        lines, count = complaints(console.get(name, ""))
        result.judge(not count, f"{cards}: the kernel complained {count} times {when}:", *lines[:12])
    if done.returncode and not result.failed:
        result.fail(f"{cards}: exit status {done.returncode} {WHY.get(done.returncode, 'modules cannot be unloaded')}", *said)
    return result


def run_batches(log, flavour, *extra, names="*", prelude=""):
    result = Result()
    runs = batches(names)
    for options, members in runs:
        result.add(run_batch(log, flavour, options, members, *extra, names=names, prelude=prelude))
    if not runs:
        result.fail("there are no such programs in build/user/tests/vm")
    return result


@stage("kunit-debug", "KUnit tests of the core again, under KASAN, UBSAN, lockdep and kmemleak")
def check_kunit_debug(log):
    result = Result()
    tree = modules_for("debug", log, result)
    if tree is not None:
        result.add(run_kunit(log, "debug", tree, "--append", "kmemleak=on"))
    return result


@stage("vm-debug", "tests inside the VM again, under KASAN, UBSAN, lockdep and kmemleak")
def check_vm_debug(log):
    result = Result()
    if modules_for("debug", log, result) is not None:
        result.add(run_batches(log, "debug", "--append", "kmemleak=on"))
    return result
