"""One page about one network: everything a run folder holds, as HTML and as JSON."""

from neurodeploy.report.build import build_report
from neurodeploy.report.page import render, write_report

__all__ = ["build_report", "render", "write_report"]
