"""What a program answers on data: how its samples are run, in what time, and the class of each."""

from neurodeploy.answers.recipe import Recipe, RunChoice, settle
from neurodeploy.answers.runner import Piece, Runner, Samples

__all__ = ["Piece", "Recipe", "RunChoice", "Runner", "Samples", "settle"]
