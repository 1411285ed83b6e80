"""What both backends have to do, over real sockets."""

import os
import resource
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mediaworker import rows, sounding
from mediaworker.media import Report
from mediaworker.net.address import words_of
from mediaworker.net.reports import MOST
from mediaworker.rtp import rtcp
from mediaworker.streams import DATAGRAM, PACKET, SLOTS
from tests.mediaworker.net.bed import BACKENDS, FAMILIES, Bed, bound, everything, port_of
from tests.mediaworker.virtual import packets, peer, read, speech

MakeBed = Callable[[int], Bed]
SILENT = packets(speech(160))[0].datagram()


@pytest.fixture(params=FAMILIES)
def host(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=BACKENDS)
def make_bed(request: pytest.FixtureRequest, host: str) -> Iterator[MakeBed]:
    made = list[Bed]()

    def make(count: int) -> Bed:
        made.append(Bed(BACKENDS[request.param], count, host))
        assert made[-1].net.name == request.param
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def bed(make_bed: MakeBed) -> Bed:
    return make_bed(3)


def errors(bed: Bed) -> int:
    return sum(bed.net.errors.values())


def test_audio_comes_back_to_the_right_peer(bed: Bed) -> None:
    codes = [speech(3200, seed) for seed in range(3)]
    for row in range(3):
        sounding.play_echo(bed.media, row)
    streams = [packets(each) for each in codes]
    back = [b"", b"", b""]
    for index in range(30):
        for row in range(3):
            if index < 20:
                bed.send(row, streams[row][index].datagram())
        bed.tick(4)
        for row in range(3):
            for datagram in everything(bed.peers[row][0]):
                back[row] += read(datagram).payload
    for row in range(3):
        assert codes[row].tobytes() in back[row]
    assert not bed.net.errors


def test_sources_and_slots_are_those_of_the_datagrams(bed: Bed) -> None:
    for row in (2, 0, 1):
        bed.send(row, b"from %d" % row)
    assert sorted(bed.receive()) == [(row, b"from %d" % row) for row in range(3)]
    (wave,) = bed.media.waves
    order: list[int] = wave.rows.tolist()
    for index, row in enumerate(order):
        assert tuple(wave.sources[index].tolist()) == words_of(bed.host, port_of(bed.peers[row][0]))


def test_more_than_the_slots_hold_waits_in_the_socket(bed: Bed) -> None:
    sent = [b"%03d" % number for number in range(3 * SLOTS)]
    for datagram in sent:
        bed.send(0, datagram)
    bed.send(1, b"other")
    first = bed.receive()
    assert [datagram for row, datagram in first if row == 0] == sent[:SLOTS]
    assert (1, b"other") in first
    again = bed.receive() + bed.receive()
    assert [datagram for _, datagram in again] == sent[SLOTS:]
    assert bed.receive() == []
    bed.send(0, b"after it")
    assert bed.receive() == [(0, b"after it")]


def test_long_datagrams_are_cut_and_empty_ones_taken(bed: Bed) -> None:
    longest = os.urandom(PACKET)
    for _ in range(3):
        bed.send(0, bytes(5000))
        bed.send(0, longest)
        bed.send(1, b"")
        bed.send(1, b"next")
        taken = bed.receive() + bed.receive()
        assert [datagram for row, datagram in taken if row == 0] == [bytes(DATAGRAM), longest]
        assert [datagram for row, datagram in taken if row == 1] == [b"", b"next"]
    assert errors(bed) == 0


def test_strange_datagrams_change_nothing(bed: Bed) -> None:
    for datagram in (b"", b"\0", bytes(11), bytes(5000), os.urandom(PACKET), b"\x80"):
        bed.send(0, datagram)
    bed.send(0, SILENT)
    bed.tick(2)
    assert bed.media.public.packets_received[0] == 1
    bed.tick(6)
    assert len(everything(bed.peers[0][0])) == 2


def test_reports_go_both_ways(bed: Bed) -> None:
    for _ in range(MOST + 2):
        bed.send(2, b"report", kind=1)
    bed.net.receive(bed.media)
    heard = bed.media.reports_heard
    assert [(each.row, each.datagram) for each in heard] == [(2, b"report")] * MOST
    source = bed.media.streams.rtcp_peer[2].tolist()
    assert {each.source for each in heard} == {tuple(source)}
    bed.net.receive(bed.media)
    assert len(bed.media.reports_heard) == 2
    bed.net.receive(bed.media)
    assert bed.media.reports_heard == []
    bed.send(1, b"later", kind=1)
    bed.net.receive(bed.media)
    assert [each.datagram for each in bed.media.reports_heard] == [b"later"]
    bed.net.send_report(bed.media, Report(2, b"answer"))
    assert everything(bed.peers[2][1]) == [b"answer"]


def test_reports_that_go_with_rtp(bed: Bed) -> None:
    port = port_of(bed.peers[2][0])
    rows.aim(bed.media, 2, peer(address=bed.host, port=port, rtcp_mux=True))
    bed.net.send_report(bed.media, Report(2, b"report"))
    datagram, source = bed.peers[2][0].recvfrom(100)
    assert (datagram, source[1]) == (b"report", port_of(bed.ours[2][0]))
    bed.send(2, rtcp.report(7, "x", None, ()))
    bed.send(1, rtcp.report(7, "x", None, ()))
    bed.tick()
    heard_at = bed.media.streams.report_heard_at[:3].tolist()
    assert heard_at == [0, 0, bed.media.tick]
    assert bed.media.public.packets_strange[:3].tolist() == [0, 1, 0]


