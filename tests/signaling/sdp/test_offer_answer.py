from itertools import product
from typing import NamedTuple

import msgspec
import pytest

from bus.streams import Remote
from signaling.sdp.direction import AGREED, Direction
from signaling.sdp.errors import GlareError, NegotiationError, NotAcceptableError, SdpError
from signaling.sdp.model import Session
from signaling.sdp.offer_answer import (
    Agreed,
    Negotiation,
    accept_answer,
    answer_offer,
    make_offer,
    repeat_offer,
    withdraw_offer,
)
from signaling.sdp.parse import parse_sdp
from tests.signaling.sdp.bodies import AUDIO_AND_TWO_VIDEOS, SEVERAL_AUDIO_CODECS, audio, body


class Side(NamedTuple):
    """One user agent's half of a session, journalled and read back before each step."""

    state: list[Negotiation]
    address: str = "192.0.2.1"
    port: int = 4000
    session_id: int = 7

    @property
    def negotiation(self) -> Negotiation:
        encoded = msgspec.msgpack.encode(self.state[0])
        self.state[0] = msgspec.msgpack.decode(encoded, type=Negotiation)
        return self.state[0]

    def offer(
        self, direction: str = "sendrecv", codecs: tuple[str, ...] = ("PCMU", "PCMA")
    ) -> bytes:
        return make_offer(
            self.negotiation,
            address=self.address,
            port=self.port,
            codecs=codecs,
            direction=direction,
            session_id=self.session_id,
        )

    def answer(
        self, offer: bytes, direction: str = "sendrecv", codecs: tuple[str, ...] = ("PCMU", "PCMA")
    ) -> tuple[bytes, Agreed]:
        return answer_offer(
            self.negotiation,
            offer,
            address=self.address,
            port=self.port,
            codecs=codecs,
            direction=direction,
            session_id=self.session_id,
        )

    def accept(self, answer: bytes) -> Agreed:
        return accept_answer(self.negotiation, answer)


def side(address: str = "192.0.2.1", port: int = 4000, session_id: int = 7) -> Side:
    return Side([Negotiation()], address, port, session_id)


def lines(description: bytes) -> list[str]:
    return description.decode().split("\r\n")


def version(description: bytes) -> int:
    return int(parse_sdp(description).origin.version)


def shape(description: bytes) -> list[tuple[str, int, str, tuple[str, ...]]]:
    session: Session = parse_sdp(description)
    return [(m.media, m.port, m.protocol, m.formats) for m in session.media]


# ------------------------------------------------------------------------------ first exchange


def test_our_offer() -> None:
    assert lines(side().offer()) == [
        "v=0",
        "o=- 7 1 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.1",
        "t=0 0",
        "m=audio 4000 RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "",
    ]


def test_two_of_us_agree() -> None:
    alice, bob = side(), side("198.51.100.7", 5000, 8)
    answer, heard = bob.answer(alice.offer(codecs=("PCMA", "PCMU")))
    assert heard == Agreed(
        remote=Remote(
            address="192.0.2.1",
            port=4000,
            rtcp_port=4001,
            codec="PCMA",
            payload_type=8,
            receive_payload_type=8,
            events_payload_type=101,
            receive_events_payload_type=101,
        ),
        direction="sendrecv",
    )
    accepted = alice.accept(answer)
    assert (accepted.remote.address, accepted.remote.port) == ("198.51.100.7", 5000)
    assert (accepted.remote.codec, accepted.direction) == ("PCMA", "sendrecv")


def test_all_media_lines_are_mirrored() -> None:
    """RFC 3264 section 10.1, by one who knows no video."""
    answer, agreed = side().answer(AUDIO_AND_TWO_VIDEOS)
    assert shape(answer) == [
        ("audio", 4000, "RTP/AVP", ("0",)),
        ("video", 0, "RTP/AVP", ("31",)),
        ("video", 0, "RTP/AVP", ("32",)),
    ]
    assert agreed.remote.events_payload_type == agreed.remote.receive_events_payload_type == -1


