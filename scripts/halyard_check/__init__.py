# SPDX-License-Identifier: MIT
"""The stages of `make check`. The entry point is scripts/check."""
