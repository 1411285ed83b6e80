import pytest

from bus.children import (
    LONGEST_DELAY,
    STABLE,
    TABLE,
    WRONG_SETTINGS,
    Child,
    Effect,
    Role,
    State,
    Trigger,
    exit_text,
    exit_trigger,
    retry_delay,
)


def child(state: State, **more: float) -> Child:
    serving_at = more.get("serving_at", 0.0)
    return Child(name="w0", role=Role.WORKER, state=state, pid=7, serving_at=serving_at)


def test_every_state_can_be_reached_and_every_one_ends() -> None:
    reached = {State.BACKING_OFF}
    for _ in State:
        reached |= {after for (before, _), (after, _) in TABLE.items() if before in reached}
    assert reached == set(State)
    assert not [before for before, _ in TABLE if before is State.GONE]


def test_every_trigger_and_effect_is_used() -> None:
    assert {trigger for _, trigger in TABLE} == set(Trigger)
    assert {effect for _, effect in TABLE.values()} == set(Effect)


def test_every_state_that_has_a_process_hears_of_its_end() -> None:
    for state in (State.STARTING, State.SERVING, State.DRAINING, State.STOPPING):
        for trigger in (Trigger.EXITS, Trigger.EXHAUSTED, Trigger.LATE, Trigger.STOP):
            assert (state, trigger) in TABLE


def test_stopping_leads_to_nothing_but_the_end() -> None:
    after = {TABLE[State.STOPPING, t][0] for s, t in TABLE if s is State.STOPPING}
    assert after == {State.STOPPING, State.GONE}


def test_the_first_retry_is_immediate_and_the_next_wait_ever_longer() -> None:
    delays = [retry_delay(strikes) for strikes in range(1, 12)]
    assert delays[:4] == [0.0, 0.05, 0.1, 0.2]
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_DELAY == retry_delay(10**6)


def test_too_many_failed_boots_in_a_row_exhaust() -> None:
    booting = child(State.STARTING)
    triggers = [exit_trigger(booting, 1, now=0.0, max_boot_failures=3) for _ in range(3)]
    assert triggers == [Trigger.EXITS, Trigger.EXITS, Trigger.EXHAUSTED]


def test_an_exit_after_serving_is_no_failed_boot() -> None:
    serving = child(State.SERVING)
    for _ in range(9):
        assert exit_trigger(serving, -9, now=0.1, max_boot_failures=1) is Trigger.EXITS
    assert serving.strikes == 9


def test_a_stable_time_wipes_the_slate() -> None:
    serving = child(State.SERVING, serving_at=100.0)
    serving.strikes = 7
    exit_trigger(serving, -9, now=100.0 + STABLE, max_boot_failures=5)
    assert serving.strikes == 1


@pytest.mark.parametrize("state", [State.STARTING, State.SERVING])
def test_wrong_settings_exhaust_at_once(state: State) -> None:
    wrong = child(state)
    assert exit_trigger(wrong, WRONG_SETTINGS, 0.0, 5) is Trigger.EXHAUSTED
    assert "settings are wrong" in wrong.last_exit


def test_what_we_blame_it_for_is_said_once() -> None:
    late = child(State.STARTING)
    late.blame = "it did not serve within 10 s"
    exit_trigger(late, -9, 0.0, 5)
    assert late.last_exit == "it did not serve within 10 s"
    exit_trigger(late, -9, 0.0, 5)
    assert late.last_exit == "killed by SIGKILL"


def test_exits_read_as_a_person_would_say_them() -> None:
    assert exit_text(0) == "exit code 0"
    assert exit_text(-11) == "killed by SIGSEGV"
    assert exit_text(-99) == "killed by signal 99"
