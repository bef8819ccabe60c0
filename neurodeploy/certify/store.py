"""Writing ``certificates.h5``; `neurodeploy.certificates.file` describes and reads it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from neurodeploy.atomic import replacing
from neurodeploy.certificates.claims import Claims
from neurodeploy.certificates.file import digest_of, parts


def write(claims: Claims, path: Path) -> None:
    """Store ``claims`` in ``path``, whole or not at all; the same claims give the same bytes."""
    attributes, arrays = parts(claims)
    with h5py.File(
        "certificates.h5", "w", driver="core", backing_store=False, libver=("v110", "v110")
    ) as file:
        for name, value in attributes.items():
            file.attrs[name] = np.bytes_(value) if isinstance(value, str) else np.int64(value)
        file.attrs["digest"] = np.bytes_(digest_of(attributes, arrays))
        for name, array in arrays.items():
            packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
            file.create_dataset(name, data=array, **(packed if array.nbytes > 512 else {}))
        file.flush()
        image = bytes(file.id.get_file_image())
    with replacing(path) as target:
        target.write(image)