def test_the_order_of_the_offer_decides() -> None:
    """RFC 4317 section 2: iLBC is not ours, PCMA comes next."""
    answer, agreed = side().answer(SEVERAL_AUDIO_CODECS, codecs=("PCMU", "PCMA"))
    assert shape(answer)[0][3] == ("8",)
    assert agreed.remote.codec == "PCMA"


def test_our_list_of_codecs_limits_the_answer() -> None:
    answer, _ = side().answer(SEVERAL_AUDIO_CODECS, codecs=("PCMU",))
    assert shape(answer)[0][3] == ("0",)


def test_payload_types_of_the_offer_are_answered() -> None:
    offer = audio("120 96", "rtpmap:96 telephone-event/8000", "rtpmap:120 pcma/8000")
    answer, agreed = side().answer(offer)
    assert shape(answer)[0][3] == ("120", "96")
    assert "a=rtpmap:120 PCMA/8000" in lines(answer)
    remote = agreed.remote
    assert (remote.payload_type, remote.receive_payload_type) == (120, 120)
    assert (remote.events_payload_type, remote.receive_events_payload_type) == (96, 96)


@pytest.mark.parametrize("clock", [8000, 16000, 48000])
def test_events_are_taken_at_any_clock(clock: int) -> None:
    offer = audio("0 101").replace(b"event/8000", b"event/%d" % clock)
    us = Side([Negotiation()])
    answered, agreed = us.answer(offer)
    assert (agreed.remote.events_payload_type, agreed.remote.events_clock) == (101, clock)
    assert b"a=rtpmap:101 telephone-event/%d\r\n" % clock in answered
    again = us.offer()
    assert b"a=rtpmap:101 telephone-event/%d\r\n" % clock in again


def test_events_at_the_clock_of_the_audio_are_preferred() -> None:
    types = ("rtpmap:96 telephone-event/48000", "rtpmap:97 telephone-event/8000")
    answered, agreed = Side([Negotiation()]).answer(audio("0 96 97", *types))
    assert (agreed.remote.events_payload_type, agreed.remote.events_clock) == (97, 8000)
    assert b"m=audio 4000 RTP/AVP 0 97\r\n" in answered


def test_an_answer_may_take_other_events_than_we_offered() -> None:
    us = Side([Negotiation()])
    us.offer()
    agreed = us.accept(audio("0 101").replace(b"event/8000", b"event/16000"))
    assert agreed.remote.events_clock == 16000


def test_the_first_usable_audio_is_taken() -> None:
    offer = body("""
        v=0
        o=- 1 1 IN IP4 192.0.2.9
        s=-
        c=IN IP4 192.0.2.9
        t=3034423619 3042462419
        m=audio 0 RTP/AVP 0
        m=audio 4000 RTP/SAVP 0
        m=audio 4002 RTP/AVPF 0
        m=audio 4004 UDP/TLS/RTP/SAVPF 0
        m=audio 4006 RTP/AVP 9 18
        m=audio 4008 RTP/AVP 0
        c=IN IP6 2001:db8::9
        m=audio 4010 RTP/AVP 0
        c=IN IP4 233.252.0.1/127
        m=Audio 4012/2 rtp/avp 18 8
        m=audio 4014 RTP/AVP 0
        m=image 4016 udptl t38
        m=video 0 RTP/AVP
    """)
    answer, agreed = side().answer(offer)
    assert [port for _, port, *_ in shape(answer)] == [0, 0, 0, 0, 0, 0, 0, 4000, 0, 0, 0]
    assert shape(answer)[3] == ("audio", 0, "UDP/TLS/RTP/SAVPF", ("0",))
    assert agreed.remote.port == 4012
    assert "t=3034423619 3042462419" in lines(answer)


