# SPDX-License-Identifier: MIT
"""Power and hotplug: what a program of tests cannot do from inside of the VM alone."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .core import BUILD, RESULTS, ROOT, SCRIPTS, Result, enabled_chips, stage
from .guest import WHY, read_report

PROGRAMS = BUILD / "user" / "tests" / "power"
GUEST = ROOT / "tests" / "vm" / "power"
# Unplugs and reloads of the stage "churn"; all that was asked for once: CHURN=1000,200.
CHURN = os.environ.get("CHURN", "40,4").split(",")


def new_share(name):
    share = RESULTS / "power" / name
    shutil.rmtree(share, ignore_errors=True)
    share.mkdir(parents=True)
    return share


@stage("suspend", "the system sleeps with jobs in flight")
def check_suspend(log):
    result = Result()
    for chip in enabled_chips():
        share = new_share(f"suspend-{chip}")
        done = log.run(
            SCRIPTS / "vm", "run", "--card", chip, "--timeout", 600, "--share", share, "--",
            GUEST / "suspend.sh", PROGRAMS / "suspend", "--gtest_output=xml:/tmp/out/report.xml",
            timeout=720,
        )  # fmt: skip
        reported = read_report(share / "report.xml", result, f"suspend ({chip})")
        if not reported or (done.returncode and not result.failed):
            result.fail(f"suspend ({chip}): exit status {done.returncode} {WHY.get(done.returncode, '')}", *done.stdout.splitlines()[-12:])
    return result


@stage("churn", "cards are unplugged and found, modules unloaded and loaded, all the time and under load")
def check_churn(log):
    result = Result()
    for chip in enabled_chips():
        done = log.run(
            SCRIPTS / "vm", "run", "--card", chip, "--no-modules", "--timeout", 3600, "--",
            GUEST / "churn.sh", *CHURN, PROGRAMS / "restless",
            timeout=3720,
        )  # fmt: skip
        result.judge(done.returncode == 0, f"churn ({chip}): exit status {done.returncode}", *done.stdout.splitlines()[-12:])
        result.notes += [line for line in done.stdout.splitlines() if line.startswith("churn:")]
    return result


def kill_when(ready, emulator):
    """Kills the emulator as soon as the guest says that its clients are at work."""
    deadline = time.monotonic() + 300
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    emulator.kill()


@stage("card-killed", "a card's emulator is killed while jobs run")
def check_card_killed(log):
    result = Result()
    for chip in enabled_chips():
        share = new_share(f"card-killed-{chip}")
        with tempfile.TemporaryDirectory(prefix="halyard-") as folder:
            socket = Path(folder) / "card"
            emulator = subprocess.Popen(
                [BUILD / "user" / "bin" / "halyard-emulator", "--chip", chip, "--socket-path", socket, "--quiet"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            killer = threading.Thread(target=kill_when, args=(share / "ready", emulator))
            killer.start()
            while not socket.exists() and emulator.poll() is None:
                time.sleep(0.05)
            done = log.run(
                SCRIPTS / "vm", "run", "--attach", socket, "--timeout", 400, "--share", share, "--",
                GUEST / "killed.sh", PROGRAMS / "restless",
                timeout=460,
            )  # fmt: skip
            killer.join()
            emulator.wait()
        if "the guest ended without an exit status" in done.stdout:
            result.skip(f"card-killed ({chip}): QEMU broke down with the card's connection, see Documentation/power.rst")
        else:
            result.judge(done.returncode == 0, f"card-killed ({chip}): exit status {done.returncode}", *done.stdout.splitlines()[-12:])
    return result
