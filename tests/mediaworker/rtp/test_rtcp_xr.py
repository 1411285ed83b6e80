import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaworker.rtp.rtcp import extended, parse, report
from mediaworker.rtp.rtcp_xr import (
    ADAPTIVE,
    ENHANCED,
    UNKNOWN,
    Answer,
    Extended,
    VoipMetrics,
    read,
    write,
)

METRICS = VoipMetrics(
    ssrc=0xDEADBEEF,
    loss_rate=12,
    discard_rate=3,
    burst_density=0x60,
    gap_density=1,
    burst_ms=180,
    gap_ms=4000,
    round_trip_ms=44,
    end_system_ms=60,
    signal_level=-22,
    r_factor=88,
    mos_lq=43,
    mos_cq=42,
    receiver=ENHANCED | ADAPTIVE,
    nominal_ms=40,
    maximum_ms=200,
    absolute_maximum_ms=600,
)
WORD = st.integers(0, 2**32 - 1)
BYTE = st.integers(0, 255)
SHORT = st.integers(0, 2**16 - 1)
LEVEL = st.integers(-128, 127)
ANY_METRICS = st.builds(
    VoipMetrics, WORD, *[BYTE] * 4, *[SHORT] * 4, LEVEL, LEVEL, *[BYTE] * 8, *[SHORT] * 3
)
ANY = st.builds(
    Extended,
    st.integers(0, 2**64 - 1),
    st.lists(st.builds(Answer, WORD, WORD, WORD), max_size=4).map(tuple),
    st.lists(ANY_METRICS, max_size=3).map(tuple),
)


def test_voip_metrics_byte_by_byte() -> None:
    assert write(Extended(metrics=(METRICS,))).hex(" ", 4) == (
        "07000008 deadbeef 0c036001 00b40fa0 002c003c ea7f7f10 587f2b2a f0000028 00c80258"
    )


def test_reference_time_and_answers_byte_by_byte() -> None:
    blocks = Extended(0x1122334455667788, (Answer(7, 0x33445566, 65536),))
    expected = "04000002 11223344 55667788 05000003 00000007 33445566 00010000"
    assert write(blocks).hex(" ", 4) == expected
    assert extended(9, blocks).hex(" ", 4) == "80cf0008 00000009 " + expected


@given(ANY)
def test_what_is_written_is_read(blocks: Extended) -> None:
    assert read(write(blocks), Extended()) == blocks
    compound = parse(report(1, "x", None, ()) + extended(1, blocks))
    assert compound is not None
    assert compound.extended == blocks


def test_what_was_not_measured_says_so() -> None:
    empty = VoipMetrics(1, 0, 0, 0, 0, 0, 0)
    assert {empty.signal_level, empty.noise_level, empty.echo_return_loss} == {UNKNOWN}
    assert {empty.r_factor, empty.external_r_factor, empty.mos_lq, empty.mos_cq} == {UNKNOWN}
    assert empty.gmin == 16


def test_blocks_of_other_types_are_passed_over() -> None:
    loss_run = bytes.fromhex("01000003 00000001 0001000f 80010000".replace(" ", ""))
    assert read(loss_run + write(Extended(metrics=(METRICS,))), Extended()).metrics == (METRICS,)


@pytest.mark.parametrize("cut", range(1, 36))
def test_a_block_that_is_cut_off_is_none(cut: int) -> None:
    assert read(write(Extended(metrics=(METRICS,)))[:cut], Extended()) == Extended()


@pytest.mark.parametrize(
    "block",
    ["0400000100000001", "07000001deadbeef", "0500000100000001", "0400ffff00000000", "07000000"],
)
def test_a_block_of_the_wrong_length_is_none(block: str) -> None:
    assert read(bytes.fromhex(block), Extended()) == Extended()


@given(st.binary(max_size=120))
def test_any_bytes_can_be_read(blocks: bytes) -> None:
    read(blocks, Extended())
