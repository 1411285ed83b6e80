import socket
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from bus.errors import BadRequestError
from bus.srtp import SUITES, Crypto
from mediaworker import rows, securing
from mediaworker.media import Report
from mediaworker.net.backend import Backend
from mediaworker.net.portable import Portable
from mediaworker.net.uring import Uring
from mediaworker.tick import run_tick
from tests.mediaworker.secure import FarEnd, crypto, secure_peer
from tests.mediaworker.virtual import Rtp, Worker, packets, peer, read, speech


def test_a_key_that_stays_goes_on() -> None:
    worker, far = Worker(), FarEnd()
    row = worker.open(secure_peer())
    streams = worker.media.streams
    streams.progress[row] = 65530 - int(streams.sequence_base[row])
    for index, datagram in enumerate(far.protected(packets(speech(6400), sequence=65520))):
        worker.arrive(row, datagram, after=1 + 4 * index)
    for port in (4000, 4000, 4002, 4000):  # re-INVITEs, two of which move the peer
        worker.run(40)
        rows.aim(worker.media, row, secure_peer(port=port))
    sequences = [each.sequence for each in far.read_all(worker.sent(row))]
    assert sequences == [*range(65530, 65536), *range(34)]
    assert streams.source_indexes[row, 0] == 65560
    assert streams.index_base[row] == 0


def test_a_new_key_of_ours_begins_with_roll_over_counter_0() -> None:
    worker = Worker()
    row = worker.open(secure_peer())
    worker.media.streams.progress[row] = 3 << 16
    worker.run(20)
    new = crypto(ours="new")
    rows.aim(worker.media, row, secure_peer(new))
    worker.run(20)
    sequences = [each.sequence for each in FarEnd(new).read_all(worker.sent(row)[5:])]
    assert len(sequences) == 5


def test_a_new_key_of_the_peer_leaves_ours_alone() -> None:
    worker, far = Worker(), FarEnd()
    row = worker.open(secure_peer())
    streams = worker.media.streams
    streams.progress[row] = 65530 - int(streams.sequence_base[row])
    worker.run(40)
    rows.aim(worker.media, row, secure_peer(crypto(theirs="new")))
    worker.run(40)
    assert len(far.read_all(worker.sent(row))) == 20


@pytest.mark.parametrize("suite", SUITES)
def test_another_suite(suite: str) -> None:
    worker = Worker()
    row = worker.open(secure_peer(crypto("a", "b", "AES_CM_128_HMAC_SHA1_32")))
    worker.run(20)
    keys = crypto("c", "d", suite)
    rows.aim(worker.media, row, secure_peer(keys))
    worker.arrive(row, FarEnd(keys).protect(Rtp(7, 0, bytes(160))))
    worker.run(20)
    assert len(FarEnd(keys).read_all(worker.sent(row)[5:])) == 5
    assert worker.public("packets_received", row) == 1


def test_all_follows_from_the_columns() -> None:
    """A successor that has them and nothing else goes on where this one stopped."""
    worker, fars = Worker(), [FarEnd(crypto(suite=suite)) for suite in SUITES]
    found = [worker.open(secure_peer(crypto(suite=suite))) for suite in SUITES]
    streams = worker.media.streams
    streams.progress[found] = (65530 - streams.sequence_base[found].astype(np.int64)) & 0xFFFF
    for row, far in zip(found, fars, strict=True):
        for index, datagram in enumerate(far.protected(packets(speech(3200), sequence=65530))):
            worker.arrive(row, datagram, after=1 + 4 * index)
    worker.run(40)
    before = worker.media.protected
    worker.media.protected = {}
    securing.restore(worker.media)
    assert worker.media.protected.keys() == before.keys() == set(found)
    worker.run(40)
    for row, far in zip(found, fars, strict=True):
        assert len(far.read_all(worker.sent(row))) == 20
        assert worker.public("packets_received", row) == 20
        assert worker.public("packets_unauthentic", row) == 0


def test_a_key_that_cannot_be_changes_nothing() -> None:
    worker = Worker()
    row = worker.open()
    usual = crypto()
    for wrong, why in (
        (Crypto(suite="F8_128_HMAC_SHA1_80", ours=usual.ours, theirs=usual.theirs), "F8_128"),
        (Crypto(suite=usual.suite, ours=usual.ours[1:], theirs=usual.theirs), "30 bytes"),
        (Crypto(suite=usual.suite, ours=usual.ours, theirs=b""), "30 bytes"),
    ):
        with pytest.raises(BadRequestError, match=why):
            rows.aim(worker.media, row, secure_peer(wrong, port=9))
    assert worker.media.streams.peer[row, 2] == 4000
    assert not worker.media.protected


@pytest.fixture(params=[Portable, Uring])
def kind(request: pytest.FixtureRequest) -> type[Portable] | type[Uring]:
    found: type[Portable] | type[Uring] = request.param
    return found


@pytest.fixture
def pairs() -> Iterator[list[socket.socket]]:
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
    for each in made:
        each.bind(("127.0.0.1", 0))
        each.settimeout(5)
    yield made
    for each in made:
        each.close()


def test_backends_send_what_was_sealed(
    kind: type[Portable] | type[Uring], pairs: list[socket.socket]
) -> None:
    """Protected, then not, then again: each packet comes from the column it should."""
    worker = Worker()
    try:
        net: Backend = kind(worker.media.streams)
    except OSError as error:
        pytest.skip(f"no io_uring here: {error}")
    ours, rtcp, theirs, their_rtcp = pairs
    for each in (ours, rtcp):
        each.setblocking(False)
    port, rtcp_port = theirs.getsockname()[1], their_rtcp.getsockname()[1]
    where: dict[str, Any] = {"address": "127.0.0.1", "port": port, "rtcp_port": rtcp_port}
    row = worker.open(peer(**where))
    net.open(row, ours, rtcp)
    sizes = list[int]()
    for remote in (peer(**where), secure_peer(**where), peer(**where), secure_peer(**where)):
        rows.aim(worker.media, row, remote)
        for _ in range(4):
            worker.tick += 1
            run_tick(worker.media, worker.tick, worker.now_ns, net)
        datagram = theirs.recv(2000)
        sizes.append(len(datagram))
        if remote.crypto:
            assert FarEnd().into.unprotect(datagram)[12:] == bytes([0xFF]) * 160
        else:
            assert read(datagram).payload == bytes([0xFF]) * 160
    assert sizes == [172, 182, 172, 182]
    net.send_report(worker.media, Report(row, b"report"))
    assert their_rtcp.recv(100) == b"report"
    net.close(row)
    net.end()
