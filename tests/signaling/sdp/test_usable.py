import pytest

from signaling.sdp.codecs import known
from signaling.sdp.direction import Direction
from signaling.sdp.errors import NotAcceptableError
from signaling.sdp.usable import Usable, choose
from tests.signaling.sdp.bodies import audio, body

OURS = tuple(known(["PCMU", "PCMA"]))
TWO = body("""
    v=0
    o=them 1 1 IN IP4 198.51.100.7
    s=-
    c=IN IP4 198.51.100.7
    t=0 0
    m=video 4000 RTP/AVP 31
    m=audio 4002 RTP/AVP 8 0
    m=audio 4004 RTP/AVP 0
""")


def found(offer: bytes, local: str = "192.0.2.1", policy: str = "off") -> Usable:
    return choose(offer, OURS, local, policy)[1]


def test_the_first_medium_that_fits_with_its_first_codec() -> None:
    usable = found(TWO)
    assert (usable.slot, [*usable.formats]) == (1, [8])
    assert (usable.remote.codec, usable.remote.port, usable.remote.rtcp_port) == (
        "PCMA",
        4002,
        4003,
    )
    assert usable.said is Direction.SENDRECV


def test_each_medium_says_why_it_does_not() -> None:
    media = b"m=audio 0 RTP/AVP 0\r\nm=audio 4 RTP/AVP 9\r\nm=audio 4 RTP/SAVP 0\r\n"
    with pytest.raises(NotAcceptableError) as caught:
        found(TWO[: TWO.index(b"m=audio")] + media)
    objections = str(caught.value).split("; ")
    expected = ("not what we speak", "switched off", "no codec of ours", "SRTP is off")
    for objection, why in zip(objections, expected, strict=True):
        assert why in objection


@pytest.mark.parametrize(
    ("address", "local", "reached"),
    [
        ("198.51.100.7", "192.0.2.1", "198.51.100.7"),
        ("2001:db8::7", "2001:db8::1", "2001:db8::7"),
        ("::ffff:198.51.100.7", "192.0.2.1", "198.51.100.7"),
        ("0.0.0.0", "192.0.2.1", "0.0.0.0"),
        ("2001:db8::7", "192.0.2.1", ""),
        ("198.51.100.7", "2001:db8::1", ""),
        ("239.1.2.3", "192.0.2.1", ""),
        ("255.255.255.255", "192.0.2.1", ""),
        ("host.example.com", "192.0.2.1", ""),
    ],
)
def test_addresses_that_we_can_send_to(address: str, local: str, reached: str) -> None:
    offer = audio("0", address=address)
    if reached:
        usable = found(offer, local)
        assert usable.remote.address == reached
        assert usable.nowhere == (reached == "0.0.0.0")
    else:
        with pytest.raises(NotAcceptableError, match="no address"):
            found(offer, local)


@pytest.mark.parametrize(
    ("attribute", "port"),
    [("rtcp:5000", 5000), ("rtcp:x", 49171), ("rtcp:0", 49171), ("rtcp", 49171)],
)
def test_where_rtcp_goes(attribute: str, port: int) -> None:
    assert found(audio("0", attribute)).remote.rtcp_port == port


def test_keys_depend_on_the_policy() -> None:
    line = "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
    assert found(audio("0", line)).lines == ()
    assert [each.suite for each in found(audio("0", line), policy="offer").lines] == [
        "AES_CM_128_HMAC_SHA1_80"
    ]
