# SPDX-License-Identifier: MIT
"""Which stages a run of scripts/check has, and which it leaves out."""

import os
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from support import SCRIPTS, run

# support knows where it is.
from halyard_check import cli, core, debug  # isort: skip


def arguments(**given):
    return SimpleNamespace(**{"stages": [], "skip": [], "debug": False, "deep": False, "warm": False, **given})


class Stages(unittest.TestCase):
    def test_groups_are_of_stages_that_exist(self):
        for name in [*cli.DEBUG, *cli.DEEP]:
            self.assertIn(name, core.STAGES)

    def test_the_usual_run_has_neither_group(self):
        names = cli.chosen_stages(arguments())
        self.assertIn("vm", names)
        self.assertFalse({*cli.DEBUG, *cli.DEEP} & {*names})

    def test_debug_builds_and_has_its_group_alone(self):
        first, *others = cli.chosen_stages(arguments(debug=True))
        self.assertEqual(first, "build")
        self.assertEqual({*others}, {*cli.DEBUG})

    def test_deep_has_all(self):
        self.assertEqual({*cli.chosen_stages(arguments(deep=True))}, {*core.STAGES})

    def test_the_debug_kernels_stages_come_last(self):
        names = cli.chosen_stages(arguments(warm=True))
        last = names[-len(cli.DEBUG) :]
        self.assertEqual({*last}, {*cli.DEBUG})
        self.assertEqual((last[0], last[-1]), ("kunit-debug", "faults"))
        self.assertIn("vm", names)

    def test_a_stage_can_be_skipped(self):
        self.assertNotIn("vm", cli.chosen_stages(arguments(skip=["vm"])))


class LeftOut(unittest.TestCase):
    def test_without_its_kernel(self):
        with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, HALYARD_CACHE=cache):
            self.assertIn("not in the cache", cli.why_left_out("vm-debug", True))

    def test_when_time_is_short(self):
        short = core.Deadline()
        short.set(30)
        with mock.patch.object(cli, "DEADLINE", short):
            self.assertIn("of the time", cli.why_left_out("vm-debug", False))
            self.assertIsNone(cli.why_left_out("vm", False))

    def test_not_when_there_is_no_limit(self):
        self.assertIsNone(cli.why_left_out("vm-debug", False))

    def test_it_is_said_and_counted(self):
        done = run(SCRIPTS / "check", "--within", "0.1", "vm-debug")
        self.assertEqual(done.returncode, 1)
        self.assertIn("skipped: left out: it lasts", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 0 failed, 1 skipped")


class Batches(unittest.TestCase):
    CONSOLE = """[ 1.0] booted
[ 2.0] halyard-check: one
[ 2.5] WARNING: CPU: 0 PID: 1 at somewhere
[ 3.0] halyard-check: two
[ 4.0] halyard-check: unloading
"""

    def judge(self, name, status):
        result = core.Result()
        with tempfile.TemporaryDirectory() as folder:
            share = Path(folder)
            (share / f"{name}.xml").write_text('<t><testcase classname="A" name="b" status="run"/></t>')
            if status is not None:
                (share / f"{name}.status").write_text(f"{status}\n")
            debug.judge_program(result, share, name, name, debug.sections(self.CONSOLE))
        return result

    def test_the_kernels_words_are_the_running_programs(self):
        self.assertIn("the kernel complained 1 times", " ".join(self.judge("one", 0).errors))
        self.assertEqual(self.judge("two", 0).failed, 0)

    def test_a_program_that_fails_without_a_failed_test_fails(self):
        self.assertIn("exit status 139", self.judge("two", 139).errors[0])

    def test_a_program_that_did_not_end_is_told_from_one_that_never_began(self):
        self.assertIn("did not end", self.judge("two", None).errors[0])
        self.assertIn("was not reached", self.judge("three", None).errors[0])


if __name__ == "__main__":
    unittest.main()
