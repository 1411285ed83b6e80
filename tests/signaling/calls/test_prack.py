"""PRACKs that belong nowhere; the others are in tests/scenarios/test_reliable.py."""

import pytest

from tests.harness.arena import Arena
from tests.signaling.carol import connected, heard


@pytest.mark.parametrize(
    ("rack", "status"), [("1 1 INVITE", 481), ("0 1 INVITE", 400), ("1 INVITE", 400), ("", 400)]
)
def test_a_prack_in_a_call_that_is_up(arena: Arena, rack: str, status: int) -> None:
    carol = connected(arena)
    carol.send(carol.request("PRACK", headers=[("RAck", rack)] if rack else []))
    arena.network.run(seconds=0.1)
    assert {response.status for response in heard(carol, 2, "PRACK")} == {status}
    arena.bob.hang_up_all()