@pytest.mark.parametrize(
    ("offer", "why"),
    [
        (audio("9 18"), "no codec of ours"),
        (audio("101"), "no codec of ours"),
        (audio(protocol="RTP/SAVP"), "SRTP is off"),
        (audio(port=0), "switched off"),
        (audio(address="2001:db8::9"), "no address"),
        (audio(address="233.252.0.1"), "no address"),
        (audio(address="255.255.255.255"), "no address"),
        (audio(address="media.example.com"), "no address"),
        (b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\n", "no m= line"),
    ],
)
def test_nothing_usable_is_488(offer: bytes, why: str) -> None:
    with pytest.raises(NotAcceptableError, match=why) as caught:
        side().answer(offer)
    assert caught.value.status == 488


def test_no_codec_of_ours_is_named() -> None:
    with pytest.raises(NotAcceptableError, match="GSM"):
        side().offer(codecs=("GSM",))


def test_every_codec_has_its_payload_type_and_events_at_its_clock() -> None:
    offer = side().offer(codecs=("opus", "G722", "L16", "L16/8000", "PCMU", "G729"))
    said = lines(offer)
    assert "m=audio 4000 RTP/AVP 96 9 97 98 0 18 101 102 99" in said
    assert {"a=rtpmap:96 opus/48000/2", "a=rtpmap:97 L16/16000", "a=rtpmap:98 L16/8000"} <= {*said}
    assert {"a=rtpmap:101 telephone-event/8000", "a=rtpmap:102 telephone-event/48000"} <= {*said}
    assert {"a=rtpmap:99 telephone-event/16000", "a=fmtp:18 annexb=no"} <= {*said}


def test_an_answer_with_opus_and_events_at_its_clock() -> None:
    us = side()
    us.offer(codecs=("PCMU", "opus"))
    answer = audio(
        "111 110 101",
        "rtpmap:111 opus/48000/2",
        "rtpmap:110 telephone-event/48000",
        "fmtp:111 useinbandfec=1; usedtx=1",
    )
    remote = us.accept(answer).remote
    assert (remote.codec, remote.clock, remote.parameters) == (
        "opus",
        48000,
        "useinbandfec=1; usedtx=1",
    )
    assert (remote.payload_type, remote.receive_payload_type) == (111, 96)
    assert (remote.events_payload_type, remote.receive_events_payload_type) == (110, 102)
    assert remote.events_clock == 48000


def test_the_peer_may_send_whatever_we_offered() -> None:
    us = side()
    us.offer(codecs=("PCMU", "G722", "opus"))
    remote = us.accept(audio("9 0 101")).remote
    assert remote.codec == "G722"
    assert remote.also == {0: "PCMU/8000", 96: "opus/48000"}


def test_who_offered_chooses_the_codec_that_we_answer_with() -> None:
    us = side()
    answer, agreed = us.answer(
        audio("96 9 0 101", "rtpmap:96 opus/48000/2"), codecs=("PCMU", "G722", "opus")
    )
    assert agreed.remote.codec == "opus"
    assert agreed.remote.also == {}
    assert "m=audio 4000 RTP/AVP 96 101" in lines(answer)


def test_payload_types_stay_when_codecs_are_offered_again() -> None:
    us = side()
    us.answer(audio("120 101", "rtpmap:120 opus/48000/2"), codecs=("opus",))
    assert "m=audio 4000 RTP/AVP 120 9 101 102" in lines(us.offer(codecs=("opus", "G722")))


def test_version_6_of_the_internet() -> None:
    alice, bob = side("2001:db8::1"), side("2001:db8::2")
    offer = alice.offer()
    assert "c=IN IP6 2001:db8::1" in lines(offer)
    answer, agreed = bob.answer(offer)
    assert agreed.remote.address == "2001:db8::1"
    assert alice.accept(answer).remote.address == "2001:db8::2"


def test_a_mapped_address_is_one_of_version_4() -> None:
    _, agreed = side().answer(audio(address="::ffff:198.51.100.7"))
    assert agreed.remote.address == "198.51.100.7"


def test_the_address_we_can_reach_is_taken_from_several() -> None:
    offer = audio() + b"c=IN IP6 2001:db8::9\r\nc=IN IP4 203.0.113.5\r\n"
    assert side().answer(offer)[1].remote.address == "203.0.113.5"
    assert side("2001:db8::1").answer(offer)[1].remote.address == "2001:db8::9"


@pytest.mark.parametrize(
    ("attribute", "port", "expected"),
    [
        ("x", 49170, 49171),
        ("rtcp:53020", 49170, 53020),
        ("rtcp:53020 IN IP4 198.51.100.7", 49170, 53020),
        ("rtcp:", 49170, 49171),
        ("rtcp:99999", 49170, 49171),
        ("x", 65535, 65535),
    ],
)
def test_the_port_of_rtcp(attribute: str, port: int, expected: int) -> None:
    assert side().answer(audio("0", attribute, port=port))[1].remote.rtcp_port == expected


def test_the_packet_time_of_the_offer_is_kept() -> None:
    answer, agreed = side().answer(audio("0", "ptime:30"))
    assert agreed.remote.ptime_ms == 30
    assert "a=ptime:30" in lines(answer)


# ----------------------------------------------------------------------------------- answers


def test_an_answer_with_other_payload_types() -> None:
    us = side()
    us.offer()
    agreed = us.accept(audio("97 96", "rtpmap:97 PCMU/8000", "rtpmap:96 telephone-event/8000"))
    remote = agreed.remote
    assert (remote.payload_type, remote.receive_payload_type) == (97, 0)
    assert (remote.events_payload_type, remote.receive_events_payload_type) == (96, 101)


def test_an_answer_with_more_codecs_than_offered() -> None:
    us = side()
    us.offer(codecs=("PCMA",))
    assert us.accept(audio("9 0 8")).remote.codec == "PCMA"


@pytest.mark.parametrize(
    "answer",
    [
        audio(port=0),
        audio("9"),
        audio(protocol="RTP/SAVP"),
        audio(address="2001:db8::9"),
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\n",
    ],
)
def test_an_answer_without_audio_for_us(answer: bytes) -> None:
    us = side()
    us.offer()
    with pytest.raises(NotAcceptableError):
        us.accept(answer)


def test_an_answer_may_come_again_and_differ() -> None:
    """A 183 and its 200, or the 200 of another fork."""
    us = side()
    us.offer()
    assert us.accept(audio()).remote.port == 49170
    assert us.accept(audio(port=50000)).remote.port == 50000


def test_an_answer_without_an_offer() -> None:
    us = side()
    with pytest.raises(NotAcceptableError, match="no offer"):
        us.accept(audio())
    us.answer(audio())
    with pytest.raises(NotAcceptableError, match="no offer"):
        us.accept(audio())


@pytest.mark.parametrize(("ours", "theirs"), list(product(Direction, Direction)))
def test_every_pair_of_directions(ours: Direction, theirs: Direction) -> None:
    alice, bob = side(), side("198.51.100.7")
    answer, at_bob = bob.answer(alice.offer(ours.value), theirs.value)
    at_alice = alice.accept(answer)
    assert at_bob.direction == AGREED[ours][theirs]
    assert f"a={at_bob.direction}" in lines(answer)
    assert at_alice.remote.send == at_bob.remote.receive == (ours.sends and theirs.receives)
    assert at_alice.remote.receive == at_bob.remote.send == (ours.receives and theirs.sends)
    assert at_bob.held == (not ours.receives)


def test_an_answer_that_promises_too_much_is_limited() -> None:
    us = side()
    us.offer("sendonly")
    agreed = us.accept(audio("0", "sendrecv"))
    assert (agreed.direction, agreed.remote.receive) == ("sendonly", False)


# -------------------------------------------------------------------------- later exchanges


def established() -> tuple[Side, Side]:
    alice, bob = side(), side("198.51.100.7", 5000, 8)
    alice.accept(bob.answer(alice.offer())[0])
    return alice, bob


def test_the_version_counts_changes_only() -> None:
    alice, bob = established()
    offer = alice.offer()
    assert version(offer) == 1
    answer, _ = bob.answer(offer)
    assert version(answer) == 1
    alice.accept(answer)
    for count, direction in enumerate(["sendonly", "sendrecv"] * 25, start=2):
        offer = alice.offer(direction)
        answer, held = bob.answer(offer)
        assert (version(offer), version(answer)) == (count, count)
        assert held.held == (direction == "sendonly")
        assert alice.accept(answer).direction == direction
    assert parse_sdp(offer).origin.session_id == "7"


def test_a_retry_says_the_same_again() -> None:
    us = side()
    assert us.offer() == us.offer()


def test_the_origin_stays_when_the_address_moves() -> None:
    alice, bob = established()
    moved = Side(alice.state, "192.0.2.99", 4444)
    offer = moved.offer()
    assert "o=- 7 2 IN IP4 192.0.2.1" in lines(offer)
    assert "c=IN IP4 192.0.2.99" in lines(offer)
    _, agreed = bob.answer(offer)
    assert (agreed.remote.address, agreed.remote.port) == ("192.0.2.99", 4444)


def test_both_sides_may_hold_and_let_go() -> None:
    alice, bob = established()
    alice.accept(bob.answer(alice.offer("sendonly"))[0])
    answer, at_alice = alice.answer(bob.offer("sendonly"), "sendonly")
    assert (at_alice.direction, bob.accept(answer).direction) == ("inactive", "inactive")
    answer, at_bob = bob.answer(alice.offer("sendrecv"), "sendonly")
    assert (at_bob.direction, alice.accept(answer).direction) == ("sendonly", "recvonly")


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [("x", "recvonly"), ("sendonly", "recvonly"), ("recvonly", "inactive"), ("inactive",) * 2],
)
def test_the_old_way_to_hold(attribute: str, expected: str) -> None:
    """RFC 3264 section 8.4: c=0.0.0.0."""
    us = side()
    us.answer(audio())
    answer, agreed = us.answer(audio("0", attribute, address="0.0.0.0", version=2))
    assert (agreed.direction, agreed.held) == (expected, True)
    assert f"a={expected}" in lines(answer)
    assert not agreed.remote.send
    assert agreed.remote.address == "198.51.100.7"
    _, agreed = us.answer(audio(version=3))
    assert (agreed.direction, agreed.held, agreed.remote.send) == ("sendrecv", False, True)


