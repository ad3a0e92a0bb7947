# SPDX-License-Identifier: MIT
"""What users get: the front door's refusals, the installed tree, the documentation."""

import re
import shutil

from .core import BUILD, RESULTS, ROOT, SCRIPTS, Result, stage

CONSUMER = ROOT / "tests" / "install"


def run_unittests(log, folder, pattern):
    """Python's own tests in a folder."""
    result = Result()
    done = log.run("/usr/bin/python3", "-B", "-m", "unittest", "discover", "-v", "-s", folder, "-t", folder, "-p", pattern)
    for line in done.stdout.splitlines():
        verdict = re.search(r"\.\.\. (ok|FAIL|ERROR|skipped .*)$", line)
        if verdict is None:
            continue
        if verdict[1] == "ok":
            result.passed += 1
        elif verdict[1].startswith("skipped"):
            result.skip(line)
        else:
            result.fail(line)
    if done.returncode and not result.failed:
        result.fail(f"the tests in {folder} broke off:", *done.stdout.splitlines()[-8:])
    elif result.failed:
        result.errors += [line for line in done.stdout.splitlines() if re.match(r"(AssertionError|\w+Error):", line)][:10]
    return result


@stage("frontdoor", "scripts and their refusals")
def check_frontdoor(log):
    return run_unittests(log, "tests/scripts", "test_*.py")


@stage("digits", "the digits network's files are whole and are what their README says")
def check_digits(log):
    folder = ROOT / "hal" / "tools" / "digits"
    result = run_unittests(log, folder, "*_test.py")
    done = log.run("/usr/bin/python3", "-B", folder / "train.py", "--check")
    result.judge(done.returncode == 0, *done.stdout.splitlines()[-5:])
    return result


@stage("install", "make install, and a program built against what it installed")
def check_install(log):
    result = Result()
    stage_folder = RESULTS / "install"
    shutil.rmtree(stage_folder, ignore_errors=True)
    done = log.run(SCRIPTS / "install", "--destdir", stage_folder, "--prefix", "/usr")
    result.judge(done.returncode == 0, *done.stdout.splitlines()[-5:])
    if done.returncode:
        return result
    done = log.run(CONSUMER / "run", stage_folder, BUILD / "check" / "consumer")
    for line in done.stdout.splitlines():
        if line.startswith(("ok ", "not ok ")):
            result.judge(line.startswith("ok "), line)
    if done.returncode and not result.failed:
        result.fail("tests/install/run broke off:", *done.stdout.splitlines()[-8:])
    return result


@stage("docs", "documentation builds without warnings")
def check_docs(log):
    result = Result()
    if not (ROOT / "Documentation" / "conf.py").is_file():
        result.skip("there is no Documentation/conf.py")
        return result
    done = log.run(SCRIPTS / "docs")
    result.judge(done.returncode == 0, *done.stdout.splitlines()[:15])
    return result
