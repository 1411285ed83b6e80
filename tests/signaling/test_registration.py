"""The table of registrations, exhaustively."""

import pytest

from signaling.registration import TABLE, Act, Cue, State


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("cue", Cue)
def test_each_cell(state: State, cue: Cue) -> None:
    cell = TABLE[state].get(cue)
    if cell is None:
        return
    after, acts = cell
    assert after in State
    waits = {Act.WAIT_REFRESH, Act.WAIT_RETRY} & set(acts)
    assert bool(waits) == (cue in (Cue.ACCEPTED, Cue.FAILED) and state is not State.ENDING)
    assert (Act.REMOVE in acts) == (after is State.ENDING)


@pytest.mark.parametrize("state", [state for state in State if state is not State.ENDED])
def test_each_ends_when_told_to(state: State) -> None:
    while state is not State.ENDED:
        state, _acts = TABLE[state].get(Cue.STOP) or TABLE[state][Cue.FAILED]


def test_what_is_over_stays_over() -> None:
    assert TABLE[State.ENDED] == {}


def test_who_is_refused_does_not_ask_again() -> None:
    assert TABLE[State.REJECTED] == {Cue.STOP: (State.ENDED, (Act.TELL,))}
