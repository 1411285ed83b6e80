from collections.abc import Iterator

import pytest

from mediaworker.net.portable import Portable
from mediaworker.streams import SLOTS
from tests.mediaworker.net.bed import Bed


@pytest.fixture
def bed() -> Iterator[Bed]:
    made = Bed(Portable)
    yield made
    made.close()


def test_each_wave_is_in_one_slot(bed: Bed) -> None:
    for row in (0, 0, 1):
        bed.send(row, b"datagram")
    bed.net.receive(bed.media)
    assert [(wave.slot, sorted(wave.rows.tolist())) for wave in bed.media.waves] == [
        (0, [0, 1]),
        (1, [0]),
    ]


def test_rows_with_packets_of_different_lengths_are_all_sent(bed: Bed) -> None:
    streams = bed.media.streams
    streams.packet[:, :3] = 7
    streams.packet_length[:3] = 3, 1, 3
    bed.net.send(bed.media, streams.due[:3].argsort())
    assert [each.recv(99) for each, _ in bed.peers] == [b"\7\7\7", b"\7", b"\7\7\7"]


def test_no_more_than_the_slots_is_taken(bed: Bed) -> None:
    for _ in range(SLOTS + 1):
        bed.send(0, b"datagram")
    assert len(bed.receive()) == SLOTS
    assert bed.net.errors == {}
