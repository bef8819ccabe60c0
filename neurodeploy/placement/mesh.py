"""Places of cores on a mesh of tiles, and the links that messages take under xy routing.

A message goes along the row of tiles and then along the column: ``|x_a - x_b|`` horizontal links
and ``|y_a - y_b|`` vertical ones; cores of one tile are 0 links apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
"""Place of every core on its chip, ``(cores,)``: tile = place // cores per tile, row by row."""
LARGEST = 256
"""Places among which cores are exchanged; on larger chips they stay in the order of the walk."""
EXCHANGES = 2000
"""Most exchanges of one chip; each of them lessens the sum."""


def tile_of(place: int, width: int, per_tile: int) -> tuple[int, int]:
    """Return (column, row) of the tile that holds a place."""
    tile = place // per_tile
    return tile % width, tile // width


def distances(width: int, height: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return horizontal and vertical links between all pairs of tiles, ``(tiles, tiles)`` each."""
    tile = np.arange(width * height)
    x, y = tile % width, tile // width
    return np.abs(x[:, None] - x), np.abs(y[:, None] - y)


def walk(width: int, height: int, per_tile: int) -> Places:
    """Return all places along a walk through the tiles, row by row, every second one backwards."""
    tiles = np.arange(width * height).reshape(height, width)
    tiles[1::2] = tiles[1::2, ::-1].copy()
    return (tiles.reshape(-1)[:, None] * per_tile + np.arange(per_tile)).reshape(-1)


def links_taken(
    pairs: NDArray[np.int64], places: Places, mesh: tuple[int, int], per_tile: int
) -> int:
    """Return the links of all messages, one per pair."""
    tile = places // per_tile
    across, down = distances(*mesh)
    index = np.ix_(tile, tile)
    return int((pairs * (across[index] + down[index])).sum())


def improved(
    pairs: NDArray[np.int64], places: Places, free: Places, mesh: tuple[int, int], per_tile: int
) -> Places:
    """Return places with fewer links: the best exchange of two places, until there is none.

    pairs : messages between the cores. places : to begin with. free : places without a core that
    one may move to. Exchanging a and b changes the sum by ``C[a, t_b] + C[b, t_a] - C[a, t_a] -
    C[b, t_b] + 2 W[a, b] D[t_a, t_b]``, W the messages both ways, D links, t tiles,
    ``C[a, t] = sum over c of W[a, c] D[t, t_c]``. Ties go to the first pair: it is deterministic.
    """
    count = len(places)
    slots = np.concatenate([places, free[: max(LARGEST - count, 0)]])
    if count < 2 or count > LARGEST:
        return places
    across, down = distances(*mesh)
    links = (across + down).astype(np.float64)
    weight = np.zeros((len(slots), len(slots)))
    weight[:count, :count] = pairs + pairs.T
    np.fill_diagonal(weight, 0.0)
    tile = slots // per_tile
    cost = weight @ links[tile]
    for _ in range(EXCHANGES):
        there = cost[:, tile]
        here = np.diagonal(there)
        change = there + there.T - here[:, None] - here + 2 * weight * links[np.ix_(tile, tile)]
        best = int(np.argmin(change))
        a, b = divmod(best, len(slots))
        if change[a, b] > -0.5:
            break
        moved = links[tile[b]] - links[tile[a]]
        cost += np.outer(weight[:, a] - weight[:, b], moved)
        slots[[a, b]] = slots[[b, a]]
        tile[[a, b]] = tile[[b, a]]
    return np.asarray(slots[:count], np.int64)
