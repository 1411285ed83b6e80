import pytest

from bus.srtp import SUITES
from mediaworker import rows, sounding
from mediaworker.media import Report
from mediaworker.rtp.rtcp import SenderInfo, report
from mediaworker.streams import SOURCES
from tests.mediaworker.secure import FarEnd, crypto, secure_peer
from tests.mediaworker.virtual import Rtp, Worker, packets, peer, said, speech

REFUSED = "packets_unauthentic", "packets_replayed", "packets_strange"


def bed(suite: str = "AES_CM_128_HMAC_SHA1_80") -> tuple[Worker, int, FarEnd]:
    """Return a worker with a stream that echoes, and its peer."""
    worker, keys = Worker(), crypto(suite=suite)
    row = worker.open(secure_peer(keys))
    sounding.play_echo(worker.media, row)
    return worker, row, FarEnd(keys)


def refused(worker: Worker, row: int) -> list[int]:
    return [int(worker.public(name, row)) for name in REFUSED]


def tell(worker: Worker, row: int, datagrams: list[bytes]) -> None:
    for index, datagram in enumerate(datagrams):
        worker.arrive(row, datagram, after=1 + index)
    worker.run(len(datagrams))


@pytest.mark.parametrize("suite", SUITES)
def test_what_the_peer_says_is_heard(suite: str) -> None:
    worker, row, far = bed(suite)
    codes = speech(8000)
    for index, datagram in enumerate(far.protected(packets(codes))):  # the numbers wrap
        worker.arrive(row, datagram, after=10 + 4 * index)
    worker.run(400)
    assert codes.tobytes() in said(far.read_all(worker.sent(row)))
    assert refused(worker, row) == [0, 0, 0]
    assert worker.public("packets_lost", row) == 0


def test_rows_of_all_kinds_in_one_wave() -> None:
    worker, fars = Worker(), list[FarEnd | None]()
    for number in range(8):
        suite = [*SUITES, ""][number % 5]
        keys = crypto(f"ours {number}", f"theirs {number}", suite) if suite else None
        row = worker.open(secure_peer(keys) if keys else peer())
        sounding.play_echo(worker.media, row)
        fars.append(FarEnd(keys) if keys else None)
    for row, far in enumerate(fars):
        for index, packet in enumerate(packets(speech(1600, row))):
            worker.arrive(row, far.protect(packet) if far else packet, after=10 + 4 * index)
    worker.run(100)
    for row, far in enumerate(fars):
        heard = far.read_all(worker.sent(row)) if far else worker.sent(row)
        assert speech(1600, row).tobytes() in said(heard)


def test_what_is_not_authentic_is_dropped_and_teaches_nothing() -> None:
    worker, row, _ = bed()
    stranger = FarEnd(crypto("other", "another"))
    for index, packet in enumerate(packets(speech(3200))):
        worker.arrive(row, packet, after=1 + 4 * index)
        worker.arrive(row, stranger.protect(packet), after=1 + 4 * index, port=9)
        worker.arrive(row, b"\x80\0\0\1", after=1 + 4 * index)
    worker.run(100)
    streams = worker.media.streams
    assert refused(worker, row) == [40, 0, 20]
    assert rows.quality(worker.media, row).packets_unauthentic == 40
    assert not streams.heard_any[row]
    assert not streams.latched[row]
    assert worker.public("packets_received", row) == 0
    assert streams.sources_known[row] == 0


def test_an_authentic_packet_teaches_the_address() -> None:
    worker, row, far = bed()
    for index, packet in enumerate(packets(speech(3200))):
        worker.arrive(row, far.protect(packet), after=1 + 4 * index, port=9)
    worker.run(100)
    assert worker.media.streams.peer[row, 2] == 9
    assert worker.public("packets_received", row) > 10


def test_a_replay_is_refused_and_teaches_nothing() -> None:
    worker, row, far = bed()
    datagrams = far.protected(packets(speech(1600)))
    tell(worker, row, datagrams)
    for index, datagram in enumerate(datagrams):
        worker.arrive(row, datagram, after=1 + 4 * index, port=9)
    worker.run(100)
    assert refused(worker, row) == [0, 10, 0]
    assert worker.media.streams.peer[row, 2] == 4000


def test_packets_may_come_in_any_order_within_the_window() -> None:
    worker, row, far = bed()
    datagrams = far.protected(packets(speech(80 * 160)))
    ahead = [datagrams[0], datagrams[64], *datagrams[63:0:-1]]
    tell(worker, row, ahead)
    assert refused(worker, row) == [0, 0, 0]
    tell(worker, row, [datagrams[79], *datagrams[65:79], datagrams[15], datagrams[16]])
    assert refused(worker, row) == [0, 2, 0]


def test_too_late_is_taken_for_a_replay() -> None:
    worker, row, far = bed()
    datagrams = far.protected(packets(speech(80 * 160)))
    tell(worker, row, [datagrams[0], datagrams[70], datagrams[6], datagrams[7]])
    assert refused(worker, row) == [0, 1, 0]


