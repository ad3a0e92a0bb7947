# SPDX-License-Identifier: MIT
"""Unmodified programs of llama.cpp from Debian's packages with our back end."""

import re

from halyard_llm.run import compare
from halyard_llm.tools import LlmError

from .core import Result, enabled_chips, stage
from .ggml import build_plugin, judge_run, run_tool

# | architecture | device | dense or MoE | against the CPU | written and read again | batches of several sequences |
ROW = re.compile(r"^\|\s*([^|]+?)\s*\|[^|]*\|\s*(Dense|MoE)\s*\|(.*)\|$", re.MULTILINE)
# ggml gives up when memory of a device holds what only another can write.
NO_SCATTER = "cannot run the operation (SET_ROWS)"
# Another changes the weights, and with them by how much the results of two back ends may differ.
SEED = 1


def run_architectures(log, root, chip):
    result = Result()
    label = f"{chip}-archs"
    words = ("test-llama-archs", "-b", f"{chip}0", "-s", str(SEED))
    status, output, messages, jobs = run_tool(log, root, label, *words)
    if NO_SCATTER in messages:
        result.skip(f"{chip}: has memory of its own, and its back end no SET_ROWS")
        return result
    run = 0
    for architecture, kind, verdicts in ROW.findall(output):
        if "FAIL" in verdicts:
            result.fail(f"{chip}: {architecture} ({kind}): {verdicts}")
        elif "OK" in verdicts:
            result.passed += 1
            run += 1
    result.judge(run >= 100, f"{chip}: only {run} models were run")
    judge_run(result, label, status, messages, jobs, run)
    result.notes.append(f"{chip}: {run} models computed as ggml's CPU back end does, {jobs[0]} jobs")
    return result


@stage("llama-archs", "llama.cpp's own test of all its model architectures, with our back end, on each chip in process")
def check_architectures(log):
    result = Result()
    try:
        root = build_plugin(log, "llama")
    except LlmError as error:
        result.fail(error)
        return result
    for chip in enabled_chips():
        one = run_architectures(log, root, chip)
        result.add(one)
        result.notes += one.notes
    return result


def run_text(log, chip, kernel):
    result = Result()

    def run(command, **options):
        done = log.run(*command, **options)
        return done.returncode, done.stdout

    try:
        outcome = compare(chip, kernel, run)
    except LlmError as error:
        if NO_SCATTER in str(error):
            result.skip(f"{chip}: has memory of its own, and its back end no SET_ROWS")
        else:
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
        one = run_text(log, chip, kernel)
        result.add(one)
        result.notes += one.notes
    return result