def test_a_peer_that_is_gone_disturbs_nobody(bed: Bed) -> None:
    for each in bed.peers[1]:
        each.close()
    for _ in range(100):
        bed.net.send_report(bed.media, Report(1, b"report"))
        bed.tick()
    assert [len(everything(bed.peers[row][0])) for row in (0, 2)] == [25, 25]


def test_a_refusal_is_counted_and_the_row_goes_on(bed: Bed) -> None:
    """ICMP errors come to sockets that are connected, or ask for them."""
    ours, theirs = bed.ours[1][0], bed.peers[1][0]
    address = theirs.getsockname()
    bed.tick(4)  # sends, and receives from now on
    ours.connect(address)
    theirs.close()
    bed.tick(16)
    assert bed.net.errors["ECONNREFUSED"] >= 2
    before = int(bed.media.public.packets_received[1])
    bed.peers[1] = socket.socket(FAMILIES[bed.host], socket.SOCK_DGRAM), bed.peers[1][1]
    bed.peers[1][0].bind(address)
    bed.tick(2)
    bed.send(1, SILENT)
    bed.tick(2)
    assert bed.media.public.packets_received[1] == before + 1


def test_where_nobody_can_send_is_counted(bed: Bed) -> None:
    address = "2001:db8::1" if bed.host == "127.0.0.1" else "192.0.2.1"
    rows.aim(bed.media, 1, peer(address=address))
    bed.tick(44)  # what came of the last ones is seen a tick later
    assert errors(bed) in (10, 11)
    assert len(everything(bed.peers[0][0])) == 11


def test_a_row_that_is_closed_is_silent_and_can_be_opened_again(bed: Bed) -> None:
    bed.receive()
    bed.net.close(1)
    bed.net.close(1)
    bed.send(1, SILENT)
    bed.tick(8)
    assert everything(bed.peers[1][0]) == []
    assert bed.media.public.packets_received[1] == 0
    bed.net.open(1, *bed.ours[1])
    bed.tick(8)
    assert len(everything(bed.peers[1][0])) == 2
    assert bed.media.public.packets_received[1] == 1
    assert not bed.net.errors


def test_a_row_is_used_again_with_other_sockets(bed: Bed) -> None:
    for round_number in range(2 * SLOTS):
        bed.send(1, b"unread")
        bed.send(0, b"kept %d" % round_number)
        if round_number % 2:
            bed.net.receive(bed.media)
        bed.net.close(1)
        for each in bed.ours[1]:
            each.close()
        bed.ours[1] = bound(bed.host), bound(bed.host)
        bed.net.open(1, *bed.ours[1])
        bed.send(1, b"%d" % round_number)
        taken = dict(bed.receive())
        assert taken[1] == b"%d" % round_number
    for _ in range(SLOTS - 1):
        bed.send(1, b"all")
    assert bed.receive() == [(1, b"all")] * (SLOTS - 1)
    assert not bed.net.errors


def test_what_came_before_a_close_of_another_row_is_not_lost(bed: Bed) -> None:
    bed.receive()
    for number in range(5):
        bed.send(0, b"%d" % number)
        bed.send(1, b"lost")
    bed.net.close(1)
    bed.net.close(2)
    assert bed.receive() == [(0, b"%d" % number) for number in range(5)]


def test_nothing_of_a_closed_row_is_held_open(bed: Bed) -> None:
    """Its port is free at once, and no descriptor leaks."""
    bed.tick()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        bed.net.close(1)
        ports = [port_of(each) for each in bed.ours[1]]
        for each in bed.ours[1]:
            each.close()
        again = list[socket.socket]()
        for port in ports:
            again.append(socket.socket(FAMILIES[bed.host], socket.SOCK_DGRAM))
            again[-1].bind((bed.host, port))
        bed.ours[1] = again[0], again[1]
        bed.net.open(1, *bed.ours[1])
        bed.tick()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_moved_peer_is_sent_to_where_it_is(bed: Bed) -> None:
    stranger = bound(bed.host)
    try:
        for packet in packets(speech(1600)):
            stranger.sendto(packet.datagram(), bed.ours[0][0].getsockname())
            bed.tick(4)
        assert len(everything(stranger)) >= 6
        assert len(everything(bed.peers[0][0])) <= 4
    finally:
        stranger.close()


@pytest.fixture
def many_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < 5000:
        pytest.skip("too few descriptors are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 5000), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_files")
def test_a_thousand_sockets_in_one_receive(make_bed: MakeBed) -> None:
    many = make_bed(1000)
    for _ in range(2):
        for number in range(1000):
            many.send(number, b"%d" % number)
        assert sorted(many.receive()) == [(number, b"%d" % number) for number in range(1000)]
        (wave,) = many.media.waves
        assert np.array_equal(np.sort(wave.rows), np.arange(1000))
    assert not many.net.errors


def test_no_descriptor_is_inherited(bed: Bed) -> None:
    bed.tick()
    for path in Path("/proc/self/fd").iterdir():
        if path.is_symlink() and str(path.readlink()).startswith("anon_inode:"):
            assert not os.get_inheritable(int(path.name))
