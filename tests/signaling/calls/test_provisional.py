"""Which provisional responses are acknowledged; the rest is in tests/scenarios/test_reliable.py."""

import pytest

from signaling.calls.provisional import reliable_number
from signaling.sip.message import Response


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ([("Require", "100rel"), ("RSeq", "7")], 7),
        ([("Require", "other"), ("Require", "100REL"), ("RSeq", "4294967295")], 4294967295),
        ([("Require", "100rel")], 0),
        ([("Require", "100rel"), ("RSeq", "0")], 0),
        ([("Require", "100rel"), ("RSeq", "x")], 0),
        ([("Supported", "100rel"), ("RSeq", "7")], 0),
        ([], 0),
    ],
)
def test_the_number_of_a_reliable_response(headers: list[tuple[str, str]], number: int) -> None:
    response = Response(status=183, reason="", headers=headers)
    assert reliable_number(response) == number
