# SPDX-License-Identifier: MIT
"""ggml's own test-backend-ops with our back end, on each chip in process: an unmodified ggml from Debian's packages."""

import re
import shlex
from collections import Counter

from halyard_llm.tools import IN_PROCESS, LIBRARIES, PLUGIN, LlmError, build, fetch, read_jobs

from .core import RESULTS, ROOT, Result, enabled_chips, stage

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# What differs is told before the case that fails, in the same line.
CASE = re.compile(r"^(?:\[.*?\s{2,})?\s*([A-Z][A-Z0-9_]+)\((.*)\): (.*)$")
VERDICTS = ("passed", "unsupported", "failed")
MINUTES = 40


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


def run_tool(log, root, label, *words):
    """(exit status, output, messages, (completed, failed) jobs) of one of the root's programs with our back end in process."""
    folder = RESULTS / "ggml"
    folder.mkdir(parents=True, exist_ok=True)
    output, messages, jobs = (folder / f"{label}.{suffix}" for suffix in ("out", "err", "jobs"))
    jobs.unlink(missing_ok=True)
    # Apart: a message in the midst of a line of the table would hide a case.
    command = f"exec nice {shlex.quote(str(root))}/run {shlex.join(words)} >{output} 2>{messages}"
    environment = {
        "GGML_BACKEND_PATH": str(PLUGIN), "HALYARD_LIBRARIES": str(LIBRARIES), "HALYARD_GGML_STATISTICS": str(jobs),
        "GGML_NO_BACKTRACE": "1", **IN_PROCESS,
    }  # fmt: skip
    done = log.run("sh", "-c", command, timeout=MINUTES * 60, env=environment)
    texts = (COLOURS.sub("", path.read_text(errors="replace")) for path in (output, messages))
    return done.returncode, *texts, read_jobs(jobs)


def judge_run(result, label, status, messages, jobs, least):
    """What holds of each: the programs succeed, too, when they have found no such back end."""
    result.judge("loaded Halyard backend" in messages, f"{label}: the back end was not loaded")
    result.judge(status == 0, f"{label}: exit status {status}", *messages.splitlines()[-5:])
    completed, failed = jobs
    result.judge(completed >= least and not failed, f"{label}: the device counted {completed} jobs, not {least}; {failed} failed")


def run_operations(log, root, chip):
    result = Result()
    status, output, messages, jobs = run_tool(log, root, chip, "test-backend-ops", "test", "-b", f"{chip}0")
    counts, failed = read_cases(output)
    rows, total = table_of(chip, counts)
    (RESULTS / "ggml" / f"{chip}.txt").write_text("\n".join([*rows, ""]))
    log.write("\n".join(rows))
    result.notes.append(rows[-1].replace("all ", f"{chip:<4}", 1))
    result.passed += total["passed"]
    for line in failed:
        result.fail(f"{chip}: {line}")
    floor = floor_of(chip)
    result.judge(total["passed"] >= floor, f"{chip}: {total['passed']} cases passed, not at least {floor}")
    judge_run(result, chip, status, messages, jobs, total["passed"])
    return result


@stage("ggml", "ggml's own tests of its operations, with our back end, on each chip in process")
def check_ggml(log):
    result = Result()
    try:
        root = build_plugin(log)
    except LlmError as error:
        result.fail(error)
        return result
    for chip in enabled_chips():
        one = run_operations(log, root, chip)
        result.add(one)
        result.notes += one.notes
    return result
