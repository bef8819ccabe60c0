"""SVG elements, escaped by the standard library, and what a figure is."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from markupsafe import Markup

Element = ElementTree.Element
COLOURS = ("c0", "c1", "c2", "c3", "c4")
GREY = "grey"
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not know; a name in a file may hold them."""


@dataclass(frozen=True)
class Figure:
    """One figure of the page.

    caption : what is drawn. description : the same for those who cannot see it, with the values
    that matter or where they stand. source : data, part, size and seed behind it. legend : (name,
    colour) of each series. note : what the figure leaves out, empty if nothing.
    """

    caption: str
    description: str
    svg: Markup
    source: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    note: str = ""


def element(tag: str, *children: Element, text: str = "", **attributes: str | float) -> Element:
    """Return an element; ``class_`` is class, other underscores are hyphens."""
    named = {
        key.rstrip("_").replace("_", "-"): value if isinstance(value, str) else number(value)
        for key, value in attributes.items()
    }
    result = Element(tag, {key: clean(value) for key, value in named.items()})
    if text:
        result.text = clean(text)
    result.extend(children)
    return result


def clean(text: str) -> str:
    """Return ``text`` without characters that XML does not know."""
    return _FORBIDDEN.sub("\ufffd", text)


def number(value: float) -> str:
    """Return a coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))


def share(value: float) -> str:
    """Return a position along x, 0 to 1, as a percentage."""
    return f"{number(100 * value)}%"


def tip(text: str) -> Element:
    """Return what a pointer that rests on an element is told."""
    return element("title", text=text)


def markup(root: Element, label: str, description: str) -> Markup:
    """Return a whole drawing with its name and description for those who cannot see it."""
    root.set("role", "img")
    root.set("aria-label", clean(label))
    root.insert(0, element("desc", text=description))
    return Markup(ElementTree.tostring(root, encoding="unicode"))
