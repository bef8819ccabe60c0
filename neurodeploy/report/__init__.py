"""One page about one network: everything a run folder holds, as HTML and as JSON."""

from neurodeploy.report.build import Report, build_report
from neurodeploy.report.page import render, write_report
from neurodeploy.report.parts import PARTS, Part

__all__ = ["PARTS", "Part", "Report", "build_report", "render", "write_report"]
