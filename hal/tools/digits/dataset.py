# SPDX-License-Identifier: MIT
"""The UCI handwritten digits and their fixed division into a training and a test split."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLASSES = 10
PIXEL_MAX = 16
SPLIT_SEED = 20240607
_TEST_SHARE = 0.2

PROVENANCE = {
    "title": "Optical Recognition of Handwritten Digits",
    "creators": "E. Alpaydin, C. Kaynak",
    "doi": "10.24432/C50P49",
    "source": "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    "license": "CC-BY-4.0",
    "license_url": "https://creativecommons.org/licenses/by/4.0/",
    "copy": "sklearn.datasets.load_digits (Debian package python3-sklearn): the 1797 images of the "
    "UCI test partition (optdigits.tes)",
    "changes": "a stratified 20 % of the 1797 images, rearranged as uint8 [N,8,8]; "
    "values as in the source",
    "split_seed": str(SPLIT_SEED),
}


@dataclass(frozen=True)
class Split:
    """Images and what they show.

    images: uint8 [N, 8, 8], ink per pixel 0..16; labels: uint8 [N], 0..9.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def load() -> tuple[Split, Split]:
    """Return (training split, test split) of the copy in Debian's python3-sklearn.

    The division depends on the labels and SPLIT_SEED only. RandomState is numpy's frozen
    generator: its stream is the same in every version. ImportError without python3-sklearn.
    """
    from sklearn.datasets import load_digits  # here, because a check must work without sklearn

    source: Any = load_digits()
    images = source.images.astype(np.uint8)
    labels = source.target.astype(np.uint8)
    random = np.random.RandomState(SPLIT_SEED)
    in_test = np.zeros(len(labels), bool)
    for digit in range(CLASSES):
        members = random.permutation(np.flatnonzero(labels == digit))
        in_test[members[: round(_TEST_SHARE * len(members))]] = True
    return Split(images[~in_test], labels[~in_test]), Split(images[in_test], labels[in_test])
