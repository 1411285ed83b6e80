"""The supervision in virtual time: a world of simulated processes, no clock, no system call."""

import signal
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.children import Role, State
from bus.errors import BadRequestError, NotFoundError, WrongStateError
from bus.ids import WorkerId
from bus.orders import Action, Changed, Finish, Kill, Launch, Tell, Up
from bus.supervision import HURRY, STANDBY_DELAY, STOP_MARGIN, UNLIMITED, Fleet, Supervision
from bus.workers import Activate, Stop

LISTENERS = ("udp:127.0.0.1:5060",)


class World:
    """Carries the actions out on simulated processes.  Boots take ``boot`` seconds."""

    def __init__(self, fleet: Fleet, boot: Callable[[str], float] = lambda name: 0.2) -> None:
        self.now = 1000.0
        self.boot = boot
        self.supervision = Supervision(fleet=fleet)
        self.pids = 0
        self.processes: dict[int, str] = {}
        self.hellos: dict[int, float] = {}
        self.told: list[tuple[int, Activate | Stop]] = []
        self.killed: list[tuple[int, signal.Signals]] = []
        self.launches: list[tuple[float, str]] = []
        self.changes: list[tuple[float, str, State]] = []
        self.ups: list[Up] = []
        self.finish: Finish | None = None
        self.unlaunchable = set[str]()
        self.deaf = set[int]()
        """Take neither SIGTERM nor requests."""
        self.supervision.begin(self.now)
        self.act()

    def act(self) -> None:
        self.supervision.wake(self.now)
        copied = msgspec.msgpack.encode(self.supervision)
        assert msgspec.msgpack.decode(copied, type=Supervision) == self.supervision
        while actions := self.supervision.drain():
            for action in actions:
                self.carry_out(action)

    def carry_out(self, action: Action) -> None:
        assert self.finish is None
        match action:
            case Launch(name=name):
                self.launch(name)
            case Kill(pid=pid, number=number):
                assert pid in self.processes
                self.killed.append((pid, number))
            case Tell(pid=pid, body=body):
                assert pid in self.processes
                self.told.append((pid, body))
            case Changed(child=child):
                self.changes.append((self.now, child.name, child.state))
            case Up():
                self.ups.append(action)
            case Finish():
                assert not self.processes
                self.finish = action

    def launch(self, name: str) -> None:
        self.launches.append((self.now, name))
        if name in self.unlaunchable:
            self.supervision.launch_failed(name, "no such program", self.now)
            return
        self.pids += 1
        self.processes[self.pids] = name
        self.hellos[self.pids] = self.now + self.boot(name)
        self.supervision.launched(name, self.pids)

    def run(self, seconds: float) -> None:
        """Let the time pass from one thing that happens to the next."""
        until = self.now + seconds
        for _ in range(10_000):
            times = [*self.hellos.values(), self.supervision.deadline() or until, until]
            self.now = max(self.now, min(times))
            for pid in [pid for pid, at in self.hellos.items() if at <= self.now]:
                del self.hellos[pid]
                self.supervision.serves(pid, LISTENERS, self.now)
            self.act()
            if self.now >= until:
                return
        raise AssertionError("time stands still")

    def exit(self, pid: int, code: int) -> None:
        self.processes.pop(pid)
        self.hellos.pop(pid, None)
        self.supervision.exited(pid, code, self.now)
        self.act()

    def obey(self) -> None:
        """Let the processes do as they were told, until nobody is told anything."""
        while self.killed or self.told:
            told, self.told = self.told, []
            killed, self.killed = self.killed, []
            for pid, body in told:
                if pid in self.processes and pid not in self.deaf:
                    self.supervision.answered(pid, "", self.now)
                    self.act()
                    if isinstance(body, Stop) and body.drain_seconds < UNLIMITED:
                        self.exit(pid, 0)
            for pid, number in killed:
                if pid in self.processes and (number == signal.SIGKILL or pid not in self.deaf):
                    self.exit(pid, -number if number == signal.SIGKILL else 0)

    def pid(self, name: str) -> int:
        return self.supervision.children[name].pid

    def state(self, name: str) -> State | None:
        child = self.supervision.children.get(name)
        return None if child is None else child.state

    def stop(self, drain: float | None = None) -> None:
        self.supervision.stop(self.now, drain)
        self.act()


