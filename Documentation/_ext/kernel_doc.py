# SPDX-License-Identifier: MIT
"""`.. kernel-doc:: FILE` puts a header's kernel-doc comments here, by the kernel's own scripts/kernel-doc.

The script comes with the test kernel's build files; scripts/docs names it in HALYARD_KERNEL_DOC.
"""

import os
import pathlib
import subprocess

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.errors import ExtensionError
from sphinx.util.nodes import nested_parse_with_titles

ROOT = pathlib.Path(__file__).resolve().parents[2]


class KernelDoc(Directive):
    """The directive."""

    required_arguments = 1

    def run(self):
        source = ROOT / self.arguments[0]
        script = os.environ.get("HALYARD_KERNEL_DOC")
        if not script:
            raise ExtensionError("HALYARD_KERNEL_DOC is not set: build with `make docs`")
        self.state.document.settings.record_dependencies.add(str(source))
        result = subprocess.run([script, "-rst", "-Werror", str(source)], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise ExtensionError(f"kernel-doc {source.name}: {result.stderr.strip()}")
        lines = StringList(result.stdout.splitlines(), source=self.arguments[0])
        section = nodes.section()
        section.document = self.state.document
        nested_parse_with_titles(self.state, lines, section)
        return section.children


def setup(app):
    app.add_directive("kernel-doc", KernelDoc)
    return {"parallel_read_safe": True}
