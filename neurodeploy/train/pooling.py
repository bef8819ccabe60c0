"""Sums of cells of maps, which lowering folds into the next layer's weights."""

from __future__ import annotations

from torch import Tensor, nn

from neurodeploy.train.specs import SumPool

Shape = tuple[int, ...]


class SumPoolLayer(nn.Module):
    """Sums of k x k cells; a remainder at the far border is left out."""

    def __init__(self, size: int, source: Shape, spec: SumPool | None = None) -> None:
        super().__init__()
        self.size, self.source, self.spec = size, source, spec or SumPool(size=size)
        self.shape: Shape = (source[0], source[1] // size, source[2] // size)

    def forward(self, x: Tensor) -> Tensor:
        """x : ``(T, batch, C, H, W)``."""
        channels, height, width = self.shape
        k = self.size
        x = x[..., : height * k, : width * k]
        return x.reshape(*x.shape[:2], channels, height, k, width, k).sum((-3, -1))
