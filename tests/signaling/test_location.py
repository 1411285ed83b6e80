"""The location table."""

from signaling.location import Binding, Location
from signaling.sip.flow import Flow

FLOW = Flow("udp:192.0.2.1:5060", "192.0.2.9", 5060)


def binding(contact: str, *, quality: float = 1.0, until: float = 100.0) -> Binding:
    return Binding(
        contact=contact, quality=quality, expires_at=until, call_id="c", cseq=1, flow=FLOW
    )


def known(*bindings: Binding) -> Location:
    location = Location()
    location.replace("bob", {each.contact: each for each in bindings})
    return location


def test_the_preferred_first_then_the_latest() -> None:
    location = known(
        binding("sip:low", quality=0.2), binding("sip:old"), binding("sip:new", until=200.0)
    )
    assert [each.contact for each in location.of("bob", 0.0)] == ["sip:new", "sip:old", "sip:low"]
    assert location.of("alice", 0.0) == []


def test_what_has_expired_is_not_there() -> None:
    location = known(binding("sip:old"), binding("sip:new", until=200.0))
    assert [each.contact for each in location.of("bob", 100.0)] == ["sip:new"]
    assert location.by_contact("sip:old", 100.0) is None
    assert location.by_contact("sip:new", 100.0) is not None


def test_nothing_is_kept_of_nobody() -> None:
    location = known(binding("sip:old"), binding("sip:new", until=200.0))
    location.expire("bob", 100.0)
    assert list(location.bindings["bob"]) == ["sip:new"]
    location.expire("bob", 200.0)
    location.expire("bob", 300.0)
    assert location == Location()


def test_a_contact_that_two_users_name_is_nobodys() -> None:
    location = known(binding("sip:phone@10.0.0.2"))
    location.replace("eve", {"sip:phone@10.0.0.2": binding("sip:phone@10.0.0.2")})
    assert location.by_contact("sip:phone@10.0.0.2", 0.0) is None
    location.replace("eve", {})
    assert location.by_contact("sip:phone@10.0.0.2", 0.0) is not None
    location.replace("bob", {})
    assert location == Location()
