"""What is left of the memory is read where the system says it; requests beyond it are refused."""

from __future__ import annotations

import pytest

from neurodeploy import memory
from neurodeploy.errors import CapacityError, NeurodeployError

GB = 10**9


def files(monkeypatch: pytest.MonkeyPatch, texts: dict[str, str]) -> None:
    monkeypatch.setattr(memory, "_text", lambda path: texts.get(str(path), ""))


MACHINE = "MemTotal: 99 kB\nMemAvailable: 4000000 kB\nSwapFree: 1000000 kB\nHugePages_Total: 0\n"
TWO = "/sys/fs/cgroup/"
ONE = "/sys/fs/cgroup/memory/"

LEFT: list[tuple[str, dict[str, str], int | None]] = [
    ("the machine says nothing", {}, None),
    ("free memory and swap", {"/proc/meminfo": MACHINE}, 5 * 1024 * 10**6),
    (
        "the limit of a group, version 2; file caches count as free",
        {
            "/proc/meminfo": MACHINE,
            "/proc/self/cgroup": "0::/job\n",
            TWO + "job/memory.max": f"{3 * GB}\n",
            TWO + "job/memory.current": f"{2 * GB}\n",
            TWO + "job/memory.stat": f"anon 5\ninactive_file {GB // 2}\n",
        },
        3 * GB // 2,
    ),
    (
        "no limit of the group",
        {
            "/proc/self/cgroup": "0::/\n",
            TWO + "memory.max": "max\n",
            TWO + "memory.current": "7\n",
        },
        None,
    ),
    (
        "the limit of a container, version 1",
        {
            "/proc/self/cgroup": "4:memory:/elsewhere\n3:cpu:/\n0::/\n",
            ONE + "memory.limit_in_bytes": f"{GB}\n",
            ONE + "memory.usage_in_bytes": f"{GB // 4}\n",
        },
        3 * GB // 4,
    ),
    (
        "a group beyond its limit",
        {"/proc/self/cgroup": "0::/\n", TWO + "memory.max": "5", TWO + "memory.current": "9"},
        0,
    ),
]


@pytest.mark.parametrize(("texts", "left"), [case[1:] for case in LEFT], ids=[c[0] for c in LEFT])
def test_the_least_that_is_left_counts(
    texts: dict[str, str], left: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_process", lambda: None)
    files(monkeypatch, texts)
    assert memory.available_bytes() == left


def test_the_limit_of_the_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    files(monkeypatch, {"/proc/self/statm": "1000 1 1 1 0 1 0"})
    limit = resource.getpagesize() * 1500
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit, limit))
    assert memory.available_bytes() == resource.getpagesize() * 500
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY,) * 2)
    assert memory.available_bytes() is None


def test_a_request_beyond_nine_tenths_of_what_is_left_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 20 * GB)
    memory.require(18 * GB, "this")
    with pytest.raises(CapacityError) as caught:
        memory.require(18 * GB + 1, "this", "ask for less")
    assert str(caught.value) == (
        "this needs 18 GB of memory, 20 GB are available and a tenth of it is spared; ask for less"
    )
    assert isinstance(caught.value, NeurodeployError)
    assert isinstance(caught.value, MemoryError)


def test_small_requests_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: pytest.fail("asked"))
    memory.require(memory.SMALL_BYTES, "this")


def test_what_is_not_known_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    memory.require(10**30, "this")


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (1_234_567, "1.23 MB"),
     (252 * GB, "252 GB"), (5 * 10**15, "5,000 TB")],
)  # fmt: skip
def test_sizes_are_said_in_words(size: int, text: str) -> None:
    assert memory.amount(size) == text
