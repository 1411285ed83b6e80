from signaling.transactions.invite_server import START, TABLE
from signaling.transactions.machine import Timer
from tests.signaling.transactions.figures import cells, described, drawn, reached, startable

FIGURE_7 = """
    proceeding + request again  -> proceeding: send |
    proceeding + 1xx            -> proceeding: send |
    proceeding + 2xx            -> accepted: send | repeat 2xx, wait for ACK, L
    proceeding + 300-699        -> completed: send | G, H
    accepted + repeat 2xx       -> accepted: send | =
    accepted + wait for ACK     -> accepted: report ACK missing | L
    accepted + L                -> terminated: - |
    accepted + 2xx              -> accepted: send | repeat 2xx, wait for ACK, L
    accepted + ACK              -> accepted: deliver | =
    accepted + ACK of 2xx       -> accepted: - | L
    completed + G               -> completed: send | =
    completed + H               -> terminated: - |
    completed + request again   -> completed: send | =
    completed + ACK             -> confirmed: - | I
    confirmed + I               -> terminated: - |
"""


def test_each_state_with_each_trigger_is_as_drawn() -> None:
    assert cells(TABLE) == drawn(FIGURE_7)


def test_it_starts_in_proceeding() -> None:
    assert described(START) == "proceeding: - |"


def test_each_state_is_reached_and_only_these() -> None:
    assert reached(TABLE) | {START.state} == set(TABLE)


def test_each_timer_that_can_run_has_its_cell() -> None:
    for state, row in TABLE.items():
        assert startable(TABLE, state, START) == {t for t in row if isinstance(t, Timer)}
