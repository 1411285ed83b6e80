import socket
from collections.abc import Iterator

import numpy as np
import pytest

from bus.ids import StreamId
from mediaworker import rows, sounding
from mediaworker.media import Media, Report
from mediaworker.net.backend import Backend
from mediaworker.net.portable import REPORTS, Portable
from mediaworker.rtp import rtcp
from mediaworker.streams import DATAGRAM, SLOTS
from mediaworker.tick import run_tick
from tests.mediaworker.virtual import packets, peer, read, speech

Pair = tuple[socket.socket, socket.socket]
FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}


def bound(host: str) -> socket.socket:
    opened = socket.socket(FAMILIES[host], socket.SOCK_DGRAM)
    opened.bind((host, 0))
    opened.setblocking(False)
    return opened


def port_of(opened: socket.socket) -> int:
    port: int = opened.getsockname()[1]
    return port


class Bed:
    """Rows with sockets, each with a peer of its own."""

    def __init__(self, count: int, host: str) -> None:
        self.host = host
        self.media = Media.private(count)
        self.net = Portable(self.media)
        self.ours: list[Pair] = []
        self.peers: list[Pair] = []
        for number in range(count):
            self.add(number)

    def add(self, number: int) -> None:
        ours, peers = (bound(self.host), bound(self.host)), (bound(self.host), bound(self.host))
        self.ours.append(ours)
        self.peers.append(peers)
        row = rows.take(self.media, StreamId(number + 1), 0)
        entropy = number.to_bytes(16)
        rows.open_row(self.media, row, caller_is_remote=False, entropy=entropy)
        self.net.open(row, *ours)
        port, rtcp_port = port_of(peers[0]), port_of(peers[1])
        remote = peer(address=self.host, port=port, rtcp_port=rtcp_port)
        rows.aim(self.media, row, remote)

    def send(self, number: int, datagram: bytes, kind: int = 0) -> None:
        to = self.ours[number][kind].getsockname()
        self.peers[number][kind].sendto(datagram, to)

    def tick(self) -> None:
        run_tick(self.media, self.media.tick + 1, 5_000_000 * self.media.tick, self.net)

    def close(self) -> None:
        for pair in self.ours + self.peers:
            for each in pair:
                each.close()
        self.net.epoll.close()


@pytest.fixture(params=FAMILIES)
def host(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def bed(host: str) -> Iterator[Bed]:
    made = Bed(3, host)
    yield made
    made.close()


def everything(opened: socket.socket) -> list[bytes]:
    found = list[bytes]()
    while True:
        try:
            found.append(opened.recv(2000))
        except BlockingIOError:
            return found


def test_it_is_a_backend(bed: Bed) -> None:
    backend: Backend = bed.net
    assert backend.name == "portable"


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
        for _ in range(4):
            bed.tick()
        for row in range(3):
            for datagram in everything(bed.peers[row][0]):
                back[row] += read(datagram).payload
    for row in range(3):
        assert codes[row].tobytes() in back[row]
    assert bed.net.errors == 0


def test_all_sockets_are_drained_up_to_a_bound(bed: Bed) -> None:
    stream = packets(speech(160 * 40))
    for packet in stream:
        bed.send(0, packet.datagram())
    bed.send(1, stream[0].datagram())
    bed.net.receive(bed.media)
    assert [wave.rows.tolist() for wave in bed.media.waves[:2]] in ([[0, 1], [0]], [[1, 0], [0]])
    assert sum(len(wave.rows) for wave in bed.media.waves) == SLOTS + 1
    first = bed.media.streams.datagrams[0, :, :172]
    assert [read(each.tobytes()).sequence for each in first] == [
        packet.sequence % 65536 for packet in stream[:SLOTS]
    ]
    bed.net.receive(bed.media)
    bed.net.receive(bed.media)
    assert sum(len(wave.rows) for wave in bed.media.waves) == 40 - 2 * SLOTS
    bed.net.receive(bed.media)
    assert bed.media.waves == []


def test_long_datagrams_are_cut_and_empty_ones_taken(bed: Bed) -> None:
    bed.send(0, bytes(1600))
    bed.send(1, b"")
    bed.net.receive(bed.media)
    lengths = {
        int(row): int(length)
        for wave in bed.media.waves
        for row, length in zip(wave.rows, wave.lengths, strict=True)
    }
    assert lengths == {0: DATAGRAM, 1: 0}


def test_reports_go_both_ways(bed: Bed) -> None:
    for _ in range(REPORTS + 2):
        bed.send(2, b"report", kind=1)
    bed.net.receive(bed.media)
    assert [(each.row, each.datagram) for each in bed.media.reports_heard] == [
        (2, b"report")
    ] * REPORTS
    source = bed.media.streams.rtcp_peer[2].tolist()
    assert {each.source for each in bed.media.reports_heard} == {tuple(source)}
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


def test_where_nobody_can_send_is_counted(bed: Bed) -> None:
    address = "2001:db8::1" if bed.host == "127.0.0.1" else "192.0.2.1"
    rows.aim(bed.media, 1, peer(address=address))
    for _ in range(40):
        bed.tick()
    assert bed.net.errors == 10
    assert len(everything(bed.peers[0][0])) == 10


def test_a_row_that_is_closed_is_silent_and_can_be_opened_again(bed: Bed) -> None:
    bed.net.close(1)
    bed.net.close(1)
    bed.send(1, packets(speech(160))[0].datagram())
    for _ in range(8):
        bed.tick()
    assert everything(bed.peers[1][0]) == []
    assert bed.media.public.packets_received[1] == 0
    bed.net.open(1, *bed.ours[1])
    for _ in range(8):
        bed.tick()
    assert len(everything(bed.peers[1][0])) == 2
    assert bed.media.public.packets_received[1] == 1


def test_a_moved_peer_is_sent_to_where_it_is(bed: Bed) -> None:
    stranger = bound(bed.host)
    try:
        for packet in packets(speech(1600)):
            stranger.sendto(packet.datagram(), bed.ours[0][0].getsockname())
            for _ in range(4):
                bed.tick()
        assert len(everything(stranger)) >= 6
        assert len(everything(bed.peers[0][0])) <= 4
    finally:
        stranger.close()


def test_hundreds_of_sockets_in_one_receive(host: str) -> None:
    many = Bed(200, host)
    try:
        for number in range(200):
            many.send(number, packets(speech(160))[0].datagram())
        many.net.receive(many.media)
        (wave,) = many.media.waves
        assert np.sort(wave.rows).tolist() == list(range(200))
    finally:
        many.close()
