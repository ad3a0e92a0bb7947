# SPDX-License-Identifier: MIT
"""Runs commands in a virtual machine with emulated cards. The entry point is scripts/vm."""
