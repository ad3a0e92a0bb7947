# SPDX-License-Identifier: MIT
"""Sphinx configuration. `make docs` builds; a warning is an error."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
GENERATED = ROOT / "build" / "docs" / "doxygen"

sys.path.insert(0, str(HERE / "_ext"))

project = "Halyard"
copyright = "the Halyard authors"  # noqa: A001 (Sphinx names it so)
author = "the Halyard authors"
extensions = ["breathe", "kernel_doc"]
html_theme = "sphinx_rtd_theme"
exclude_patterns = ["_ext"]
highlight_language = "none"
nitpicky = False

# The HAL's reference comes from hal/include by way of Doxygen.
breathe_projects = {"hal": str(GENERATED / "xml")}
breathe_default_project = "hal"
breathe_domain_by_extension = {"h": "c", "hpp": "cpp"}
c_id_attributes = ["HALYARD_API"]
cpp_id_attributes = ["HALYARD_API"]


def run_doxygen(_app):
    """Writes the XML that breathe reads. A warning of Doxygen's stops the build like one of Sphinx's."""
    GENERATED.mkdir(parents=True, exist_ok=True)
    settings = {
        "PROJECT_NAME": "libhalyard",
        "INPUT": ROOT / "hal" / "include" / "halyard" / "halyard.h",
        "OUTPUT_DIRECTORY": GENERATED,
        "GENERATE_HTML": "NO",
        "GENERATE_LATEX": "NO",
        "GENERATE_XML": "YES",
        "XML_PROGRAMLISTING": "NO",
        "EXTRACT_ALL": "YES",
        "OPTIMIZE_OUTPUT_FOR_C": "YES",
        "TYPEDEF_HIDES_STRUCT": "YES",
        "MACRO_EXPANSION": "YES",
        "EXPAND_ONLY_PREDEF": "YES",
        "PREDEFINED": "HALYARD_API=",
        "AUTOLINK_SUPPORT": "NO",
        "QUIET": "YES",
        "WARN_AS_ERROR": "YES",
    }
    config = "\n".join(f"{key} = {value}" for key, value in settings.items())
    subprocess.run(["doxygen", "-"], input=config, text=True, check=True)


def setup(app):
    app.connect("builder-inited", run_doxygen)
