"""The read-out rule under its former name."""

from neurodeploy.accuracy import TIE, Accuracy, predictions, scores

__all__ = ["TIE", "Accuracy", "predictions", "scores"]
