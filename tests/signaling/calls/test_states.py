"""The two tables, checked for what must hold whatever their cells say."""

import pytest

from signaling.calls.acts import DO
from signaling.calls.states import INCOMING, OUTGOING, Act, Cue, State, Table

TABLES = [("outgoing", OUTGOING), ("incoming", INCOMING)]
CELLS = [
    pytest.param(table, state, cue, id=f"{name}-{state.name}-{cue.name}")
    for name, table in TABLES
    for state, row in table.items()
    for cue in row
]


def reachable(table: Table, start: State) -> set[State]:
    seen, todo = {start}, [start]
    while todo:
        for target, _ in table[todo.pop()].values():
            if target not in seen:
                seen.add(target)
                todo.append(target)
    return seen


def test_every_act_is_done_by_a_function() -> None:
    assert set(DO) == set(Act)


@pytest.mark.parametrize(("table", "start"), [(OUTGOING, State.PLACING), (INCOMING, State.OFFERED)])
def test_every_state_is_reached_and_each_leads_to_closing(table: Table, start: State) -> None:
    assert reachable(table, start) == set(table)
    for state in table:
        assert State.CLOSING in reachable(table, state)


@pytest.mark.parametrize(("table", "state", "cue"), CELLS)
def test_a_call_is_finished_once(table: Table, state: State, cue: Cue) -> None:
    """FINISH comes on the way into the states that are over for the owner, and never inside."""
    over = {State.ABANDONED, State.CANCELLED, State.LEAVING, State.CLOSING}
    target, acts = table[state][cue]
    assert (Act.FINISH in acts) == (target in over and state not in over)


@pytest.mark.parametrize(("table", "state", "cue"), CELLS)
def test_a_success_is_always_acknowledged(table: Table, state: State, cue: Cue) -> None:
    if cue in (Cue.SUCCESS, Cue.UNUSABLE):
        assert Act.SEND_ACK in table[state][cue][1]


@pytest.mark.parametrize("state", [s for s in State if s in OUTGOING])
def test_cancel_is_sent_only_after_a_provisional(state: State) -> None:
    """RFC 3261 9.1: no CANCEL before a provisional response."""
    for cue, (_, acts) in OUTGOING[state].items():
        if Act.SEND_CANCEL in acts:
            assert state is State.RINGING or cue is Cue.PROVISIONAL


@pytest.mark.parametrize("state", [State.ACCEPTED, State.LEAVING])
def test_bye_waits_for_the_ack(state: State) -> None:
    """RFC 3261 15: the callee's BYE waits for the ACK, or for the end of its transaction."""
    for cue, (_, acts) in INCOMING[state].items():
        if Act.SEND_BYE in acts:
            assert cue in (Cue.ACK, Cue.ACK_UNUSABLE, Cue.ACK_MISSING)