def test_reordering_around_the_wrap() -> None:
    worker, row, far = bed()
    datagrams = far.protected(packets(speech(1600), sequence=65531))
    order = [0, 1, 2, 5, 4, 3, 7, 6, 9, 8]
    tell(worker, row, [datagrams[index] for index in order])
    assert refused(worker, row) == [0, 0, 0]
    assert worker.media.streams.source_indexes[row, 0] == 65536 + 4 + 1


def test_the_first_packet_may_be_one_after_the_wrap() -> None:
    """Those before it come late, and have no roll-over counter below 0."""
    worker, row, far = bed()
    datagrams = far.protected(packets(speech(640), sequence=3))
    old = FarEnd().protected(packets(speech(160), sequence=65530))
    tell(worker, row, [*datagrams, *old])
    assert refused(worker, row) == [0, 0, 0]


def test_each_source_has_an_index_of_its_own() -> None:
    worker, row, far = bed()
    streams = worker.media.streams
    first = far.protected(packets(speech(640), sequence=65534))
    other = far.protected(packet._replace(ssrc=77) for packet in packets(speech(640), sequence=100))
    tell(worker, row, first + other)
    assert refused(worker, row) == [0, 0, 0]
    assert streams.source_ssrcs[row, :2].tolist() == [0xCAFE, 77]
    assert streams.source_indexes[row, :2].tolist() == [65538, 104]
    tell(worker, row, first)
    assert refused(worker, row) == [0, 4, 0]
    more = far.protected(packets(speech(160), sequence=65538))
    tell(worker, row, more)
    assert streams.source_indexes[row, :2].tolist() == [65539, 104]


def test_the_oldest_source_makes_room() -> None:
    worker, row, far = bed()
    for ssrc in range(1, SOURCES + 3):
        tell(worker, row, [far.protect(Rtp(5, 0, bytes(160), ssrc=ssrc))])
    assert refused(worker, row) == [0, 0, 0]
    assert worker.media.streams.source_ssrcs[row].tolist() == [9, 10, 3, 4, 5, 6, 7, 8]


def test_extensions_are_skipped() -> None:
    worker, row, far = bed()
    plain = packets(speech(1600))
    for index, packet in enumerate(plain):
        datagram = packet.datagram()
        extended = b"\x90" + datagram[1:12] + b"\xbe\xde\0\1abcd" + datagram[12:]
        worker.arrive(row, far.protect(extended), after=10 + 4 * index)
    worker.run(100)
    heard = said(far.read_all(worker.sent(row)))
    assert speech(1600).tobytes() in heard


def test_reports_are_read_when_authentic() -> None:
    worker, row, far = bed()
    compound = report(7, "x", SenderInfo(0x1234 << 32, 0, 0, 0), ())
    sealed = far.out.protect_rtcp(compound)
    source = worker.media.streams.peer[row].tolist()
    source[2] += 1

    def hear(datagram: bytes) -> None:
        worker.wire.reports.append(Report(row, datagram, tuple(source)))
        worker.run(1)

    for broken in (compound, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"", sealed[:20]):
        hear(broken)
    assert worker.media.streams.remote_report[row] == 0
    assert refused(worker, row) == [4, 0, 0]
    hear(sealed)
    assert worker.media.streams.remote_report[row] == 0x1234 << 16
    hear(sealed)
    assert refused(worker, row) == [4, 1, 0]
    later = [far.out.protect_rtcp(compound) for _ in range(70)]
    for datagram in (later[69], later[60], later[60], later[2]):
        hear(datagram)
    assert refused(worker, row) == [4, 3, 0]


def test_rtcp_may_come_with_rtp() -> None:
    worker, keys = Worker(), crypto()
    row = worker.open(secure_peer(keys, rtcp_mux=True))
    far = FarEnd(keys)
    compound = report(7, "x", SenderInfo(0x1234 << 32, 0, 0, 0), ())
    worker.arrive(row, far.protect(packets(speech(160))[0]))
    worker.arrive(row, far.out.protect_rtcp(compound), after=2)
    worker.arrive(row, compound, after=3)
    worker.run(4)
    assert worker.media.streams.remote_report[row] == 0x1234 << 16
    assert refused(worker, row) == [1, 0, 0]


def test_a_changed_key_of_the_peer_counts_at_once() -> None:
    worker, row, far = bed()
    tell(worker, row, far.protected(packets(speech(1600))))
    new = crypto(theirs="new")
    rows.aim(worker.media, row, secure_peer(new))
    tell(worker, row, far.protected(packets(speech(1600), sequence=65510)))
    assert refused(worker, row) == [10, 0, 0]
    tell(worker, row, FarEnd(new).protected(packets(speech(1600), sequence=65510)))
    assert refused(worker, row) == [10, 0, 0]
    assert worker.public("packets_received", row) == 20
