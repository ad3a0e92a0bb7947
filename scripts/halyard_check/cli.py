# SPDX-License-Identifier: MIT
"""The command line of scripts/check: runs stages, prints one line for each, and one summary."""

import argparse
import subprocess
import sys
import time

# Importing a module registers its stages; this is the order in which they run: what is quick and fails often first.
from . import style, host, kernel, guest, power, debug, faults, fuzz, kcsan, mutants, conformance, ggml, llama, kit, delivery  # noqa: F401  isort: skip
from .core import DEADLINE, RESULTS, SCRIPTS, STAGES, Log, Result

SHOWN_ERRORS = 15
DESCRIPTION = "Runs the project's checks; without arguments the quick ones: neither those of the debug kernel nor the deep ones."
# What runs on a kernel of our own making: which (see scripts/build-kernel), and for how many minutes on two processors
# that have nothing else to do.
DEBUG = {
    "kunit-debug": ("debug", 2),
    "vm-debug": ("debug", 20),
    "alloc": ("debug", 6),
    "uapi-fuzz": ("debug", 5),
    "kcsan": ("kcsan", 7),
    "faults": ("debug", 25),
    "killed": ("debug", 10),
}
# What builds everything anew, with other tools or with something left out: more than half of the time for all stages.
DEEP = ("asan", "tsan", "fuzz", "clang-tidy", "mutants", "coverage", "churn", "card-killed", "kexec", "ggml-all", "llama-archs")
# A stage starts when so many times its minutes are left.
MARGIN = 1.5


def parse_arguments():
    parser = argparse.ArgumentParser(prog="check", description=DESCRIPTION)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="only these stages")
    parser.add_argument("--skip", action="append", default=[], metavar="STAGE", help="all but this stage; repeatable")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--debug", action="store_true", help=f"the stages of the debug kernel: {', '.join(DEBUG)}")
    which.add_argument("--deep", action="store_true", help=f"all stages, {', '.join(DEEP)} too")
    which.add_argument("--warm", action="store_true", help="the quick stages, and those of a debug kernel that is built, the shorter ones first")
    parser.add_argument("--within", type=float, metavar="MINUTES", help="leave out stages that last longer than what is left")
    parser.add_argument("--list", action="store_true", help="list the stages")
    arguments = parser.parse_args()
    for name in [*arguments.stages, *arguments.skip]:
        if name not in STAGES:
            parser.error(f"there is no stage {name} (see --list)")
    if arguments.stages and (arguments.debug or arguments.deep or arguments.warm):
        parser.error("either stages or a group of them")
    return arguments


def chosen_stages(arguments):
    """Their names; those of the debug kernel come last: they are the first to be left out when time is short."""
    quick = [name for name in STAGES if name not in DEEP and name not in DEBUG]
    debug = [name for name in STAGES if name in DEBUG]
    shortest_first = sorted(debug, key=lambda name: DEBUG[name][1])
    if arguments.stages:
        names = arguments.stages
    elif arguments.debug:
        names = ["build", *debug]  # the programs that the others run
    elif arguments.deep:
        names = [*quick, *(name for name in STAGES if name in DEEP), *debug]
    else:
        names = [*quick, *(shortest_first if arguments.warm else ())]
    return [name for name in names if name not in arguments.skip]


def is_built(flavour):
    command = [SCRIPTS / "build-kernel", "--find", flavour]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0


def why_left_out(name, warm):
    """The reason why a stage cannot run now, or None."""
    if name not in DEBUG:
        return None
    flavour, minutes = DEBUG[name]
    left = DEADLINE.left() / 60
    if warm and not is_built(flavour):
        return f"left out: the {flavour} kernel is not in the cache (`make check-debug` builds it, once)"
    if minutes * MARGIN > left:
        return f"left out: it lasts {minutes} minutes, and of the time for the whole run {left:.0f} are left"
    return None


def run_stage(name, warm):
    """Runs one stage; whatever breaks inside it is its failure, not ours."""
    log = Log(name)
    started = time.monotonic()
    reason = why_left_out(name, warm)
    try:
        if reason:
            result = Result()
            result.skip(reason)
        else:
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
    if arguments.within:
        DEADLINE.set(arguments.within * 60)
    total = Result()
    lines = []
    started = time.monotonic()
    heading = f"{'stage':<13} {'':<8} {'passed':>6} {'failed':>6} {'skipped':>7} {'time':>9}"
    print(heading, flush=True)
    for name in chosen_stages(arguments):
        result, seconds, log = run_stage(name, arguments.warm)
        report(name, result, seconds, log)
        lines.append(line_of(name, result, seconds))
        total.add(result)
    print("\n".join(["", heading, *lines, ""]))
    if not arguments.stages and not arguments.deep:
        print(f"left to `make check-deep`: {', '.join(DEEP)}")
        if not arguments.debug and not arguments.warm:
            print(f"left to `make check-debug`: {', '.join(DEBUG)}")
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
