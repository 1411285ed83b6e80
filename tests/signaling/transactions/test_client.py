from signaling.transactions.client import START, TABLE
from signaling.transactions.machine import State, Timer
from tests.signaling.transactions.figures import cells, described, drawn, reached

FIGURE_6 = """
    trying + E                    -> trying: send | =
    trying + F                    -> terminated: report timeout |
    trying + 1xx                  -> proceeding: slow down, deliver | =
    trying + 200-699              -> completed: deliver | K
    trying + transport error      -> terminated: report transport error |
    proceeding + E                -> proceeding: send | =
    proceeding + F                -> terminated: report timeout |
    proceeding + 1xx              -> proceeding: deliver | =
    proceeding + 200-699          -> completed: deliver | K
    proceeding + transport error  -> terminated: report transport error |
    completed + K                 -> terminated: - |
"""


def test_each_state_with_each_trigger_is_as_drawn() -> None:
    assert cells(TABLE) == drawn(FIGURE_6)


def test_it_starts_by_sending_with_e_and_f() -> None:
    assert described(START) == "trying: send | E, F"


def test_each_state_is_reached_and_only_these() -> None:
    assert reached(TABLE) | {START.state} == set(TABLE)


def test_proceeding_answers_the_timers_of_trying() -> None:
    timers = {t for t in TABLE[State.TRYING] if isinstance(t, Timer)}
    assert timers <= set(TABLE[State.PROCEEDING])
