from itertools import pairwise

import pylibsrtp
import pytest

from bus.srtp import SUITES
from mediaworker import rows, sounding
from mediaworker.rtp.rtcp import parse
from tests.mediaworker.secure import FarEnd, crypto, secure_peer
from tests.mediaworker.virtual import Worker, peer, said

DTX = "usedtx=1"


def index_of(worker: Worker, row: int) -> int:
    """Let the next packet have the sequence number 65534."""
    streams = worker.media.streams
    sent = (65534 - int(streams.sequence_base[row])) % (1 << 16)
    streams.progress[row] = (int(streams.progress[row]) >> 32 << 32) | sent
    return sent


@pytest.mark.parametrize("suite", SUITES)
def test_the_peer_hears_what_is_said(suite: str) -> None:
    worker, keys = Worker(), crypto(suite=suite)
    row, plain = worker.open(secure_peer(keys)), worker.open()
    for each in (row, plain):
        worker.media.pool[:1600] = range(1600)
        sounding.play_pool(worker.media, each, 0, 1600, loop=True)
    worker.run(100)
    heard, other = FarEnd(keys).read_all(worker.sent(row)), worker.sent(plain)
    assert said(heard) == said(other)
    assert len(said(other)) == 25 * 160
    assert said(worker.sent(row)) != said(other)


def test_the_index_goes_on_when_the_sequence_number_wraps() -> None:
    worker, far = Worker(), FarEnd()
    row = worker.open(secure_peer())
    index_of(worker, row)
    worker.run(40)
    heard = far.read_all(worker.sent(row))  # raises if the roll-over counter is not theirs
    assert [each.sequence for each in heard] == [65534, 65535, *range(8)]


def test_it_wraps_again_and_again() -> None:
    """The peer hears a packet of every thousand, through five wraps."""
    worker, far, found = Worker(), FarEnd(), list[int]()
    row = worker.open(secure_peer())
    streams = worker.media.streams
    for _ in range(330):
        worker.run(4)
        found.append(far.read(worker.sent(row)[-1]).sequence)
        streams.progress[row] += 999
    assert sum(after < before for before, after in pairwise(found)) == 5


def test_hold_across_the_wrap() -> None:
    worker, far = Worker(), FarEnd()
    row = worker.open(secure_peer())
    index_of(worker, row)
    worker.run(4)
    rows.aim(worker.media, row, secure_peer(send=False))
    worker.run(400)
    rows.aim(worker.media, row, secure_peer())
    worker.run(16)
    heard = far.read_all(worker.sent(row))
    assert [each.sequence for each in heard] == [65534, 65535, 0, 1, 2]


def test_no_two_packets_are_sealed_with_one_index() -> None:
    """Also when several are sent in a tick, after ticks that were missed."""
    worker, far = Worker(), FarEnd()
    row = worker.open(secure_peer())
    worker.run(20)
    worker.jump(100)
    worker.run(20)
    sequences = [each.sequence for each in far.read_all(worker.sent(row))]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))


def test_digits_are_sealed_too() -> None:
    worker, far = Worker(), FarEnd()
    row = worker.open(secure_peer())
    rows.queue_digits(worker.media, row, "5", 100, 60)
    worker.run(100)
    events = [each for each in far.read_all(worker.sent(row)) if each.payload_type == 101]
    assert {len(each.payload) for each in events} == {4}
    assert events[-1].payload[0] == 5


def test_what_is_not_protected_is_sent_as_it_is() -> None:
    worker = Worker()
    row = worker.open(secure_peer())
    worker.run(20)
    rows.aim(worker.media, row, peer())
    worker.run(20)
    sizes = [len(each.payload) for each in worker.sent(row)]
    assert sizes == [170] * 5 + [160] * 5
    assert not worker.media.protected


@pytest.mark.parametrize("suite", SUITES)
def test_reports_are_sealed_each_with_the_next_index(suite: str) -> None:
    worker, keys = Worker(), crypto(suite=suite)
    row = worker.open(secure_peer(keys))
    worker.run(4000)
    far, reports = FarEnd(keys), worker.wire.sent_reports
    ssrc = int(worker.media.streams.ssrc[row])
    for sent in reports:
        compound = parse(far.into.unprotect_rtcp(sent.datagram))
        assert compound is not None
        assert compound.ssrc == ssrc
    assert worker.media.streams.reports_sealed[row] == len(reports) > 2
    with pytest.raises(pylibsrtp.Error, match="replay"):
        far.into.unprotect_rtcp(reports[0].datagram)


def test_the_farewell_is_sealed_and_the_keys_forgotten() -> None:
    worker = Worker()
    row = worker.open(secure_peer())
    worker.run(20)
    goodbye = rows.close(worker.media, row, worker.now_ns)
    compound = parse(FarEnd().into.unprotect_rtcp(goodbye))
    assert compound is not None
    assert compound.goodbyes
    assert not worker.media.streams.master_out[row].any()
    assert not worker.media.streams.master_in[row].any()
    assert not worker.media.protected


def test_nothing_is_sealed_that_is_not_sent() -> None:
    """A pause takes no index: the next packet has the next one."""
    worker, far = Worker(), FarEnd()
    row = worker.open(secure_peer(codec="opus", clock=48000, payload_type=111, parameters=DTX))
    worker.run(400)
    heard = far.read_all(worker.sent(row))
    assert len(heard) < 60
    first = heard[0].sequence
    assert [each.sequence for each in heard] == list(range(first, first + len(heard)))
