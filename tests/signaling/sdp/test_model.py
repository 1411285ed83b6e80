import msgspec

from signaling.sdp.model import Attribute, Session, value_of, values_of
from signaling.sdp.parse import parse_sdp
from tests.signaling.sdp.bodies import EVERY_LINE

ATTRIBUTES = (Attribute("sendrecv"), Attribute("Ptime", "20"), Attribute("ptime", "30"))


def test_attributes_are_found_by_name() -> None:
    assert value_of(ATTRIBUTES, "ptime") == "20"
    assert value_of(ATTRIBUTES, "sendrecv") == ""
    assert value_of(ATTRIBUTES, "maxptime") is None
    assert values_of(ATTRIBUTES, "ptime") == ["20", "30"]


def test_a_session_is_plain_data() -> None:
    session = parse_sdp(EVERY_LINE)
    encoded = msgspec.msgpack.encode(session)
    assert msgspec.msgpack.decode(encoded, type=Session) == session
