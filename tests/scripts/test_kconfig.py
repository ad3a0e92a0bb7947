# SPDX-License-Identifier: MIT
"""The configuration governs what Kbuild and CMake read."""

import tempfile
import unittest

from support import copy_tree, run


class Kconfig(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = copy_tree(folder.name)

    def kconfig(self, *arguments):
        return run(self.top / "scripts" / "kconfig", *arguments, cwd=self.top)

    def generated(self, name):
        return (self.top / "build" / "config" / name).read_text()

    def configure(self, line):
        self.assertEqual(self.kconfig("defconfig").returncode, 0)
        config = self.top / ".config"
        name = line.removeprefix("# ").split("=")[0].split()[0]
        kept = [old for old in config.read_text().splitlines() if f"{name}=" not in old and f"{name} " not in old]
        config.write_text("\n".join([*kept, line]) + "\n")
        return self.kconfig("generate")

    def test_the_default_is_made_when_there_is_none(self):
        self.assertEqual(self.kconfig("generate").returncode, 0)
        self.assertTrue((self.top / ".config").is_file())
        self.assertIn('set(HALYARD_HAL_PLATFORM_DRM "ON")', self.generated("config.cmake"))

    def test_a_symbol_switched_off_is_off_everywhere(self):
        self.assertEqual(self.configure("# CONFIG_HALYARD_DEBUGFS is not set").returncode, 0)
        self.assertNotIn("HALYARD_DEBUGFS=y", self.generated("auto.conf"))
        self.assertNotIn("CONFIG_HALYARD_DEBUGFS", self.generated("autoconf.h"))
        self.assertIn('set(HALYARD_DEBUGFS "OFF")', self.generated("config.cmake"))

    def test_what_depends_on_it_goes_too(self):
        self.assertEqual(self.configure("# CONFIG_HALYARD_EMULATOR is not set").returncode, 0)
        self.assertIn('set(HALYARD_HAL_PLATFORM_SIM "OFF")', self.generated("config.cmake"))

    def test_chips_follow_their_symbols(self):
        folder = self.top / "kernel" / "chips" / "dinghy"
        folder.mkdir(parents=True)
        (folder / "Kconfig").write_text('config HALYARD_CHIP_DINGHY\n\tbool "dinghy"\n\tdefault y\n')
        self.assertEqual(self.kconfig("defconfig").returncode, 0)
        self.assertRegex(self.generated("auto.conf"), r"(?m)^HALYARD_CHIPS :=.*\bdinghy\b")
        self.assertEqual(self.configure("# CONFIG_HALYARD_CHIP_DINGHY is not set").returncode, 0)
        self.assertNotRegex(self.generated("auto.conf"), r"(?m)^HALYARD_CHIPS :=.*\bdinghy\b")

    def test_a_chip_without_its_folder_is_refused(self):
        folder = self.top / "kernel" / "chips" / "dinghy"
        folder.mkdir(parents=True)
        (folder / "Kconfig").write_text('config HALYARD_CHIP_GIG\n\tbool "gig"\n\tdefault y\n')
        result = self.kconfig("defconfig")
        self.assertEqual(result.returncode, 1)
        self.assertIn("there is no folder kernel/chips/gig", result.stdout)

    def test_an_unknown_symbol_is_refused_and_dropped_by_olddefconfig(self):
        result = self.configure("CONFIG_HALYARD_DEBUGFSS=y")
        self.assertEqual(result.returncode, 1)
        self.assertIn("HALYARD_DEBUGFSS", result.stdout)
        self.assertEqual(self.kconfig("olddefconfig").returncode, 0)
        self.assertNotIn("DEBUGFSS", (self.top / ".config").read_text())

    def test_a_value_of_the_wrong_type_is_refused(self):
        result = self.configure("CONFIG_HALYARD_DEBUGFS=17")
        self.assertEqual(result.returncode, 1)
        self.assertIn("17", result.stdout)

    def test_menuconfig_without_a_terminal_is_refused(self):
        result = self.kconfig("menuconfig")
        self.assertEqual(result.returncode, 1)
        self.assertIn("needs a terminal", result.stdout)

    def test_savedefconfig_keeps_only_differences(self):
        self.assertEqual(self.configure("# CONFIG_HALYARD_KUNIT is not set").returncode, 0)
        self.assertEqual(self.kconfig("savedefconfig").returncode, 0)
        lines = (self.top / "configs" / "defconfig").read_text().splitlines()
        self.assertIn("# CONFIG_HALYARD_KUNIT is not set", lines)
        self.assertNotIn("CONFIG_HALYARD_DEBUGFS=y", lines)

    def test_files_that_do_not_change_keep_their_time(self):
        self.assertEqual(self.kconfig("defconfig").returncode, 0)
        path = self.top / "build" / "config" / "config.cmake"
        before = path.stat().st_mtime_ns
        self.assertEqual(self.kconfig("generate").returncode, 0)
        self.assertEqual(path.stat().st_mtime_ns, before)


if __name__ == "__main__":
    unittest.main()
