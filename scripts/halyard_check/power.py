# SPDX-License-Identifier: MIT
"""Power and hotplug: what a program of tests cannot do from inside of the VM alone."""

import shutil

from .core import BUILD, RESULTS, ROOT, SCRIPTS, Result, enabled_chips, stage
from .guest import WHY, read_report

PROGRAMS = BUILD / "user" / "tests" / "power"


def new_share(name):
    share = RESULTS / "power" / name
    shutil.rmtree(share, ignore_errors=True)
    share.mkdir(parents=True)
    return share


@stage("suspend", "the system sleeps with jobs in flight")
def check_suspend(log):
    result = Result()
    script = ROOT / "tests" / "vm" / "power" / "suspend.sh"
    for chip in enabled_chips():
        share = new_share(f"suspend-{chip}")
        done = log.run(
            SCRIPTS / "vm", "run", "--card", chip, "--timeout", 600, "--share", share, "--",
            script, PROGRAMS / "suspend", "--gtest_output=xml:/tmp/out/report.xml",
            timeout=720,
        )  # fmt: skip
        reported = read_report(share / "report.xml", result, f"suspend ({chip})")
        if not reported or (done.returncode and not result.failed):
            result.fail(f"suspend ({chip}): exit status {done.returncode} {WHY.get(done.returncode, '')}", *done.stdout.splitlines()[-12:])
    return result
