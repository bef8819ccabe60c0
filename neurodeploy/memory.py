"""Whether this machine has the memory that a request needs, asked before it is taken.

Linux grants more memory than there is and ends the process that uses it. So what is left is asked
for where the system says it: the machine's free memory and swap, the limit of the control group,
the limit of the process (``ulimit -v``). Elsewhere a request fails when it cannot be granted.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from neurodeploy.errors import CapacityError

SMALL_BYTES = 64 * 2**20
"""Requests up to this size are not looked at."""
SPARED = 10
"""One part in so many of what is available is left to others, and to what is not asked for."""
SMALLER_RUN = "record less, or run fewer samples or steps at a time"


class _ControlGroup(NamedTuple):
    """Where a version of control groups says what it allows; file caches can be given up."""

    root: str
    limit: str
    used: str
    cached: str


_CONTROL_GROUPS = {
    "": _ControlGroup("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    "memory": _ControlGroup(
        "/sys/fs/cgroup/memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
}
"""By the controllers that ``/proc/self/cgroup`` names: version 2, version 1."""


def require(needed_bytes: int, what: str, way_out: str = SMALLER_RUN) -> None:
    """Raise CapacityError unless ``needed_bytes`` are available, as far as that is known.

    A tenth of what is available is spared.
    """
    if needed_bytes <= SMALL_BYTES:
        return
    left = available_bytes()
    if left is not None and needed_bytes > left - left // SPARED:
        raise CapacityError(
            f"{what} needs {amount(needed_bytes)} of memory, {amount(left)} are available and a "
            f"tenth of it is spared; {way_out}"
        )


def amount(size: int) -> str:
    """Return ``size`` bytes in words."""
    value, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:,.0f} {unit}"


def available_bytes() -> int | None:
    """Return how many bytes can still be used, or None where the system does not say."""
    known = [left for left in (_machine(), _control_group(), _process()) if left is not None]
    return max(min(known), 0) if known else None


def _machine() -> int | None:
    lines = (line.split() for line in _text("/proc/meminfo").splitlines())
    table = {words[0]: int(words[1]) * 1024 for words in lines if len(words) > 1}
    if "MemAvailable:" not in table:
        return None
    return table["MemAvailable:"] + table.get("SwapFree:", 0)


def _control_group() -> int | None:
    """What the group of this process, or that of its container, allows and has not used."""
    known = []
    for line in _text("/proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers in _CONTROL_GROUPS:
            files = _CONTROL_GROUPS[controllers]
            root = Path(files.root)
            known += [_left(root / group.lstrip("/"), files), _left(root, files)]
    return min((left for left in known if left is not None), default=None)


def _left(folder: Path, files: _ControlGroup) -> int | None:
    limit, used = (_text(folder / name).strip() for name in (files.limit, files.used))
    if not limit.isdigit() or not used.isdigit():  # "max"
        return None
    statistics = (line.split() for line in _text(folder / "memory.stat").splitlines())
    cached = next((int(words[1]) for words in statistics if words[0] == files.cached), 0)
    return int(limit) - int(used) + cached


def _process() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    pages = _text("/proc/self/statm").split()
    return limit - int(pages[0]) * resource.getpagesize() if pages else None


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