def up(workers: int = 2, standbys: int = 1, **more: float) -> World:
    world = World(Fleet(workers=workers, standbys=standbys, drain=more.get("drain", 5.0)))
    world.run(1.0)
    assert len(world.ups) == 1
    return world


# --------------------------------------------------------------------------------- starting


def test_signaling_and_workers_start_together_and_standbys_when_those_serve() -> None:
    world = World(Fleet(workers=2, standbys=2))
    assert world.launches == [(1000.0, name) for name in ("signaling", "w0", "w1")]
    world.run(1.0)
    assert world.launches[3:] == [(1000.2, "standby-1"), (1000.2, "standby-2")]
    assert world.ups == [Up(LISTENERS, ("w0", "w1"))]
    assert {child.state for child in world.supervision.children.values()} == {State.SERVING}


def test_up_is_said_once_and_only_when_everybody_serves() -> None:
    slow = {"signaling": 0.1, "w0": 0.2, "w1": 3.0}
    world = World(Fleet(workers=2), boot=lambda name: slow.get(name, 0.2))
    world.run(2.9)
    assert not world.ups
    world.run(0.2)
    world.exit(world.pid("w1"), -9)
    world.run(20.0)
    assert len(world.ups) == 1


def test_a_stranger_that_says_hello_is_refused() -> None:
    world = up()
    with pytest.raises(NotFoundError, match="process 4711"):
        world.supervision.serves(4711, (), world.now)
    with pytest.raises(NotFoundError):
        world.supervision.serves(0, (), world.now)


def test_the_end_of_a_stranger_changes_nothing() -> None:
    world = up()
    world.supervision.exited(4711, 0, world.now)
    world.supervision.exited(0, 0, world.now)
    assert world.supervision.drain() == []


# ---------------------------------------------------------------------------------- restarts


@pytest.mark.parametrize("code", [0, 1, -9, -11])
def test_signaling_is_started_again_at_once(code: int) -> None:
    world = up()
    before = world.pid("signaling")
    world.exit(before, code)
    assert world.launches[-1] == (world.now, "signaling")
    assert world.state("signaling") is State.STARTING
    world.run(0.3)
    assert world.state("signaling") is State.SERVING
    assert world.pid("signaling") != before


def test_a_dead_worker_is_replaced_by_the_standby_at_once() -> None:
    world = up()
    standby = world.pid("standby-1")
    world.exit(world.pid("w0"), -9)
    assert world.told == [(standby, Activate(worker=WorkerId("w0")))]
    assert world.state("w0") is State.STARTING
    world.obey()
    assert (world.state("w0"), world.pid("w0")) == (State.SERVING, standby)
    assert world.state("standby-1") is None


def test_a_new_standby_follows_a_little_later() -> None:
    world = up()
    died_at = world.now
    world.exit(world.pid("w0"), -9)
    world.obey()
    world.run(5.0)
    assert world.launches[-1] == (died_at + STANDBY_DELAY, "standby-2")
    assert world.state("standby-2") is State.SERVING


def test_a_promoted_standby_may_also_say_hello_again() -> None:
    world = up()
    standby = world.pid("standby-1")
    world.exit(world.pid("w0"), -9)
    world.supervision.serves(standby, (), world.now)
    world.obey()
    assert world.state("w0") is State.SERVING


def test_without_a_standby_a_fresh_worker_is_launched_at_once() -> None:
    world = up(standbys=0)
    world.exit(world.pid("w1"), -9)
    assert world.launches[-1] == (world.now, "w1")


def test_a_standby_that_does_not_serve_yet_is_not_used() -> None:
    world = up()
    world.exit(world.pid("w0"), -9)
    world.obey()
    world.exit(world.pid("w1"), -9)
    assert world.launches[-1] == (world.now, "w1")


def test_a_standby_that_does_not_take_the_place_is_killed_and_a_fresh_worker_launched() -> None:
    world = up()
    standby = world.pid("standby-1")
    world.exit(world.pid("w0"), -9)
    world.told.clear()
    world.supervision.answered(standby, "I am busy", world.now)
    world.act()
    assert world.killed == [(standby, signal.SIGKILL)]
    world.obey()
    world.run(1.0)
    child = world.supervision.children["w0"]
    assert (child.state, child.last_exit) == (State.SERVING, "I am busy")
    assert world.launches[-1][1] != "standby-1"


