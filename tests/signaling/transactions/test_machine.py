from typing import ClassVar

import msgspec
import pytest

from signaling.sip.flow import Flow
from signaling.transactions import client, invite_client, invite_server, server
from signaling.transactions.client import Client
from signaling.transactions.machine import (
    LENGTHS,
    SAME,
    Act,
    Cell,
    Clock,
    Cue,
    Machine,
    State,
    Table,
    Timer,
    clock,
)
from signaling.transactions.server import Server

UDP = Flow("udp:192.0.2.1:5060", "192.0.2.2", 5060)
OVER_UDP = clock(0.5, 4.0, 5.0, reliable=False)
OVER_TCP = clock(0.5, 4.0, 5.0, reliable=True)

# RFC 3261 Table 4 and RFC 6026, worked out for the default T1, T2 and T4.
TABLE_4 = {
    Timer.A: (0.5, None),
    Timer.B: (32.0, 32.0),
    Timer.D: (32.0, 0.0),
    Timer.E: (0.5, None),
    Timer.F: (32.0, 32.0),
    Timer.G: (0.5, None),
    Timer.H: (32.0, 32.0),
    Timer.I: (5.0, 0.0),
    Timer.J: (32.0, 0.0),
    Timer.K: (5.0, 0.0),
    Timer.L: (32.0, 32.0),
    Timer.M: (32.0, 32.0),
    Timer.REPEAT_2XX: (0.5, 0.5),
    Timer.ACK_WAIT: (32.0, 32.0),
    Timer.CANCEL_WAIT: (32.0, 32.0),
}


@pytest.mark.parametrize("timer", Timer)
def test_timers_have_the_lengths_of_table_4(timer: Timer) -> None:
    assert (OVER_UDP.seconds.get(timer), OVER_TCP.seconds.get(timer)) == TABLE_4[timer]


def test_lengths_follow_t1_and_t4_but_d_does_not() -> None:
    lengths = clock(0.1, 4.0, 1.0, reliable=False).seconds
    assert lengths[Timer.B] == pytest.approx(6.4)
    assert (lengths[Timer.I], lengths[Timer.D]) == (1.0, 32.0)


def test_every_timer_has_a_row() -> None:
    assert set(LENGTHS) == set(Timer)


def test_no_table_runs_two_doubling_timers_at_once() -> None:
    for module in (invite_client, client, invite_server, server):
        rows = [*module.TABLE.values(), {Cue.REQUEST: module.START}]
        for cell in (cell for row in rows for cell in row.values()):
            assert len(set(cell.running or ()) & set(OVER_UDP.limits)) <= 1


class Lamp(Machine, kw_only=True):
    """A machine only for these tests."""

    table: ClassVar[Table] = {
        State.TRYING: {
            Cue.ACK: Cell(State.TRYING, (Act.DELIVER,), SAME),
            Cue.FINAL: Cell(State.COMPLETED, (), (Timer.F, Timer.K)),
            Timer.E: Cell(State.TRYING, (Act.SEND,), SAME),
            Timer.F: Cell(State.TERMINATED, (Act.REPORT_TIMEOUT,)),
        },
        State.COMPLETED: {},
    }
    start: ClassVar[Cell] = Cell(State.TRYING, (Act.SEND,), (Timer.E, Timer.F))
    state: State = State.TRYING


def lamp(lengths: Clock = OVER_UDP, now: float = 0.0) -> Lamp:
    machine = Lamp(flow=UDP)
    assert machine.enter(machine.start, now, lengths) == (Act.SEND,)
    return machine


def test_a_trigger_without_a_cell_changes_nothing() -> None:
    machine = lamp()
    before = msgspec.msgpack.encode(machine)
    assert machine.step(Cue.REQUEST, 3.0, OVER_UDP) == ()
    assert msgspec.msgpack.encode(machine) == before


def test_a_timer_named_again_keeps_its_deadline_and_others_stop() -> None:
    machine = lamp()
    machine.step(Cue.FINAL, 3.0, OVER_UDP)
    assert machine.deadlines == {Timer.F: 32.0, Timer.K: 8.0}


def test_the_same_timers_go_on() -> None:
    machine = lamp()
    assert machine.step(Cue.ACK, 3.0, OVER_UDP) == (Act.DELIVER,)
    assert machine.deadlines == {Timer.E: 0.5, Timer.F: 32.0}


def test_a_timer_that_the_transport_has_not_does_not_run() -> None:
    assert lamp(OVER_TCP).deadlines == {Timer.F: 32.0}


def test_a_timer_without_length_is_due_at_once() -> None:
    machine = lamp(OVER_TCP)
    machine.step(Cue.FINAL, 3.0, OVER_TCP)
    assert machine.due_at() == 3.0


def test_intervals_double_up_to_t2() -> None:
    machine, fired = lamp(), list[float]()
    while (at := machine.due_at()) is not None and at < 20:
        fired.append(at)
        assert machine.fire(at, OVER_UDP) == (Act.SEND,)
    assert fired == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5]


def test_after_a_stall_one_copy_is_sent_not_all_that_were_missed() -> None:
    machine = lamp()
    machine.fire(10.0, OVER_UDP)
    assert machine.deadlines == {Timer.E: 11.0, Timer.F: 32.0}


def test_of_two_timers_at_one_instant_the_first_by_name_fires_first() -> None:
    machine = lamp()
    machine.deadlines = {Timer.F: 2.0, Timer.E: 2.0}
    assert machine.fire(2.0, OVER_UDP) == (Act.SEND,)
    assert machine.fire(2.0, OVER_UDP) == (Act.REPORT_TIMEOUT,)
    assert machine.due_at() is None


def test_slowing_down_makes_the_interval_t2_from_the_next_copy_on() -> None:
    machine = Client(flow=UDP, datagram=b"x")
    machine.enter(machine.start, 0.0, OVER_UDP)
    machine.step(Cue.PROVISIONAL, 0.1, OVER_UDP)
    assert machine.deadlines[Timer.E] == 0.5
    machine.fire(0.5, OVER_UDP)
    assert machine.deadlines[Timer.E] == 4.5


def test_it_survives_being_encoded() -> None:
    machine = Server(flow=UDP, datagram=b"\0\xff", deadlines={Timer.J: 1.5}, scheduled_at=1.5)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(machine), type=Server)
    assert again == machine
    assert list(again.deadlines) == [Timer.J]