def test_a_held_first_offer_has_nowhere_to_send() -> None:
    _, agreed = side().answer(audio(address="0.0.0.0"))
    assert (agreed.remote.address, agreed.remote.send) == ("0.0.0.0", False)


def test_the_peer_changes_codec_and_payload_types() -> None:
    us = side()
    us.answer(audio("0 101"))
    answer, agreed = us.answer(
        audio("98 99", "rtpmap:98 PCMA/8000", "rtpmap:99 telephone-event/8000", version=2)
    )
    assert shape(answer)[0][3] == ("98", "99")
    assert version(answer) == 2
    assert (agreed.remote.codec, agreed.remote.receive_payload_type) == ("PCMA", 98)


def test_our_later_offer_keeps_places_and_payload_types() -> None:
    us = side()
    first = body("""
        v=0
        o=- 1 1 IN IP4 198.51.100.7
        s=-
        c=IN IP4 198.51.100.7
        t=0 0
        m=video 4000 RTP/AVP 31
        m=audio 4002 RTP/AVP 0 96
        a=rtpmap:96 telephone-event/8000
    """)
    us.answer(first)
    offer = us.offer("sendonly")
    assert shape(offer) == [
        ("video", 0, "RTP/AVP", ("31",)),
        ("audio", 4000, "RTP/AVP", ("0", "8", "96")),
    ]
    answer = first.replace(b"m=video 4000", b"m=video 0") + b"a=recvonly\r\n"
    agreed = us.accept(answer)
    assert (agreed.direction, agreed.remote.events_payload_type) == ("sendonly", 96)


