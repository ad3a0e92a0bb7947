# SPDX-License-Identifier: MIT
"""An unmodified llama.cpp from Debian's packages on a card in the VM, or on a chip's model in process."""
