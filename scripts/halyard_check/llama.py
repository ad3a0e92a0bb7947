# SPDX-License-Identifier: MIT
"""Unmodified programs of llama.cpp from Debian's packages with our back end."""

import re
import shutil

from halyard_llm.model import model
from halyard_llm.run import compare
from halyard_llm.tools import LIBRARIES, MODELS, PLUGIN, LlmError

from .core import RESULTS, SCRIPTS, Result, enabled_chips, stage
from .ggml import build_plugin, judge_run, on_each_chip, run_own_test, run_tool
from .guest import WHY

FAILURE = SCRIPTS / "halyard_llm" / "failure"
# From the injection to the end of the process. Half a second of it is what the test gives a job that stands still.
BENCH_SECONDS = 10

# | architecture | device | dense or MoE | against the CPU | written and read again | batches of several sequences |
ROW = re.compile(r"^\|\s*([^|]+?)\s*\|[^|]*\|\s*(Dense|MoE)\s*\|(.*)\|$", re.MULTILINE)
# Another changes the weights, and with them by how much the results of two back ends may differ.
SEED = 1


def run_architectures(log, root, chip):
    result = Result()
    label = f"{chip}-archs"
    words = ["test-llama-archs", "-b", f"{chip}0", "-s", str(SEED)]
    status, output, messages, jobs = run_tool(log, root, label, words)
    run = 0
    for architecture, kind, verdicts in ROW.findall(output):
        if "FAIL" in verdicts:
            result.fail(f"{chip}: {architecture} ({kind}): {verdicts}")
        elif "OK" in verdicts:
            result.passed += 1
            run += 1
    result.judge(run >= 100, f"{chip}: only {run} models were run")
    judge_run(result, label, status, messages, jobs, run)
    result.notes.append(f"{chip}: {run} models computed as ggml's CPU back end does, {jobs.completed} jobs")
    return result


@stage("llama-archs", "llama.cpp's own test of all its model architectures, with our back end, on each chip in process")
def check_architectures(log):
    return on_each_chip(log, "llama", run_architectures)


def run_text(log, chip, kernel):
    result = Result()

    def run(command, **options):
        done = log.run(*command, **options)
        return done.returncode, done.stdout

    try:
        outcome = compare(chip, kernel, run)
    except LlmError as error:
        result.fail(f"{chip}: {error}")
        return result
    result.passed += 3 - len(outcome.problems())
    for problem in outcome.problems():
        result.fail(problem)
    result.notes += outcome.lines()
    return result


@stage("llm", "llama.cpp writes the same text on a card as on the CPU: each chip in process, the first in the VM")
def check_llm(log):
    result = Result()
    try:
        build_plugin(log, "llama")
    except LlmError as error:
        result.fail(error)
        return result
    chips = enabled_chips()
    for chip, kernel in [*((chip, None) for chip in chips), *((chip, "") for chip in chips[:1])]:
        result.add(run_text(log, chip, kernel))
    return result


def run_failing_bench(log, root, chip):
    """llama-bench at work when the card hangs."""
    result = Result()
    folder = RESULTS / "ggml" / f"{chip}-failing-bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    done = log.run(
        SCRIPTS / "vm", "run", "--card", chip, "--mount", root, "--share", folder, "--timeout", 300, "--",
        FAILURE, root, PLUGIN, LIBRARIES, model(MODELS), f"{chip}0", "/out",
        timeout=420,
    )  # fmt: skip
    texts = {path.name: path.read_text(errors="replace") for path in folder.iterdir()}
    reasons = [line for line in texts.get("messages", "").splitlines() if "HALYARD_HANG" in line]
    status, start, end = texts.get("end", "0 0 inf").split()
    seconds = float(end) - float(start)
    result.judge(done.returncode == 0, f"{chip}: exit status {done.returncode} {WHY.get(done.returncode, '')}", *done.stdout.splitlines()[-12:])
    result.judge("fired 1" in texts.get("inject", ""), f"{chip}: the card did not hang: {texts.get('inject', '')}")
    result.judge(status == "1", f"{chip}: llama-bench ended with status {status}, not with an error of its own")
    result.judge(len(reasons) == 1, f"{chip}: the log has not one reason but {len(reasons)}")
    result.judge(seconds < BENCH_SECONDS, f"{chip}: llama-bench went on for {seconds:.1f} s")
    result.judge("avg_ts" in texts.get("after.json", ""), f"{chip}: llama-bench does not work afterwards")
    result.notes.append(f"{chip}: llama-bench ended {seconds:.1f} s after the card hung: {' '.join(reasons)}")
    return result


@stage("ggml-failure", "a card that fails under ggml and under llama-bench: an error with its reason, and the next graph works")
def check_failure(log):
    result = Result()
    try:
        root = build_plugin(log, "llama")
    except LlmError as error:
        result.fail(error)
        return result
    chips = enabled_chips()
    for chip in chips:
        # Each injection of the card that makes a job fail, while ggml waits for a graph.
        result.add(run_own_test(log, root, "ggml_failure", [chip], f"{chip}-failure"))
    for chip in chips[:1]:
        result.add(run_failing_bench(log, root, chip))
    return result
