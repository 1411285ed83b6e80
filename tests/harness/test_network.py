from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest

from tests.harness.network import (
    EPOCH,
    GilbertElliott,
    Network,
    NetworkError,
    Path,
    Uniform,
    contains,
    delay,
    double,
    drop,
    starts,
)

ALICE, BOB = "udp:192.0.2.1:5060", "udp:192.0.2.2:5060"
TCP_ALICE, TCP_BOB = "tcp:192.0.2.1:5060", "tcp:192.0.2.2:5060"


class Talker:
    """Says what it has to say at its instants, and notes what it hears."""

    def __init__(self, path: Path, echoes: bool = False) -> None:
        self.path = path
        self.echoes = echoes
        self.agenda: list[tuple[float, bytes]] = []
        self.out: list[tuple[Path, bytes]] = []
        self.heard: list[tuple[float, bytes]] = []

    def say(self, at: float, datagram: bytes) -> None:
        self.agenda.append((EPOCH + at, datagram))
        self.agenda.sort()

    def receive(self, path: Path, datagram: bytes, now: float) -> None:
        assert path == self.path
        self.heard.append((round(now - EPOCH, 6), datagram))
        if self.echoes:
            self.out.append((self.path, datagram))

    def deadline(self) -> float | None:
        return self.agenda[0][0] if self.agenda else None

    def wake(self, now: float) -> None:
        while self.agenda and self.agenda[0][0] <= now:
            self.out.append((self.path, self.agenda.pop(0)[1]))

    def outgoing(self) -> Sequence[tuple[Path, bytes]]:
        out, self.out = self.out, []
        return out

    @property
    def words(self) -> list[bytes]:
        return [datagram for _, datagram in self.heard]


def pair(network: Network, alice: str = ALICE, bob: str = BOB) -> tuple[Talker, Talker]:
    talkers = Talker(Path(alice, bob)), Talker(Path(bob, alice), echoes=True)
    network.add("alice", talkers[0], alice)
    network.add("bob", talkers[1], bob)
    return talkers


def test_time_jumps_to_what_happens() -> None:
    with Network(seed=1, latency=0.25) as network:
        alice, bob = pair(network)
        alice.say(500.0, b"hello")
        instants: list[float] = []
        while network.progress():
            instants.append(network.elapsed)
        assert instants == [500.0, 500.25, 500.5]
        assert bob.heard == [(500.25, b"hello")]
        assert alice.heard == [(500.5, b"hello")]


def test_a_run_ends_when_it_should() -> None:
    with Network(seed=1) as network:
        alice, bob = pair(network)
        alice.say(5.0, b"one")
        alice.say(50.0, b"two")
        network.run(until=lambda: bool(bob.heard))
        assert round(network.elapsed, 6) == 5.01
        network.run(seconds=10.0)
        assert (round(network.elapsed, 6), bob.words) == (15.01, [b"one"])
        with pytest.raises(NetworkError, match="did not happen"):
            network.run(until=lambda: len(bob.heard) == 3)


def test_an_endpoint_that_never_sleeps_is_found_out() -> None:
    class Restless(Talker):
        def deadline(self) -> float:
            return EPOCH + 3.0

        def wake(self, now: float) -> None:
            pass

    with Network(seed=1) as network:
        network.add("alice", Restless(Path(ALICE, BOB)), ALICE)
        with pytest.raises(NetworkError, match="no end"):
            network.run()


def test_a_failure_names_the_seed_and_draws_the_ladder() -> None:
    with pytest.raises(ZeroDivisionError) as caught, Network(seed=4711) as network:
        alice, _ = pair(network)
        alice.say(0.0, b"hello")
        network.run()
        _ = 1 // 0
    (note,) = caught.value.__notes__
    assert "seed 4711" in note
    assert "|-5 bytes--" in note


def test_rules_meet_the_ones_they_name() -> None:
    with Network(seed=1) as network:
        alice, bob = pair(network)
        link = network.link("alice", "bob")
        link.rules += [
            drop(starts(b"A"), 2),
            delay(starts(b"B"), 5.0, 1, 3),
            double(contains(b"x")),
        ]
        for at, word in enumerate([b"A1", b"A2", b"A3", b"B1", b"B2", b"B3", b"-x-"]):
            alice.say(at / 10, word)
        network.run()
        assert bob.words == [b"A1", b"A3", b"B2", b"-x-", b"-x-", b"B1", b"B3"]
        fates = [rung.fate for rung in network.ladder.rungs if rung.source == "alice"]
        assert fates == ["", "dropped", *[""] * 5]


