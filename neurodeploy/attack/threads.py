"""Threads of torch while an attack runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread(torch_runs: bool = True) -> Iterator[None]:
    """Let torch compute in one thread: sums in another order would give other gradients."""
    if not torch_runs:
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
