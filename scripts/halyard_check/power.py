# SPDX-License-Identifier: MIT
"""Power and hotplug: what a program of tests cannot do from inside of the VM alone."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from halyard_vm.image import build_image
from halyard_vm.paths import kernel_directory

from .core import BUILD, RESULTS, ROOT, SCRIPTS, Result, enabled_chips, stage
from .guest import WHY, read_report
from .qmp import Qmp

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


def kill_when(ready, emulator, path):
    """Kills the emulator as soon as the guest says that its clients are at work.

    The guest stands still in that moment: QEMU 11.1 ends itself when one of its processors writes to the card after the
    connection's end and before QEMU has noticed it (error_setv: Assertion `*errp == NULL' failed)."""
    deadline = time.monotonic() + 300
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    try:
        with Qmp(path) as qemu:
            qemu.run("stop")
            emulator.kill()
            emulator.wait()
            time.sleep(0.5)
            qemu.run("cont")
    finally:
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
            qmp = Path(folder) / "qmp"
            killer = threading.Thread(target=kill_when, args=(share / "ready", emulator, qmp))
            killer.start()
            while not socket.exists() and emulator.poll() is None:
                time.sleep(0.05)
            done = log.run(
                SCRIPTS / "vm", "run", "--attach", socket, *Qmp.options(qmp), "--timeout", 400, "--share", share, "--",
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


def moves_data(event):
    return event.startswith(("dma-read", "dma-write", "interrupt"))


def quiet_between_kernels(events):
    """What is wrong with the trace of a card that two kernels have used, one after the other; none when nothing is.

    The first kernel's driver resets the card and then switches bus mastering off. From its last access to a register on until
    the second one's driver switches it on again, the card moves no data and raises no interrupt."""
    started = [index for index, event in enumerate(events) if event.split() == ["bus-master", "on"]]
    if len(started) != 2:
        return [f"bus mastering was switched on {len(started)} times, not by two kernels"]
    first, second = started
    stopped = max((index for index in range(first, second) if events[index].startswith("bar-write")), default=first)
    lines = [f"after shutdown: {event}" for event in events[stopped:second] if moves_data(event)]
    for name, part in (("first", events[first:stopped]), ("second", events[second:])):
        if not any(map(moves_data, part)):
            lines.append(f"the {name} kernel's clients have not used the card")
    if not any(event.split()[:2] == ["config-write", "0x004"] for event in events[stopped:second]):
        lines.append("nobody has switched bus mastering off")
    return lines


@stage("kexec", "a kernel starts another one while jobs run, and leaves it a card that is quiet")
def check_kexec(log):
    result = Result()
    if not shutil.which("kexec"):
        result.skip("kexec is missing (package kexec-tools)")
        return result
    kernel = kernel_directory("")
    for chip in enabled_chips():
        share = new_share(f"kexec-{chip}")
        (share / "kexec").mkdir()
        shutil.copy(kernel / "vmlinuz", share / "kexec" / "vmlinuz")
        shutil.copy(build_image(kernel), share / "kexec" / "initrd")
        done = log.run(
            SCRIPTS / "vm", "run", "--card", chip, "--timeout", 400, "--share", share, "--trace", share, "--",
            GUEST / "kexec.sh", PROGRAMS / "restless",
            timeout=460,
        )  # fmt: skip
        shutil.rmtree(share / "kexec")
        if done.returncode:
            result.fail(f"kexec ({chip}): exit status {done.returncode} {WHY.get(done.returncode, '')}", *done.stdout.splitlines()[-12:])
            continue
        trace = log.run(BUILD / "user" / "bin" / "halyard-trace", share / "card0.trace")
        events = [line.split(maxsplit=2)[2] for line in trace.stdout.splitlines() if len(line.split(maxsplit=2)) == 3]
        wrong = quiet_between_kernels(events)
        result.judge(trace.returncode == 0 and not wrong, f"kexec ({chip}): the card was not quiet:", *wrong[:8])
    return result