def test_a_standby_that_never_answers_is_given_the_boot_time() -> None:
    world = up()
    standby = world.pid("standby-1")
    world.exit(world.pid("w0"), -9)
    world.told.clear()
    world.run(9.9)
    assert not world.killed
    world.run(0.2)
    assert world.killed == [(standby, signal.SIGKILL)]


def test_a_crash_loop_backs_off_and_a_stable_time_forgives() -> None:
    world = up(standbys=0)
    gaps = list[float]()
    for _ in range(8):
        died_at = world.now
        world.exit(world.pid("w0"), -11)
        while world.state("w0") is not State.SERVING:
            world.run(0.05)
        gaps.append(world.launches[-1][0] - died_at)
    assert gaps == pytest.approx([0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2])
    world.run(6.0)
    world.exit(world.pid("w0"), -11)
    assert world.launches[-1][0] == world.now


def test_a_worker_that_hangs_is_killed_and_replaced() -> None:
    world = up()
    hung = world.pid("w0")
    world.supervision.hangs(hung, world.now)
    world.act()
    assert world.killed == [(hung, signal.SIGKILL)]
    world.obey()
    assert world.state("w0") is State.SERVING
    assert world.supervision.children["w0"].last_exit == "it was alive and did no work"


# ------------------------------------------------------------------------------- failed boots


def test_signaling_that_cannot_boot_is_given_up_and_ends_the_engine() -> None:
    world = World(Fleet(workers=1, max_boot_failures=3), boot=lambda name: 60.0)
    for _ in range(3):
        while not world.pid("signaling"):
            world.run(0.05)
        world.exit(world.pid("signaling"), 1)
    world.obey()
    assert world.finish is not None
    assert world.finish.code == 1
    assert world.finish.reason == "signaling cannot be started (exit code 1); giving up"
    assert [name for _, name in world.launches].count("signaling") == 3


def test_wrong_settings_are_not_tried_again() -> None:
    world = World(Fleet(workers=1))
    world.exit(world.pid("signaling"), 42)
    world.obey()
    assert world.finish is not None
    assert "settings are wrong" in world.finish.reason


def test_a_child_that_never_serves_is_killed_and_counts_as_a_failed_boot() -> None:
    world = World(Fleet(workers=1, boot_timeout=10.0, max_boot_failures=2), boot=lambda _: 1e6)
    world.run(10.0)
    assert (world.pid("signaling"), signal.SIGKILL) in world.killed
    world.obey()
    world.run(10.1)
    world.obey()
    assert world.finish is not None
    assert "signaling cannot be started (it did not serve within 10 s)" in world.finish.reason


def test_a_program_that_is_not_there_is_a_failed_boot() -> None:
    world = World(Fleet(workers=1, max_boot_failures=2))
    world.unlaunchable = {"w0", "signaling"}
    world.exit(world.pid("signaling"), 1)
    world.run(1.0)
    world.obey()
    assert world.finish is not None
    assert world.finish.reason == "signaling cannot be started (no such program); giving up"


def test_one_worker_given_up_is_not_the_end_and_scale_tries_it_again() -> None:
    world = up(standbys=0)
    world.exit(world.pid("w0"), 42)
    assert world.state("w0") is State.FAILED
    world.run(100.0)
    assert world.finish is None
    world.supervision.scale(2, world.now)
    world.act()
    world.run(1.0)
    assert world.state("w0") is State.SERVING


def test_all_workers_given_up_is_the_end() -> None:
    world = up(standbys=0)
    for name in ("w0", "w1"):
        world.exit(world.pid(name), 42)
    world.obey()
    assert world.finish is not None
    assert (world.finish.code, world.finish.reason[:3]) == (1, "w1 ")


def test_a_standby_given_up_is_no_harm() -> None:
    world = up()
    world.exit(world.pid("standby-1"), 42)
    world.run(100.0)
    assert world.finish is None
    world.exit(world.pid("w0"), -9)
    assert world.launches[-1] == (world.now, "w0")


# ------------------------------------------------------------------------------------- scale


def test_scaling_up_takes_the_standby_and_launches_the_rest() -> None:
    world = up()
    standby = world.pid("standby-1")
    world.supervision.scale(4, world.now)
    world.act()
    world.obey()
    world.run(3.0)
    assert world.pid("w2") == standby
    assert world.state("w3") is State.SERVING
    assert world.state("standby-2") is State.SERVING


