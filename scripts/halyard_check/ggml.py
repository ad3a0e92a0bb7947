# SPDX-License-Identifier: MIT
"""ggml's own test-backend-ops with our back end, on each chip: an unmodified ggml from Debian's packages."""

import os
import re
import shlex
import shutil
from collections import Counter
from pathlib import Path

from halyard_llm.tools import IN_PROCESS, LIBRARIES, PLUGIN, LlmError, build, fetch, read_jobs

from .core import BUILD, RESULTS, ROOT, SCRIPTS, Result, enabled_chips, stage
from .guest import WHY, read_report

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# What differs is told before the case that fails, in the same line.
CASE = re.compile(r"^(?:\[.*?\s{2,})?\s*([A-Z][A-Z0-9_]+)\((.*)\): (.*)$")
VERDICTS = ("passed", "unsupported", "failed")
PROGRAMS = BUILD / "user" / "tests" / "ggml"
MINUTES = 40
VM_MINUTES = 10
# In the VM: operations of each kind, and cases that are small: there the CPU that ggml compares with is emulated.
SELECTED = ("ADD", "DIV", "CONT", "GET_ROWS", "MUL_MAT", "NORM", "POOL_2D", "REPEAT", "RMS_NORM")
SMALL = r"=.(10,5,4,|64,5,4,3|2,3,5,7|10,10,3,1.,k0=1,k1=1)|m=16,n=1,k=256,bs=.1,1|n=256,m=8"
SELECTION = 80  # cases that must pass at least
# What takes ggml's CPU back end the most time: weights of so many experts, attention of so many tokens.
WITHOUT_LARGEST = ("-p", r"^(?!.*(n_mats=128|nb=(32|75),mask))")


def verdict_of(text):
    if "not supported" in text:
        return "unsupported"
    return "passed" if text.strip() == "OK" else "failed"


def read_cases(text):
    """Counts by operation and verdict, and the failed cases."""
    counts, failed = {}, []
    for line in COLOURS.sub("", text).splitlines():
        match = CASE.match(line)
        if not match:
            continue
        operation, arguments, rest = match.groups()
        verdict = verdict_of(rest)
        counts.setdefault(operation, Counter())[verdict] += 1
        if verdict == "failed":
            failed.append(f"{operation}({arguments}): {rest.strip()}")
    return counts, failed


def table_of(chip, counts):
    rows = [f"{chip:<24}" + "".join(f"{verdict:>12}" for verdict in VERDICTS)]
    total = Counter()
    for operation in sorted(counts):
        total += counts[operation]
        rows.append(f"{operation:<24}" + "".join(f"{counts[operation][verdict]:>12}" for verdict in VERDICTS))
    rows.append(f"{'all':<24}" + "".join(f"{total[verdict]:>12}" for verdict in VERDICTS))
    return rows, total


def floor_of(chip):
    """Cases that must pass at least, from tests/ggml/CHIP.txt: the number may only grow."""
    path = ROOT / "tests" / "ggml" / f"{chip}.txt"
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((int(line) for line in lines if line and not line.startswith("#")), 1)


def build_plugin(log, what="ggml"):
    """The private root with the programs; the back end is built. Throws LlmError."""

    def run(command, **options):
        done = log.run(*command, **options)
        return done.returncode, done.stdout

    build(enabled_chips(), run)
    return fetch(what, run)


def run_tool(log, root, label, words, card=None):
    """(exit status, output, messages, Jobs) of one of the root's programs with our back end: in
    process, or in a VM with this card."""
    folder = RESULTS / "ggml" / label
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    out = Path("/out") if card else folder
    environment = {
        "GGML_BACKEND_PATH": PLUGIN, "HALYARD_LIBRARIES": LIBRARIES, "HALYARD_GGML_STATISTICS": out / "jobs",
        "GGML_NO_BACKTRACE": "1", **({} if card else IN_PROCESS),
    }  # fmt: skip
    program = shlex.join(["env", *(f"{name}={value}" for name, value in environment.items()), f"{root}/run", *words])
    # Apart: a message in the midst of a line of the table would hide a case.
    command = ["nice", "sh", "-c", f"exec {program} >{out}/output 2>{out}/messages"]
    if card:
        vm = ["run", "--card", card, "--mount", root, "--share", folder, "--timeout", VM_MINUTES * 60]
        command = [SCRIPTS / "vm", *vm, "--", *command]
    done = log.run(*command, timeout=MINUTES * 60)
    paths = (folder / name for name in ("output", "messages"))
    texts = (COLOURS.sub("", path.read_text(errors="replace")) if path.is_file() else "" for path in paths)
    return done.returncode, *texts, read_jobs(folder / "jobs")


