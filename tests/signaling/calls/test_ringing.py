"""When a response is reliable; what callers see of it is in tests/scenarios."""

import pytest

from bus.calls import IncomingCall
from bus.settings import Settings, SipSettings
from signaling.calls.ringing import is_reliable, lists
from signaling.core import Core
from signaling.entropy import Entropy
from signaling.sip.message import Header, Request
from tests.harness.arena import BOB, Arena
from tests.signaling.carol import MEDIA, caller

SUPPORTED, REQUIRED = [("Supported", "timer, 100REL")], [("Require", "100rel")]


def test_an_option_tag_is_looked_for_in_any_case() -> None:
    headers = [("Supported", "timer"), ("Supported", "100Rel")]
    request = Request(method="INVITE", uri="sip:b", headers=headers)
    assert lists(request, "Supported", "100rel")
    assert not lists(request, "Require", "100rel")


@pytest.mark.parametrize(
    ("setting", "headers", "plain", "described"),
    [
        ("with_media", SUPPORTED, False, True),
        ("with_media", REQUIRED, True, True),
        ("with_media", [], False, False),
        ("always", SUPPORTED, True, True),
        ("always", [], False, False),
        ("when_required", SUPPORTED, False, False),
        ("when_required", REQUIRED, True, True),
        ("never", SUPPORTED, False, False),
    ],
)
def test_what_is_sent_reliably(
    arena: Arena, setting: str, headers: list[Header], plain: bool, described: bool
) -> None:
    settings = Settings(sip=SipSettings(reliable=setting))
    arena.bob = arena.station("bob", BOB, settings=settings)
    carol = caller(arena)
    carol.send(carol.request("INVITE", body=MEDIA, headers=headers))
    arena.network.run(until=lambda: bool(arena.bob.heard(IncomingCall)))
    call = next(iter(arena.bob.state.calls.values()))
    core = Core(arena.bob.state, arena.network.now, Entropy(bytes(32)))
    assert is_reliable(core, call, described=False) is plain
    assert is_reliable(core, call, described=True) is described
    arena.bob.hang_up_all()
