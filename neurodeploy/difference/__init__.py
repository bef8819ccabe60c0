"""Two programs, or two run folders, side by side: where they differ, item by item."""

from neurodeploy.difference.item import Difference, Item
from neurodeploy.difference.programs import program_items
from neurodeploy.difference.runs import run_items

__all__ = ["Difference", "Item", "program_items", "run_items"]
