"""Recordings of event sensors: read as they are published, binned into columns.

events = read_nmnist(Path("Train/5/00001.bin"))
columns, lost = binned(events, Binning(steps=20, downsample=2))   # uint8 (20, 2, 17, 17)
"""

from __future__ import annotations

from neurodeploy.data.events.aedat import cut, read_aedat, read_labels
from neurodeploy.data.events.binning import Binning, Lost, binned
from neurodeploy.data.events.folders import LAYOUTS, load_events
from neurodeploy.data.events.lists import read_list
from neurodeploy.data.events.nmnist import read_nmnist
from neurodeploy.data.events.record import Events
from neurodeploy.data.events.shd import read_shd

__all__ = [
    "LAYOUTS",
    "Binning",
    "Events",
    "Lost",
    "binned",
    "cut",
    "load_events",
    "read_aedat",
    "read_labels",
    "read_list",
    "read_nmnist",
    "read_shd",
]
