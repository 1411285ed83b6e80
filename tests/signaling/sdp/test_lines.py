from collections.abc import Callable

import pytest

from signaling.sdp import lines
from signaling.sdp.model import Attribute, Connection, Media


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (lines.origin, "- 1 1 IN IP4"),
        (lines.origin, "- one 1 IN IP4 192.0.2.1"),
        (lines.origin, "- 1 -1 IN IP4 192.0.2.1"),
        (lines.origin, f"- {'9' * 41} 1 IN IP4 192.0.2.1"),
        (lines.connection, "IN IP4"),
        (lines.connection, "IN IP4 2001:db8::1"),
        (lines.connection, "IN IP6 192.0.2.1"),
        (lines.connection, "IN IP4 999.1.1.1"),
        (lines.connection, "IN IP4 1.2.3"),
        (lines.connection, "IN IP6 fe80::1%eth0"),
        (lines.connection, "IN IP4 a_b"),
        (lines.connection, "IN IP4 192.0.2.1/x"),
        (lines.connection, "IN IP4 192.0.2.1/1/2/3"),
        (lines.bandwidth, "AS"),
        (lines.bandwidth, "AS:much"),
        (lines.time, "0"),
        (lines.time, "0 never"),
        (lines.attribute, ""),
        (lines.attribute, ":value"),
        (lines.media, "audio"),
        (lines.media, "audio 49170 RTP/AVP"),
        (lines.media, "audio 65536 RTP/AVP 0"),
        (lines.media, "audio -1 RTP/AVP 0"),
        (lines.media, "audio ٤٢ RTP/AVP 0"),
        (lines.media, "audio 1_0 RTP/AVP 0"),
        (lines.media, "audio 49170/0 RTP/AVP 0"),
        (lines.media, "audio 49170/ RTP/AVP 0"),
        (lines.media, "audio 49170 RTP/AVP 128"),
        (lines.media, "audio 49170 RTP/AVP 4294967296"),
        (lines.media, "audio 49170 UDP/TLS/RTP/SAVPF *"),
        (lines.media, "audio 49170 RTP;AVP 0"),
        (lines.media, "au,dio 49170 RTP/AVP 0"),
        (lines.media, "audio 49170 RTP/AVP" + " 0" * 257),
    ],
)
def test_a_wrong_value_is_a_value_error(reader: Callable[[str], object], value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        reader(value)


def test_media_with_a_port_count() -> None:
    expected = Media(
        media="audio", port=49170, port_count=2, protocol="RTP/AVP", formats=("0", "8")
    )
    assert lines.media("audio 49170/2 RTP/AVP 0 08") == expected


def test_other_protocols_have_any_format() -> None:
    assert lines.media("image 49170 udptl t38").formats == ("t38",)
    assert lines.media("message 9 TCP/MSRP *").formats == ("*",)


def test_a_medium_that_is_switched_off_may_lack_formats() -> None:
    assert lines.media("video 0 RTP/AVP").formats == ()


@pytest.mark.parametrize("address", ["192.0.2.1", "host.example.com", "h", "233.252.0.1"])
def test_addresses_of_version_4(address: str) -> None:
    assert lines.connection(f"IN IP4 {address}").address == address


def test_a_multicast_suffix_is_kept_apart() -> None:
    expected = Connection(address_type="IP6", address="ff15::101", suffix="3")
    assert lines.connection("IN IP6 ff15::101/3") == expected


def test_a_flag_is_no_empty_value() -> None:
    assert lines.attribute("sendrecv") == Attribute("sendrecv")
    assert lines.attribute("x:") == Attribute("x", "")
    assert lines.attribute("rtcp:1 IN IP6 ::1") == Attribute("rtcp", "1 IN IP6 ::1")


def test_rtp_is_a_part_of_the_protocol() -> None:
    assert lines.is_rtp("UDP/TLS/RTP/SAVPF")
    assert not lines.is_rtp("UDPTL")
