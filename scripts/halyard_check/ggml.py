# SPDX-License-Identifier: MIT
"""ggml's own test-backend-ops with our back end, on each chip in process: an unmodified ggml from Debian's packages."""

import re
import shlex
from collections import Counter

from .core import BUILD, RESULTS, ROOT, SCRIPTS, Result, enabled_chips, stage

PLUGIN = BUILD / "user" / "lib" / "halyard" / "runtimes" / "libggml-halyard.so"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# What differs is told before the case that fails, in the same line.
CASE = re.compile(r"^(?:\[.*?\s{2,})?\s*([A-Z][A-Z0-9_]+)\((.*)\): (.*)$")
JOBS = re.compile(r"(\d+) jobs completed, (\d+) failed, (\d+) command lists recorded")
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


def run_chip(log, root, chip):
    result = Result()
    folder = RESULTS / "ggml"
    folder.mkdir(parents=True, exist_ok=True)
    output, messages = folder / f"{chip}.out", folder / f"{chip}.err"
    # Apart: a message in the midst of a line of the table would hide a case.
    command = f"exec nice {shlex.quote(str(root))}/run test-backend-ops test -b {chip}0 >{output} 2>{messages}"
    environment = {
        "GGML_BACKEND_PATH": str(PLUGIN), "HALYARD_LIBRARIES": str(BUILD / "user" / "lib"), "HALYARD_PLATFORM": "sim",
        "HALYARD_GGML_STATISTICS": "1",
    }  # fmt: skip
    done = log.run("sh", "-c", command, timeout=MINUTES * 60, env=environment)
    counts, failed = read_cases(output.read_text(errors="replace"))
    rows, total = table_of(chip, counts)
    (folder / f"{chip}.txt").write_text("\n".join([*rows, ""]))
    log.write("\n".join(rows))
    result.notes.append(rows[-1].replace("all ", f"{chip:<4}", 1))
    result.passed += total["passed"]
    for line in failed:
        result.fail(f"{chip}: {line}")
    # The tool succeeds, too, when it has found no such back end.
    text = messages.read_text(errors="replace")
    result.judge("loaded Halyard backend" in text, f"{chip}: the back end was not loaded")
    result.judge(done.returncode == 0, f"{chip}: test-backend-ops: exit status {done.returncode}", *text.splitlines()[-5:])
    floor = floor_of(chip)
    result.judge(total["passed"] >= floor, f"{chip}: {total['passed']} cases passed, not at least {floor}")
    jobs = JOBS.findall(text)
    completed = sum(int(entry[0]) for entry in jobs)
    result.judge(
        completed >= total["passed"] and not any(int(entry[1]) for entry in jobs),
        f"{chip}: the device counted {completed} jobs for {total['passed']} passed cases: {jobs}",
    )
    return result


@stage("ggml", "ggml's own tests of its operations, with our back end, on each chip in process")
def check_ggml(log):
    result = Result()
    fetched = log.run(SCRIPTS / "fetch-ggml")
    root = fetched.stdout.splitlines()[-1] if fetched.stdout.strip() else ""
    if fetched.returncode:
        result.fail("ggml is not to be had:", *fetched.stdout.splitlines()[-3:])
        return result
    for command in (
        ["cmake", "-S", ROOT, "-B", BUILD / "user", f"-DHALYARD_GGML_ROOT={root}"],
        ["nice", "cmake", "--build", BUILD / "user", "--target", "ggml-halyard", "platform-sim", *enabled_chips()],
    ):
        done = log.run(*command)
        if done.returncode:
            result.fail("the back end does not build:", *done.stdout.splitlines()[-15:])
            return result
    for chip in enabled_chips():
        one = run_chip(log, root, chip)
        result.add(one)
        result.notes += one.notes
    return result