def test_a_payload_type_is_never_given_twice() -> None:
    us = side()
    us.answer(audio("96 0", "rtpmap:96 PCMU/8000").replace(b"101 telephone-event", b"99 x"))
    us.answer(audio("101").replace(b"telephone-event", b"PCMA"))
    formats = shape(us.offer())[0][3]
    assert len(set(formats)) == 3
    assert formats[:2] == ("96", "101")


def test_offers_that_cross_are_refused() -> None:
    alice, bob = established()
    to_bob, to_alice = alice.offer("sendonly"), bob.offer("sendonly")
    for one, offer in ((alice, to_alice), (bob, to_bob)):
        with pytest.raises(GlareError) as caught:
            one.answer(offer)
        assert caught.value.status == 491


def test_a_refused_offer_leaves_the_session_as_it_was() -> None:
    alice, bob = established()
    before = alice.negotiation.agreed
    rejected = alice.offer("sendonly")
    withdraw_offer(alice.negotiation)
    assert alice.negotiation.agreed == before
    with pytest.raises(NotAcceptableError):
        alice.accept(audio())
    again = alice.offer()
    assert version(again) > version(rejected)
    assert alice.accept(bob.answer(again)[0]).direction == "sendrecv"


def test_a_refresh_offers_what_was_agreed() -> None:
    """The one codec of our answer, not all we know; with a new version after a refused offer."""
    alice, bob = side(), side("198.51.100.7", 5000, 8)
    answer, agreed = bob.answer(alice.offer())
    alice.accept(answer)
    assert repeat_offer(bob.negotiation) == answer
    withdraw_offer(bob.negotiation)
    rejected = bob.offer("sendonly")
    withdraw_offer(bob.negotiation)
    again = repeat_offer(bob.negotiation)
    assert version(again) == version(rejected) + 1
    assert bob.accept(alice.answer(again)[0]) == agreed
    with pytest.raises(NotAcceptableError):
        repeat_offer(side().negotiation)


