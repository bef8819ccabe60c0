"""Handwritten digits that ship with scikit-learn: 1797 images of 8 x 8, values 0..16."""

from __future__ import annotations

import numpy as np

from neurodeploy.data.dataset import SPLIT_SEED, Dataset, hold_out, whole_set
from neurodeploy.errors import DataError

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1


def load_digits() -> Dataset:
    """Return the digits as ``(1, 8, 8)`` images, split 72 / 8 / 20 % with `SPLIT_SEED`.

    Source: UCI "Optical recognition of handwritten digits" test set, as in `sklearn.datasets`.
    """
    try:
        from sklearn.datasets import load_digits as bundled
    except ImportError as error:
        raise DataError(
            "digits: scikit-learn is not installed; pip install scikit-learn"
        ) from error
    images, labels = bundled(return_X_y=True)
    pool = whole_set(np.rint(images).astype(np.int32).reshape(-1, 1, 8, 8), labels)
    rest, test = hold_out(pool, TEST_SHARE, SPLIT_SEED)
    train, validation = hold_out(rest, VALIDATION_SHARE, SPLIT_SEED + 1)
    return Dataset(
        name="digits",
        train=train,
        validation=validation,
        test=test,
        classes=10,
        peak=16,
        series=False,
        seed=SPLIT_SEED,
        source="scikit-learn load_digits",
    )
