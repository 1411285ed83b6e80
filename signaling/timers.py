"""The heap of timers, kept small: one that was moved or whose call is over leaves an entry behind.

Most sessions end long before their refresh is due; without this each would be remembered till then.
"""

from collections.abc import Container
from heapq import heapify
from typing import Final

from bus.ids import CallId
from signaling.state import AgentState

SLACK: Final = 64
"""Entries that may be untrue, besides as many as were true the last time."""


def compact(state: AgentState, elsewhere: Container[str]) -> None:
    """Drop what is not true any more, if that may be half of it; ``elsewhere``: no call's names."""
    if len(state.timers) <= 2 * state.timers_kept + SLACK:
        return
    state.timers = [entry for entry in state.timers if _is_true(state, elsewhere, *entry)]
    state.timers_kept = len(state.timers)
    heapify(state.timers)


def _is_true(state: AgentState, elsewhere: Container[str], at: float, key: str, name: str) -> bool:
    if name == "asked":
        return key in state.asked
    if name == "binding":
        return state.location.ends(key, at)
    if name in elsewhere:
        return True
    call = state.calls.get(CallId(key))
    return call is not None and call.timers.get(name) == at
