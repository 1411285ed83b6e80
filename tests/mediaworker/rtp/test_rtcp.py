import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaworker.rtp.rtcp import (
    Block,
    Compound,
    SenderInfo,
    extended,
    goodbye,
    middle,
    ntp_time,
    parse,
    report,
)
from mediaworker.rtp.rtcp_xr import Answer, Extended, VoipMetrics

CRASHERS = Path(__file__).parents[4] / "shared" / "material" / "crashers" / "rtcp"
SENDER = SenderInfo(0xE8FE6F8F_80000000, 160_000, 1000, 160_000)
BLOCK = Block(0xDEADBEEF, 12, 34, 0x10005, 56, 0x6F8F8000, 65536)


def test_a_sender_report_byte_by_byte() -> None:
    datagram = report(0xCAFEF00D, "a@b.c", SENDER, (BLOCK,))
    assert datagram.hex(" ", 4) == (
        "81c8000c cafef00d e8fe6f8f 80000000 00027100 000003e8 00027100 "
        "deadbeef 0c000022 00010005 00000038 6f8f8000 00010000 "
        "81ca0003 cafef00d 01056140 622e6300"
    )


def test_a_receiver_report_byte_by_byte() -> None:
    expected = "80c90001 00000001 81ca0003 00000001 01026162 00000000"
    assert report(1, "ab", None, ()).hex(" ", 4) == expected


def test_goodbye_byte_by_byte() -> None:
    assert goodbye(0xCAFEF00D).hex() == "81cb0001cafef00d"


@given(
    st.integers(0, 2**32 - 1),
    st.text(max_size=90),
    st.none() | st.builds(SenderInfo, st.integers(0, 2**64 - 1), *[st.integers(0, 2**32 - 1)] * 3),
    st.lists(
        st.builds(
            Block,
            st.integers(0, 2**32 - 1),
            st.integers(0, 255),
            st.integers(-(2**23), 2**23 - 1),
            *[st.integers(0, 2**32 - 1)] * 4,
        ),
        max_size=3,
    ),
)
def test_what_is_written_is_read(
    ssrc: int, cname: str, sender: SenderInfo | None, blocks: list[Block]
) -> None:
    datagram = report(ssrc, cname, sender, tuple(blocks)) + goodbye(ssrc)
    assert parse(datagram) == Compound(ssrc, sender, tuple(blocks), (ssrc,))
    assert len(datagram) % 4 == 0


@pytest.mark.parametrize("lost", [2**23, 2**40, -(2**40)])
def test_losses_too_great_for_their_field_are_cut(lost: int) -> None:
    read = parse(report(1, "", None, (BLOCK._replace(lost=lost),)))
    assert read is not None
    assert read.blocks[0].lost == (2**23 - 1 if lost > 0 else -(2**23))


@pytest.mark.parametrize("path", sorted(CRASHERS.glob("*")), ids=lambda path: path.name)
def test_what_crashed_others(path: Path) -> None:
    text = path.read_text().splitlines()[1]
    value = ast.literal_eval("b" + text.removeprefix("[]byte(").removesuffix(")"))
    read = parse(value)
    assert read is None or not read.blocks


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(datagram: bytes) -> None:
    parse(datagram)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_broken_compounds_are_read_up_to_where_they_break(rest: bytes, cut: int) -> None:
    whole = report(7, "x", SENDER, (BLOCK,))
    read = parse(whole + rest[:cut])
    assert read is not None
    assert (read.ssrc, read.sender, read.blocks[:1]) == (7, SENDER, (BLOCK,))
    assert parse(whole[:40]) is None


def test_ntp_time() -> None:
    assert ntp_time(0) == 2208988800 << 32
    assert ntp_time(1_500_000_000) == 2208988801 << 32 | 1 << 31
    assert middle(ntp_time(1_500_000_000)) == (2208988801 << 16 & 0xFFFFFFFF) | 0x8000


WHOLE = (
    report(7, "cname", SENDER, (BLOCK,) * 3)
    + extended(7, Extended(1 << 40, (Answer(7, 8, 9),), (VoipMetrics(7, 1, 2, 3, 4, 5, 6),)))
    + goodbye(7)
)


@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(WHOLE)),
    st.integers(0, len(WHOLE)),
)
def test_mutated_compounds_can_be_read(
    changes: list[tuple[int, int]], begin: int, end: int
) -> None:
    content = bytearray(WHOLE)
    for place, value in changes:
        content[place] = value
    read = parse(bytes(content[begin:end]))
    if read is not None:
        assert all(0 <= block.fraction_lost <= 255 for block in read.blocks)
        assert all(-(2**23) <= block.lost < 2**23 for block in read.blocks)
        assert len(read.goodbyes) <= len(WHOLE) // 4
