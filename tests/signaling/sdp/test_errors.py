import pytest

from signaling.sdp.errors import GlareError, NegotiationError, NotAcceptableError, SdpError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SdpError(3, "m=x", "why"), 400),
        (SdpError(1, "v=1", "why", 488), 488),
        (NotAcceptableError("why"), 488),
        (GlareError("why"), 491),
    ],
)
def test_each_error_says_what_to_answer(error: NegotiationError, status: int) -> None:
    assert error.status == status
    assert "why" in str(error)


def test_a_long_line_is_shown_in_part() -> None:
    error = SdpError(7, "a=" + "x" * 5000, "too odd")
    assert len(str(error)) < 120
    assert str(error).startswith("SDP line 7 'a=xxx")
