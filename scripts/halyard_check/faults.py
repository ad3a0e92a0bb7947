# SPDX-License-Identifier: MIT
"""Every injection on every card under load, and clients that are killed; on the debug kernel."""

import json

from .core import BUILD, ROOT, Result, enabled_chips, stage
from .guest import run_program, share_of
from .kernel import modules_for

PROGRAMS = BUILD / "user" / "tests" / "faults"
# Of each case and load: together more than a thousand injections.
ROUNDS = 9
# Seconds of killing for each chip, and who is killed: more are not at work at once on a kernel that checks everything
# (scripts/soak has 64 on the default kernel, for ten minutes).
KILLING = 20
CLIENTS = 16


def read_table(share):
    path = share / "faults.json"
    return json.loads(path.read_text()) if path.is_file() else []


def lines_of(rows):
    """One line for each injection that a chip's table names: sums over its loads, and the worst time."""
    found = {}
    for row in rows:
        line = found.setdefault((row["chip"], row["fault"]), {"injected": 0, "fired": 0, "recovered": 0, "lost": 0, "worst": {}})
        for key, name in (("injected", "injected"), ("fired", "fired"), ("recovered", "recovered"), ("lost", "innocents_lost")):
            line[key] += row[name]
        line["worst"][row["load"]] = row["worst_ms"]
    lines = [f"{'chip':8} {'injection':24} {'injected':>8} {'fired':>6} {'recovered':>9} {'innocents lost':>14}  worst ms: idle, busy, sixteen"]
    for (chip, fault), line in found.items():
        worst = ", ".join(str(line["worst"].get(load, "-")) for load in ("idle", "busy", "sixteen"))
        lines.append(f"{chip:8} {fault:24} {line['injected']:>8} {line['fired']:>6} {line['recovered']:>9} {line['lost']:>14}  {worst}")
    return lines


def totals_of(rows):
    """One line for each chip."""
    lines = []
    for chip in dict.fromkeys(row["chip"] for row in rows):
        of_chip = [row for row in rows if row["chip"] == chip]
        sums = {key: sum(row[key] for row in of_chip) for key in ("injected", "fired", "recovered", "innocents_lost", "jobs")}
        worst = max(of_chip, key=lambda row: row["worst_ms"])
        lines.append(
            f"{chip}: {sums['injected']} injected, {sums['fired']} events spoilt, {sums['recovered']} recovered, "
            f"innocents lost: {sums['innocents_lost']}, {sums['jobs']} results right meanwhile; worst recovery "
            f"{worst['worst_ms']} ms ({worst['fault']}, {worst['load']})"
        )
    return lines


def run_table(log, kernel, rounds, timeout, *extra):
    """(Result, rows) of the walk on every chip."""
    result = Result()
    rows = []
    for chip in enabled_chips():
        table = ROOT / "tests" / "vm" / chip / "faults.txt"
        if not table.is_file():
            result.skip(f"{chip}: there is no {table.relative_to(ROOT)} that says what its injections must come to")
            continue
        options = ["--card", chip, *extra]
        program = PROGRAMS / "faults"
        result.add(run_program(log, program, options, kernel, timeout, f"--rounds={rounds}", "--table=/out/faults.json"))
        rows += read_table(share_of(program, options, kernel))
    return result, rows


@stage("faults", "every injection of every card, idle, busy and with sixteen clients, on the debug kernel")
def check_faults(log):
    result = Result()
    if modules_for("debug", log, result) is None:
        return result
    found, rows = run_table(log, "debug", ROUNDS, 1500, "--append", "kmemleak=on")
    result.add(found)
    injected = sum(row["injected"] for row in rows)
    result.judge(injected >= 1000, f"only {injected} injections")
    result.notes = [*totals_of(rows), *lines_of(rows)]
    log.write("\n".join(result.notes))
    return result


@stage("killed", f"{CLIENTS} clients killed at random leave nothing behind, on the debug kernel")
def check_killed(log):
    result = Result()
    if modules_for("debug", log, result) is None:
        return result
    for chip in enabled_chips():
        options = ["--card", chip, "--append", "kmemleak=on"]
        program = PROGRAMS / "killed"
        result.add(run_program(log, program, options, "debug", 900, f"--seconds={KILLING}", f"--clients={CLIENTS}"))
        output = share_of(program, options, "debug") / "output"
        said = output.read_text(errors="replace").splitlines() if output.is_file() else []
        result.notes += [f"{chip}: {line}" for line in said if line.startswith("seed ")]
    return result
