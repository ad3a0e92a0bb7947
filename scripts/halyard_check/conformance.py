# SPDX-License-Identifier: MIT
"""The conformance suite on every chip, in process and in the VM, and its table: chip x area."""

import xml.etree.ElementTree as ElementTree
from collections import Counter

from .core import BUILD, RESULTS, Result, enabled_chips, stage
from .guest import read_report, run_program, share_of

PROGRAM = BUILD / "user" / "tests" / "conformance" / "conformance"
OUTCOMES = ("passed", "unsupported", "failed", "skipped")


def outcome(case):
    if case.find("failure") is not None:
        return "failed"
    skipped = case.find("skipped")
    if skipped is None:
        return "passed"
    reason = (skipped.get("message") or "") + (skipped.text or "")
    return "unsupported" if "unsupported: " in reason else "skipped"


def count_areas(report):
    """{area: Counter of outcomes} of a GoogleTest report."""
    areas = {}
    if report.is_file():
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            names = [entry.get("value") for entry in case.iter("property") if entry.get("name") == "area"]
            areas.setdefault(names[0] if names else "unknown", Counter())[outcome(case)] += 1
    return areas


def level_of(output):
    words = [line for line in output.splitlines() if line.startswith("reached ")]
    return words[-1].rsplit(" ", 1)[-1] if words and "no" not in words[-1].split() else "none"


def run_sim(log, chip):
    """(Result, areas, level) of a chip in process."""
    report = RESULTS / "conformance" / f"{chip}-sim.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    result = Result()
    done = log.run(PROGRAM, f"--gtest_output=xml:{report}", env={"HALYARD_TEST_DEVICE": f"sim:{chip}"}, timeout=900)
    if not read_report(report, result, f"{chip} in process"):
        result.fail(f"{chip} in process: exit status {done.returncode}, no test was reported")
    return result, count_areas(report), level_of(done.stdout)


def run_vm(log, chip):
    """The same on a card over the real driver."""
    options = ["--card", chip]
    result = run_program(log, PROGRAM, options, "", 900)
    share = share_of(PROGRAM, options, "")
    output = share / "output"
    return result, count_areas(share / "report.xml"), level_of(output.read_text() if output.is_file() else "")


def table(runs):
    """Lines of the table: one row per chip and platform, one column per area: passed/unsupported/failed."""
    areas = sorted({area for _name, found, _level in runs for area in found})
    rows = [["", *areas, "level"]]
    for name, found, level in runs:
        cells = ["/".join(str(found.get(area, Counter())[word]) for word in OUTCOMES[:3]) for area in areas]
        rows.append([name, *cells, level])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def count_refusals(result):
    """What is unsupported was tested, too: that it is refused."""
    others = [reason for reason in result.reasons if " unsupported: " not in reason]
    result.passed += len(result.reasons) - len(others)
    result.skipped, result.reasons = len(others), others


@stage("conformance", "every chip, in process and in the VM, does what it must or refuses it")
def check_conformance(log):
    result = Result()
    runs = []
    for chip in enabled_chips():
        for platform, run in (("sim", run_sim), ("vm", run_vm)):
            found, areas, level = run(log, chip)
            result.add(found)
            runs.append((f"{chip} {platform}", areas, level))
    count_refusals(result)
    result.notes = ["passed/unsupported/failed by chip and area", *table(runs)]
    log.write("\n".join(result.notes))
    return result
