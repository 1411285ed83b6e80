from signaling.transactions.invite_client import START, TABLE
from signaling.transactions.machine import State, Timer
from tests.signaling.transactions.figures import cells, described, drawn, reached, startable

FIGURE_5 = """
    calling + A                  -> calling: send | =
    calling + B                  -> terminated: report timeout |
    calling + 1xx                -> proceeding: deliver |
    calling + 2xx                -> accepted: deliver | M
    calling + 300-699            -> completed: send ACK, deliver | D
    calling + transport error    -> terminated: report transport error |
    proceeding + wait for 487    -> terminated: report timeout |
    proceeding + 1xx             -> proceeding: deliver | =
    proceeding + 2xx             -> accepted: deliver | M
    proceeding + 300-699         -> completed: send ACK, deliver | D
    proceeding + CANCEL sent     -> proceeding: - | wait for 487
    accepted + M                 -> terminated: - |
    accepted + 2xx               -> accepted: deliver | =
    completed + D                -> terminated: - |
    completed + 300-699          -> completed: send ACK | =
    completed + transport error  -> terminated: report transport error |
"""


def test_each_state_with_each_trigger_is_as_drawn() -> None:
    assert cells(TABLE) == drawn(FIGURE_5)


def test_it_starts_by_sending_with_a_and_b() -> None:
    assert described(START) == "calling: send | A, B"


def test_each_state_is_reached_and_only_these() -> None:
    assert reached(TABLE) | {START.state} == set(TABLE)


def test_each_timer_that_can_run_has_its_cell() -> None:
    for state, row in TABLE.items():
        assert startable(TABLE, state, START) == {t for t in row if isinstance(t, Timer)}
    assert TABLE[State.TERMINATED] == {}
