"""The order in which populations can run: over all steps at once, or together step by step."""

from __future__ import annotations

from neurodeploy.sim.plan import Plan


def components(plan: Plan) -> list[tuple[int, ...]]:
    """Return the populations that depend on each other, group by group, sources first.

    A group of one population without a connection to itself can run over all steps at once; any
    other group is a cycle. Groups hold population numbers in ascending order.
    """
    sources = [
        {edge.source for edge in stage.incoming if not edge.from_input} for stage in plan.stages
    ]
    reached = [_reached(sources, k) for k in range(len(sources))]
    groups = {
        tuple(sorted({k} | {j for j in reached[k] if k in reached[j]})) for k in range(len(sources))
    }
    waiting, order, done = sorted(groups), list[tuple[int, ...]](), set[int]()
    while waiting:
        ready = next(g for g in waiting if set().union(*(sources[k] for k in g)) <= done | set(g))
        waiting.remove(ready)
        order.append(ready)
        done.update(ready)
    return order


def is_cycle(plan: Plan, group: tuple[int, ...]) -> bool:
    """Whether a group of `components` must run step by step."""
    stage = plan.stages[group[0]]
    own = any(not edge.from_input and edge.source == group[0] for edge in stage.incoming)
    return len(group) > 1 or own


def _reached(sources: list[set[int]], start: int) -> set[int]:
    """Return all populations on paths that end in ``start``."""
    found, open_ = set[int](), list(sources[start])
    while open_:
        k = open_.pop()
        if k not in found:
            found.add(k)
            open_ += sources[k]
    return found
