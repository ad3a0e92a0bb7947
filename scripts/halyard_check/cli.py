# SPDX-License-Identifier: MIT
"""The command line of scripts/check: runs stages, prints one line for each, and one summary."""

import argparse
import subprocess
import sys
import time

# Importing a module registers its stages; this is the order in which they run: what is quick and fails often first.
from . import style, host, kernel, guest, conformance, kit, delivery  # noqa: F401  isort: skip
from .core import RESULTS, SCRIPTS, STAGES, Log, Result

SHOWN_ERRORS = 15
DESCRIPTION = "Runs the project's checks; without arguments all but the deep ones."
# What builds everything anew with other tools, or runs on a debug kernel: more than half of the time for all stages.
DEEP = ("asan", "tsan", "fuzz", "clang-tidy", "kunit-debug", "vm-debug")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="check", description=DESCRIPTION)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="only these stages")
    parser.add_argument("--skip", action="append", default=[], metavar="STAGE", help="all but this stage; repeatable")
    parser.add_argument("--deep", action="store_true", help=f"all stages, {', '.join(DEEP)} too")
    parser.add_argument("--list", action="store_true", help="list the stages")
    arguments = parser.parse_args()
    for name in [*arguments.stages, *arguments.skip]:
        if name not in STAGES:
            parser.error(f"there is no stage {name} (see --list)")
    return arguments


def chosen_stages(arguments):
    return arguments.stages or [name for name in STAGES if arguments.deep or name not in DEEP]


def run_stage(name):
    """Runs one stage; whatever breaks inside it is its failure, not ours."""
    log = Log(name)
    started = time.monotonic()
    try:
        result = STAGES[name][1](log)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        result = Result()
        result.fail(f"the stage broke off: {error!r}")
    log.write("\n".join([*result.errors, *(f"skipped: {reason}" for reason in result.reasons)]))
    return result, time.monotonic() - started, log.path


def line_of(name, result, seconds):
    verdict = "FAIL" if result.failed else "ok" if result.passed else "skipped"
    return f"{name:<13} {verdict:<8} {result.passed:>6} {result.failed:>6} {result.skipped:>7} {seconds:>7.1f} s"


def report(name, result, seconds, log):
    print(line_of(name, result, seconds), flush=True)
    for note in result.notes:
        print(f"    {note}")
    for error in result.errors[:SHOWN_ERRORS]:
        print(f"    {error}")
    for reason in result.reasons[:SHOWN_ERRORS]:
        print(f"    skipped: {reason}")
    if result.failed:
        print(f"    log: {log}", flush=True)


def main():
    arguments = parse_arguments()
    if arguments.list:
        for name, (text, _function) in STAGES.items():
            print(f"{name:<13} {text}")
        return 0
    subprocess.run([SCRIPTS / "kconfig", "generate"], check=True)
    names = [name for name in chosen_stages(arguments) if name not in arguments.skip]
    total = Result()
    lines = []
    started = time.monotonic()
    heading = f"{'stage':<13} {'':<8} {'passed':>6} {'failed':>6} {'skipped':>7} {'time':>9}"
    print(heading, flush=True)
    for name in names:
        result, seconds, log = run_stage(name)
        report(name, result, seconds, log)
        lines.append(line_of(name, result, seconds))
        total.add(result)
    print("\n".join(["", heading, *lines, ""]))
    if not arguments.stages and not arguments.deep:
        print(f"left to `make check-deep`: {', '.join(DEEP)}")
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    summary = f"{total.passed} passed, {total.failed} failed{skipped}"
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "summary").write_text(f"{summary}\n")
    if not arguments.stages:
        (RESULTS / "seconds").write_text(f"{time.monotonic() - started:.0f}\n")
    print(summary, flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