def test_scaling_down_asks_the_highest_numbered_to_drain_and_waits() -> None:
    world = up(workers=3)
    surplus = world.pid("w2")
    world.supervision.scale(2, world.now)
    world.act()
    assert world.told == [(surplus, Stop(drain_seconds=UNLIMITED))]
    world.obey()
    world.run(100_000.0)
    assert world.state("w2") is State.DRAINING
    assert world.killed == []
    world.exit(surplus, 0)
    world.run(10.0)
    assert world.state("w2") is None
    assert world.launches[-1][1] == "standby-1"


def test_a_draining_worker_keeps_its_name_and_is_not_counted() -> None:
    world = up(workers=2, standbys=0)
    world.supervision.scale(1, world.now)
    world.supervision.scale(2, world.now)
    world.act()
    world.run(1.0)
    assert world.state("w1") is State.DRAINING
    assert world.state("w2") is State.SERVING
    world.supervision.scale(1, world.now)
    assert world.state("w2") is State.DRAINING


def test_a_draining_worker_that_dies_is_not_started_again() -> None:
    world = up(workers=2, standbys=0)
    launches = len(world.launches)
    surplus = world.pid("w1")
    world.supervision.scale(1, world.now)
    world.act()
    world.exit(surplus, -9)
    world.run(10.0)
    assert len(world.launches) == launches


def test_a_worker_that_will_not_drain_goes_on_serving() -> None:
    world = up()
    world.supervision.scale(1, world.now)
    world.supervision.answered(world.pid("w1"), "unknown verb", world.now)
    world.act()
    assert world.state("w1") is State.SERVING


def test_a_surplus_worker_that_does_not_serve_yet_is_simply_ended() -> None:
    world = up(standbys=0)
    world.supervision.scale(3, world.now)
    world.act()
    starting = world.pid("w2")
    world.supervision.scale(2, world.now)
    world.act()
    assert world.killed == [(starting, signal.SIGTERM)]
    world.obey()
    assert world.state("w2") is None


@pytest.mark.parametrize("workers", [-1, 0, 65, 10**9])
def test_absurd_numbers_are_refused(workers: int) -> None:
    world = up()
    with pytest.raises(BadRequestError, match="workers: from 1 to 64"):
        world.supervision.scale(workers, world.now)
    assert world.supervision.drain() == []


# -------------------------------------------------------------------------------------- stop


def test_signaling_ends_first_then_everybody_else() -> None:
    world = up()
    signaling, worker = world.pid("signaling"), world.pid("w0")
    world.stop()
    assert (signaling, signal.SIGTERM) in world.killed
    assert (worker, signal.SIGTERM) not in world.killed
    world.killed.clear()
    world.exit(signaling, 0)
    assert (worker, signal.SIGTERM) in world.killed
    world.killed.append((world.pid("standby-1"), signal.SIGTERM))
    world.obey()
    assert world.finish == Finish(0)


def test_who_does_not_end_in_time_is_killed() -> None:
    world = up(drain=5.0)
    world.deaf = set(world.processes)
    asked_at = world.now
    signaling = world.pid("signaling")
    world.stop()
    world.obey()
    world.run(5.0 + STOP_MARGIN - 0.1)
    assert world.state("signaling") is State.STOPPING
    assert not world.killed
    world.run(0.1)
    assert (signaling, signal.SIGKILL) in world.killed
    world.obey()
    world.run(5.0 + STOP_MARGIN)
    world.obey()
    assert world.finish == Finish(0)
    assert world.now - asked_at == pytest.approx(2 * (5.0 + STOP_MARGIN))


def test_asked_again_it_hurries_and_a_third_time_it_kills() -> None:
    world = up()
    world.deaf = set(world.processes)
    world.stop()
    world.obey()
    world.stop()
    assert {number for _, number in world.killed} == {signal.SIGTERM}
    assert {pid for pid, _ in world.killed} == set(world.processes)
    world.obey()
    world.run(HURRY)
    assert {number for _, number in world.killed} == {signal.SIGKILL}
    world.killed.clear()
    world.stop()
    assert {pid for pid, _ in world.killed} == set(world.processes)
    world.obey()
    assert world.finish == Finish(0)


