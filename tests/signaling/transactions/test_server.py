from signaling.transactions.machine import Timer
from signaling.transactions.server import START, TABLE
from tests.signaling.transactions.figures import cells, described, drawn, reached, startable

FIGURE_8 = """
    trying + 1xx                -> proceeding: send |
    trying + 200-699            -> completed: send | J
    proceeding + request again  -> proceeding: send |
    proceeding + 1xx            -> proceeding: send |
    proceeding + 200-699        -> completed: send | J
    completed + request again   -> completed: send | =
    completed + J               -> terminated: - |
"""


def test_each_state_with_each_trigger_is_as_drawn() -> None:
    assert cells(TABLE) == drawn(FIGURE_8)


def test_it_starts_in_trying() -> None:
    assert described(START) == "trying: - |"


def test_each_state_is_reached_and_only_these() -> None:
    assert reached(TABLE) | {START.state} == set(TABLE)


def test_each_timer_that_can_run_has_its_cell() -> None:
    for state, row in TABLE.items():
        assert startable(TABLE, state, START) == {t for t in row if isinstance(t, Timer)}