def judge_run(result, label, status, messages, jobs, least):
    """What holds of each: the programs succeed, too, when they have found no such back end."""
    result.judge("loaded Halyard backend" in messages, f"{label}: the back end was not loaded")
    result.judge(status == 0, f"{label}: exit status {status}", *messages.splitlines()[-5:])
    result.judge(jobs.completed + jobs.empty >= least and not jobs.failed, f"{label}: not {least} jobs without a failure: {jobs}")


def run_operations(log, root, chip, *selection):
    """All of test-backend-ops but for a selection, in process: several graphs at a time, as hosts with threads do."""
    result = Result()
    words = ["test-backend-ops", "test", "-b", f"{chip}0", "-j", str(os.cpu_count() or 1), *selection]
    status, output, messages, jobs = run_tool(log, root, chip, words)
    counts, failed = read_cases(output)
    rows, total = table_of(chip, counts)
    (RESULTS / "ggml" / f"{chip}.txt").write_text("\n".join([*rows, ""]))
    log.write("\n".join(rows))
    result.notes.append(rows[-1].replace("all ", f"{chip:<4}", 1))
    judge_cases(result, chip, total["passed"], failed, floor_of(chip))
    judge_run(result, chip, status, messages, jobs, total["passed"])
    return result


def judge_cases(result, chip, passed, failed, floor):
    result.passed += passed
    for line in failed:
        result.fail(f"{chip}: {line}")
    result.judge(passed >= floor, f"{chip}: {passed} cases passed, not at least {floor}")


def run_selection(log, root, chip):
    """Some of test-backend-ops, in the VM."""
    result = Result()
    words = ["test-backend-ops", "test", "-b", f"{chip}0", "-o", ",".join(SELECTED), "-p", SMALL]
    status, output, messages, jobs = run_tool(log, root, f"{chip}-vm", words, chip)
    counts, failed = read_cases(output)
    passed = sum((entry["passed"] for entry in counts.values()), 0)
    judge_cases(result, chip, passed, failed, SELECTION)
    for operation in SELECTED:
        result.judge(counts.get(operation), f"{chip}: no case of {operation} was run")
    judge_run(result, f"{chip} in the VM", status, messages, jobs, passed)
    result.notes.append(f"{chip}: {passed} cases in the VM, {jobs.completed} jobs")
    return result


def on_each_chip(log, what, function):
    """function(log, root, chip) -> Result, with what is fetched and built before."""
    result = Result()
    try:
        root = build_plugin(log, what)
    except LlmError as error:
        result.fail(error)
        return result
    for chip in enabled_chips():
        result.add(function(log, root, chip))
    return result


def run_most_operations(log, root, chip):
    return run_operations(log, root, chip, *WITHOUT_LARGEST)


@stage("ggml", "ggml's own tests of its operations but for the largest, with our back end, on each chip in process")
def check_ggml(log):
    return on_each_chip(log, "ggml", run_most_operations)


@stage("ggml-all", "all of ggml's own tests of its operations, with our back end, on each chip in process")
def check_all_of_ggml(log):
    return on_each_chip(log, "ggml", run_operations)


@stage("ggml-vm", "some of ggml's own tests of its operations on the cards, in the VM")
def check_ggml_vm(log):
    return on_each_chip(log, "ggml", run_selection)


def run_own_test(log, root, name, cards, label):
    """A GoogleTest program of ours on ggml's public interface: in a VM with cards, or in process without."""
    result = Result()
    done = log.run("nice", "cmake", "--build", BUILD / "user", "--target", name)
    if done.returncode:
        result.fail(f"{name} does not build:", *done.stdout.splitlines()[-15:])
        return result
    folder = RESULTS / "ggml" / label
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    out = Path("/out") if cards else folder
    environment = {"HALYARD_LIBRARIES": LIBRARIES, "HALYARD_GGML_STATISTICS": out / "jobs", **({} if cards else IN_PROCESS)}
    settings = [f"{key}={value}" for key, value in environment.items()]
    words = ["env", *settings, root / "run", PROGRAMS / name, f"--gtest_output=xml:{out}/report.xml", PLUGIN]
    if cards:
        options = [word for card in cards for word in ("--card", card)]
        words = [SCRIPTS / "vm", "run", *options, "--mount", root, "--share", folder, "--timeout", VM_MINUTES * 60, "--", *words]
    done = log.run(*words, timeout=VM_MINUTES * 60 + 120)
    if not read_report(folder / "report.xml", result, label) or (done.returncode and not result.failed):
        result.fail(f"{label}: exit status {done.returncode} {WHY.get(done.returncode, '')}".rstrip(), *done.stdout.splitlines()[-12:])
    return result


@stage("ggml-streams", "ggml's copies between devices and events, on all chips together: in process, and in the VM")
def check_streams(log):
    result = Result()
    try:
        root = build_plugin(log)
    except LlmError as error:
        result.fail(error)
        return result
    result.add(run_own_test(log, root, "ggml_streams", [], "streams"))
    result.add(run_own_test(log, root, "ggml_streams", enabled_chips(), "streams-vm"))
    return result