@pytest.mark.parametrize("offer", [audio("9"), audio(port=0), b"v=0\r\n", b"", b"\xff" * 50])
def test_what_cannot_be_answered_changes_nothing(offer: bytes) -> None:
    us, _ = established()
    before = msgspec.msgpack.encode(us.negotiation)
    with pytest.raises(NegotiationError):
        us.answer(offer)
    assert msgspec.msgpack.encode(us.negotiation) == before


@pytest.mark.parametrize("answer", [audio("9"), b"v=0\r\n", b""])
def test_what_cannot_be_accepted_changes_nothing(answer: bytes) -> None:
    us, _ = established()
    us.offer("sendonly")
    before = msgspec.msgpack.encode(us.negotiation)
    with pytest.raises((SdpError, NotAcceptableError)):
        us.accept(answer)
    assert msgspec.msgpack.encode(us.negotiation) == before


HOST, MUX = "192.0.2.1", "a=rtcp-mux"


@pytest.mark.parametrize(("ours", "theirs"), list(product((False, True), repeat=2)))
def test_rtcp_goes_with_rtp_if_both_want_it(ours: bool, theirs: bool) -> None:
    """RFC 5761 5.1.1, in both roles."""
    alice, bob = Negotiation(), Negotiation()
    offer = make_offer(
        alice, address=HOST, port=4000, codecs=("PCMU",), session_id=7, rtcp_mux=ours
    )
    assert (MUX in lines(offer)) is ours
    answer, agreed = answer_offer(
        bob, offer, address=HOST, port=5000, codecs=("PCMU",), session_id=7, rtcp_mux=theirs
    )
    both = ours and theirs
    assert (MUX in lines(answer)) is both
    assert agreed.remote.rtcp_mux is both
    assert accept_answer(alice, answer).remote.rtcp_mux is both


def test_an_answer_alone_does_not_make_rtcp_go_with_rtp() -> None:
    alice, bob = side(), side("192.0.2.2")
    answer, _ = bob.answer(alice.offer())
    forced = answer + b"a=rtcp-mux\r\n"
    assert not alice.accept(forced).remote.rtcp_mux