def test_a_stop_over_the_bus_brings_its_own_drain_time() -> None:
    world = up(drain=5.0)
    signaling = world.pid("signaling")
    world.deaf = {signaling}
    world.stop(drain=60.0)
    assert (signaling, Stop(drain_seconds=60.0)) in world.told
    world.obey()
    world.run(60.0 + STOP_MARGIN - 0.1)
    assert not world.killed
    world.run(0.2)
    assert world.killed == [(signaling, signal.SIGKILL)]


def test_signaling_that_knows_no_stop_gets_the_signal() -> None:
    world = up()
    signaling = world.pid("signaling")
    world.stop(drain=60.0)
    world.told.clear()
    world.supervision.answered(signaling, "unknown verb", world.now)
    world.act()
    assert (signaling, signal.SIGTERM) in world.killed


def test_the_signal_in_place_of_a_request_gives_its_own_drain_time() -> None:
    world = up(drain=5.0)
    signaling = world.pid("signaling")
    world.stop(drain=0.0)
    world.told.clear()
    world.supervision.answered(signaling, "unknown verb", world.now)
    world.act()
    world.killed.clear()
    world.run(5.0 + STOP_MARGIN - 0.1)
    assert (signaling, signal.SIGKILL) not in world.killed
    world.run(0.2)
    assert (signaling, signal.SIGKILL) in world.killed


def test_nobody_is_started_while_stopping() -> None:
    world = up()
    world.deaf = {world.pid("signaling")}
    world.stop()
    world.obey()
    launches = len(world.launches)
    world.exit(world.pid("w0"), -9)
    world.run(3.0)
    with pytest.raises(WrongStateError, match="stopping"):
        world.supervision.scale(2, world.now)
    assert len(world.launches) == launches
    assert world.state("w0") is None


def test_a_stop_in_the_middle_of_the_start_ends_what_was_started() -> None:
    world = World(Fleet(workers=3), boot=lambda _: 60.0)
    world.stop()
    world.obey()
    assert world.finish == Finish(0)
    assert len(world.launches) == 4


def test_a_process_that_is_made_too_late_is_ended_at_once() -> None:
    supervision = Supervision(fleet=Fleet(workers=1))
    supervision.begin(0.0)
    assert [order.name for order in supervision.drain() if isinstance(order, Launch)]
    supervision.stop(0.0)
    assert not [order for order in supervision.drain() if isinstance(order, Kill)]
    supervision.launched("signaling", 7)
    assert Kill(7, signal.SIGTERM) in supervision.drain()


# ------------------------------------------------------------------------------- anything goes

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["exit", "scale", "answer", "refuse", "hang", "time", "stop", "hello"]),
        st.integers(0, 9),
    ),
    max_size=40,
)


def step(world: World, what: str, number: int) -> None:
    pids = sorted(world.processes)
    pid = pids[number % len(pids)] if pids else 0
    match what:
        case "exit" if pid:
            world.exit(pid, (0, 1, 42, -9)[number % 4])
        case "scale" if not world.supervision.stops:
            world.supervision.scale(1 + number % 5, world.now)
        case "answer" | "refuse":
            world.supervision.answered(pid, "no" if what == "refuse" else "", world.now)
        case "hang":
            world.supervision.hangs(pid, world.now)
        case "time":
            world.run(number / 2)
        case "stop":
            world.stop(None if number % 2 else float(number))
        case "hello" if pid:
            world.supervision.serves(pid, LISTENERS, world.now)
        case _:
            pass
    world.act()


@given(STEPS, st.integers(1, 4), st.integers(0, 2))
def test_whatever_happens_no_process_is_lost_and_it_ends(
    steps: list[tuple[str, int]], workers: int, standbys: int
) -> None:
    world = World(Fleet(workers=workers, standbys=standbys, max_boot_failures=2))
    for what, number in steps:
        if world.finish is None:
            step(world, what, number)
        children = world.supervision.children.values()
        assert {child.pid for child in children if child.pid} == set(world.processes)
        places = [child for child in children if child.role is Role.WORKER]
        assert len({child.name for child in places}) == len(places)
    for _ in range(4):
        if world.finish is None:
            world.stop()
            world.obey()
            world.run(100.0)
            world.obey()
    assert world.finish is not None
    assert not world.processes
