import select
from collections import Counter
from collections.abc import Iterator

import pytest

from mediaworker.media import Media, Report
from mediaworker.net.address import words_of
from mediaworker.net.reports import MOST, Reports
from tests.mediaworker.net.bed import Pair, bound, port_of


@pytest.fixture
def reports() -> Iterator[Reports]:
    made = Reports(Counter())
    yield made
    made.end()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = bound("127.0.0.1"), bound("127.0.0.1")
    yield made
    for each in made:
        each.close()


def readable(reports: Reports) -> bool:
    return bool(select.select([reports], [], [], 0)[0])


def test_it_is_readable_until_all_is_taken(reports: Reports, pair: Pair) -> None:
    ours, theirs = pair
    reports.open(4, ours, ours)
    assert not readable(reports)
    for number in range(MOST + 1):
        theirs.sendto(b"%d" % number, ours.getsockname())
    assert readable(reports)
    source = words_of("127.0.0.1", port_of(theirs))
    assert reports.receive() == [Report(4, b"%d" % number, source) for number in range(MOST)]
    assert readable(reports)
    assert [each.datagram for each in reports.receive()] == [b"%d" % MOST]
    assert not readable(reports)
    assert reports.receive() == []


def test_errors_are_counted_by_name(reports: Reports, pair: Pair) -> None:
    ours, theirs = pair
    ours.connect(theirs.getsockname())
    reports.open(0, ours, ours)
    media = Media.private(1)
    media.streams.rtcp_peer[0] = words_of("127.0.0.1", port_of(theirs))
    theirs.close()
    for _ in range(4):
        reports.send(media, Report(0, b"report"))
        assert reports.receive() == []
    assert reports.errors["ECONNREFUSED"] >= 3


def test_a_row_that_is_closed_is_not_heard(reports: Reports, pair: Pair) -> None:
    ours, theirs = pair
    reports.open(0, ours, ours)
    reports.close(0)
    theirs.sendto(b"report", ours.getsockname())
    assert reports.receive() == []
    reports.send(Media.private(1), Report(0, b"report"))
    assert not reports.errors
