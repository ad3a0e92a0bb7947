# SPDX-License-Identifier: MIT
"""Tests inside the VM, on the default kernel: GoogleTest programs and KUnit."""

import os
import re
import shlex
import shutil
import xml.etree.ElementTree as ElementTree

from halyard_vm.console import complaints, races_of_others

from .core import BUILD, RESULTS, SCRIPTS, Result, chips, enabled_chips, stage
from .kernel import NEWEST, modules_for

VM_TESTS = BUILD / "user" / "tests" / "vm"
# KTAP in the kernel's log: every suite ends in a line of totals (unless it could not start) and in its verdict.
TOTALS = re.compile(r"# Totals: pass:(\d+) fail:(\d+) skip:(\d+) total:\d+")
VERDICT = re.compile(r"^\[[^]]*\](?:\[[^]]*\])? (not ok|ok) \d+ (\S+)", re.MULTILINE)
WHY = {120: "the guest kernel complained", 121: "a card's protocol checker or emulator complained", 124: "time limit", 125: "the VM failed"}


def programs():
    return sorted(path for path in VM_TESTS.glob("*") if path.is_file() and os.access(path, os.X_OK))


def card_options(program):
    """Runs of one program: its own options (<program>.args) or one card of each chip that it may be meant for."""
    arguments = program.with_name(program.name + ".args")
    if arguments.is_file():
        return [shlex.split(arguments.read_text())]
    named = [chip for chip in chips() if chip in program.name]
    return [["--card", chip] for chip in enabled_chips() if not named or chip in named]


def read_report(path, result, label):
    """Adds a GoogleTest report. Returns whether there was one with at least one test."""
    if not path.is_file():
        return False
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    for case in cases:
        name = f"{label}: {case.get('classname')}.{case.get('name')}"
        failures = case.findall("failure")
        skipped = case.find("skipped")
        if failures:
            result.fail(f"{name}:", *[(failure.get("message") or "").replace("\n", " ") for failure in failures[:2]])
        elif skipped is not None:
            result.skip(f"{name}: {' '.join((skipped.get('message') or skipped.text or 'no reason given').split())}")
        elif case.get("status") == "run":
            result.passed += 1
    return bool(cases)


def share_of(program, options, kernel):
    """Where a run in the VM leaves report.xml and its output."""
    return RESULTS / "vm" / f"{program.name}-{'-'.join(options).strip('-')}-{kernel or 'default'}"


def run_program(log, program, options, kernel, timeout, *arguments):
    result = Result()
    label = f"{program.name} ({' '.join(options)})"
    share = share_of(program, options, kernel)
    shutil.rmtree(share, ignore_errors=True)
    share.mkdir(parents=True)
    done = log.run(
        SCRIPTS / "vm", "run", *options, "--kernel", kernel, "--timeout", timeout, "--share", share, "--",
        program, "--gtest_output=xml:/out/report.xml", *arguments,
        timeout=timeout + 120,
    )  # fmt: skip
    (share / "output").write_text(done.stdout)
    reported = read_report(share / "report.xml", result, label)
    if not reported or (done.returncode and not result.failed):
        words = [line for line in done.stdout.splitlines() if line.startswith(("vm:", "["))][-12:]
        reason = WHY.get(done.returncode, "" if reported else "no test was reported")
        result.fail(f"{label}: exit status {done.returncode} {reason}".rstrip(), *words)
    return result


@stage("vm", "tests inside the VM, on the default kernel, or on the newest where it lacks what they need")
def check_vm(log):
    result = Result()
    newest = None
    for program in programs():
        kernel = ""
        if program.with_name(program.name + ".newest").exists():
            newest = newest or modules_for(NEWEST, log, result)
            if newest is None:
                continue
            kernel = newest.name
        for options in card_options(program):
            result.add(run_program(log, program, options, kernel, 900))
    if not programs():
        result.skip("there are no programs in build/user/tests/vm")
    return result


def run_kunit(log, kernel, tree, *options, variant=None, prelude="", seconds=600):
    """Loads the modules with tests in a VM and reads what they said in the kernel's log. `variant`: of the modules, see
    scripts/vm --instrument. `prelude` is what the guest's shell does first."""
    result = Result()
    built = BUILD / "kernel" / "-".join(filter(None, (tree.name, variant)))
    names = [path.stem for path in sorted((built / "tests").glob("**/halyard_*.ko"))]
    options += ("--instrument", variant) if variant else ()
    if not names:
        result.skip("no KUnit module is built (CONFIG_HALYARD_KUNIT)")
        return result
    share = RESULTS / f"kunit-{built.name}"
    shutil.rmtree(share, ignore_errors=True)
    load = " && ".join(f"modprobe {name}" for name in names)
    done = log.run(
        SCRIPTS / "vm", "run", "--kernel", kernel, "--append", "kunit.stats_enabled=2", "--append", "log_buf_len=4M", *options,
        "--timeout", seconds, "--share", share, "--", "sh", "-c", f"{prelude}{load}; status=$?; dmesg >/out/dmesg; exit $status",
        timeout=seconds + 120,
    )  # fmt: skip
    report = share / "dmesg"
    text = report.read_text(errors="replace") if report.is_file() else ""
    result.notes += [f"KUnit: the kernel's own: {race}" for race in races_of_others(text)]
    totals = TOTALS.findall(text)
    for passed, failed, skipped in totals:
        result.passed += int(passed)
        result.failed += int(failed)
        if int(skipped):
            result.skipped += int(skipped)
            result.reasons += [line for line in text.splitlines() if "# SKIP" in line]
    suites = VERDICT.findall(text)
    if len(suites) != len(totals):
        result.fail(f"{len(suites)} suites ended, but {len(totals)} gave their totals")
    result.errors += [line for line in text.splitlines() if "not ok" in line or "EXPECTATION FAILED" in line][:10]
    if not totals or (done.returncode and not result.failed):
        words = complaints(done.stdout)[0][:12] or done.stdout.splitlines()[-12:]
        result.fail(f"KUnit: exit status {done.returncode} {WHY.get(done.returncode, '')}", *words)
    return result


@stage("kunit", "KUnit tests of the core, on the default kernel and on the newest")
def check_kunit(log):
    result = Result()
    for name in ("", NEWEST):
        tree = modules_for(name, log, result, "--kunit")
        if tree is not None:
            result.add(run_kunit(log, tree.name, tree))
    return result