def test_a_link_that_is_down_and_an_address_that_is_nobodys() -> None:
    with Network(seed=1) as network:
        alice, bob = pair(network)
        network.link("alice", "bob").down = True
        alice.say(0.0, b"one")
        network.run()
        network.link("alice", "bob").down = False
        alice.say(1001.0, b"two")
        network.run()
        alice.path = Path(ALICE, "udp:203.0.113.9:9")
        alice.say(2001.0, b"three")
        network.run()
        assert bob.words == [b"two"]
        fates = [rung.fate for rung in network.ladder.rungs if rung.source == "alice"]
        assert fates == ["down", "", "nobody"]


def talk(network: Network, count: int = 2000) -> list[int]:
    """Say numbers, 10 ms apart; return those heard, in order of arrival."""
    alice, bob = pair(network)
    for number in range(count):
        alice.say(number / 100, str(number).encode())
    network.run()
    return [int(word) for word in bob.words]


def test_uniform_loss() -> None:
    with Network(seed=2) as network:
        network.link("alice", "bob").loss = Uniform(0.1)
        heard = talk(network)
        assert 1700 < len(heard) < 1900
        assert heard == sorted(heard)


def test_loss_in_bursts() -> None:
    with Network(seed=3) as network:
        network.link("alice", "bob").loss = GilbertElliott(good_to_bad=0.01, bad_to_good=0.1)
        heard = talk(network)
        missing = sorted(set(range(2000)) - set(heard))
        bursts = sum(number - 1 not in missing for number in missing)
        assert 40 < len(missing) < 500
        assert len(missing) / bursts > 4


def test_jitter_reordering_and_doubling() -> None:
    with Network(seed=4, jitter=0.005) as network:
        heard = talk(network)
        assert heard == list(range(2000))
    with Network(seed=4, reorder=0.1, latency=0.05) as network:
        heard = talk(network)
        assert sorted(heard) == list(range(2000))
        overtaken = sum(b < a for a, b in pairwise(heard))
        assert 100 < overtaken < 300
    with Network(seed=4, duplicate=0.1) as network:
        copies = Counter(talk(network))
        assert 150 < sum(count == 2 for count in copies.values()) < 250
        assert max(copies.values()) == 2


def test_the_same_seed_gives_the_same_network() -> None:
    def once(seed: int) -> list[int]:
        with Network(seed, jitter=0.1, reorder=0.1, duplicate=0.1) as network:
            network.link("alice", "bob").loss = Uniform(0.2)
            return talk(network, 300)

    assert once(5) == once(5)
    assert once(5) != once(6)


@pytest.mark.parametrize("merge", [True, False])
def test_streams_keep_bytes_and_order_but_no_borders(merge: bool) -> None:
    with Network(seed=8, jitter=0.05, reorder=0.3) as network:
        alice, bob = pair(network, TCP_ALICE, TCP_BOB)
        for link in (network.link("alice", "bob"), network.link("bob", "alice")):
            link.segment, link.merge = 7, merge
        sent = [bytes([65 + number]) * 20 for number in range(20)]
        for number, piece in enumerate(sent):
            alice.say(number / 100, piece)
        network.run()
        assert b"".join(bob.words) == b"".join(alice.words) == b"".join(sent)
        assert min(map(len, bob.words)) < 7
        instants = [at for at, _ in bob.heard]
        assert instants == sorted(instants)
        assert (max(map(len, bob.words)) > 7) == merge
        mixed = [word for word in bob.words if len(set(word)) > 1]
        assert bool(mixed) == merge


def test_a_stream_waits_for_what_is_held_back() -> None:
    with Network(seed=1) as network:
        alice, bob = pair(network, TCP_ALICE, TCP_BOB)
        network.link("alice", "bob").rules.append(delay(starts(b"one"), 2.0, 1))
        alice.say(0.0, b"one")
        alice.say(1.0, b"two")
        network.run()
        assert bob.heard == [(2.01, b"onetwo")]
