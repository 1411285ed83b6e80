import random

import pytest

from signaling.sdp.errors import NegotiationError, SdpError
from signaling.sdp.model import Bandwidth, Connection, Time
from signaling.sdp.offer_answer import Negotiation, answer_offer
from signaling.sdp.parse import MOST_BYTES, MOST_LINES, MOST_MEDIA, parse_sdp
from tests.signaling.sdp.bodies import (
    AUDIO_AND_TWO_VIDEOS,
    EVERY_LINE,
    INVALID_FMTP,
    INVALID_FORMAT,
    SEVERAL_AUDIO_CODECS,
    audio,
    body,
)

SHORTEST = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"


def test_every_kind_of_line_arrives() -> None:
    session = parse_sdp(EVERY_LINE)
    assert session.name == "Call to John Smith"
    assert (session.information, session.uri) == (
        "SDP Offer #1",
        "http://www.jdoe.example.com/home.html",
    )
    assert session.emails == ("Jane Doe <jane@jdoe.example.com>",)
    assert session.phones == ("+1 617 555-6011",)
    assert session.connection == Connection(
        address_type="IP4", address="233.252.0.1", suffix="127/3"
    )
    assert session.bandwidths == (Bandwidth("X-YZ", "128"),)
    assert session.times == (
        Time("3034423619", "3042462419", ("604800 3600 0 90000",)),
        Time(),
    )
    assert (session.zones, session.key) == ("2882844526 -1h 2898848070 0", "prompt")
    (media,) = session.media
    assert (media.title, media.key, media.port_count) == ("the voice", "clear:secret", 2)
    assert [c.address for c in media.connections] == ["192.0.2.10", "2001:db8::10"]


def test_media_sections_hold_their_own_lines() -> None:
    session = parse_sdp(AUDIO_AND_TWO_VIDEOS)
    assert [(m.media, m.port, m.formats) for m in session.media] == [
        ("audio", 49170, ("0",)),
        ("video", 51372, ("31",)),
        ("video", 53000, ("32",)),
    ]
    assert [m.attributes[0].value for m in session.media] == [
        "0 PCMU/8000",
        "31 H261/90000",
        "32 MPV/90000",
    ]


def test_addresses_of_both_versions_in_one_body() -> None:
    """RFC 5118 section 4.6."""
    session = parse_sdp(
        body("""
            v=0
            o=bob 280744730 28977631 IN IP4 host.example.com
            s=
            t=0 0
            m=audio 22334 RTP/AVP 0
            c=IN IP4 192.0.2.1
            m=video 6024 RTP/AVP 107
            c=IN IP6 2001:db8::1
            a=rtpmap:107 H263-1998/90000
        """)
    )
    assert [m.connections[0].address_type for m in session.media] == ["IP4", "IP6"]


@pytest.mark.parametrize(
    "text",
    [
        SHORTEST,
        SHORTEST.replace(b"\r\n", b"\n"),
        SHORTEST.removesuffix(b"\r\n"),
        SHORTEST + b"\r\n\r\n",
        SHORTEST + b"s=\r\n",
        SHORTEST + b"s=caf\xe9\r\n",
        SHORTEST + b"X=never heard of\r\n",
        SHORTEST + b"t=0 0\r\ns=late\r\n",
        SHORTEST + b"a=some thing:odd\r\n",
        SHORTEST + b"m=video 0 RTP/AVP\r\n",
    ],
)
def test_what_practice_asks_for_is_tolerated(text: bytes) -> None:
    assert parse_sdp(text).origin.session_id == "1"


def test_names_survive_as_text() -> None:
    assert parse_sdp(SHORTEST + b"s=caf\xe9\r\n").name == "caf\ufffd"


@pytest.mark.parametrize(
    ("text", "line", "status"),
    [
        (b"", 1, 400),
        (b"\r\n" + SHORTEST, 1, 400),
        (b"o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n", 1, 400),
        (b"v=1\r\n", 1, 488),
        (b"v=0\r\ns=-\r\n", 0, 400),
        (SHORTEST + SHORTEST[5:], 3, 400),
        (SHORTEST + b"v=0\r\n", 3, 400),
        (SHORTEST + b"s=a\r\ns=b\r\n", 4, 400),
        (SHORTEST + b"c=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\n", 4, 400),
        (SHORTEST + b"r=1 2 3\r\n", 3, 400),
        (SHORTEST + b"\r\na=x\r\n", 3, 400),
        (SHORTEST + b"s =-\r\n", 3, 400),
        (SHORTEST + b"1=-\r\n", 3, 400),
        (SHORTEST + b"a=x\0y\r\n", 3, 400),
        (SHORTEST + b"a=x\ry\r\n", 3, 400),
        (SHORTEST + b"a=\r\n", 3, 400),
        (SHORTEST + b"m=audio 4000 RTP/AVP 0\r\n", 3, 400),
        (SHORTEST + b"a=x\r\n" * MOST_LINES, MOST_LINES + 1, 488),
        (SHORTEST + b"m=audio 0 x y\r\n" * (MOST_MEDIA + 1), MOST_MEDIA + 3, 488),
        (SHORTEST + b"a=" + b"x" * MOST_BYTES, 0, 488),
        (INVALID_FMTP, 8, 400),
        (INVALID_FORMAT, 5, 400),
    ],
)
def test_what_is_no_sdp_is_refused_by_its_line(text: bytes, line: int, status: int) -> None:
    with pytest.raises(SdpError) as caught:
        parse_sdp(text)
    assert (caught.value.line, caught.value.status) == (line, status)


def _mutate(text: bytes, chance: random.Random) -> bytes:
    mutant = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(mutant) + 1)
        end = min(len(mutant), start + chance.choice((0, 1, 1, 2, 8, 40)))
        piece = chance.choice(
            (
                b"",
                b"\0",
                b"\r\n",
                b"=",
                b"/",
                b" ",
                b"-1",
                b"99999999999",
                b"\xff\xfe",
                b"m=",
                b"a=",
            )
        )
        mutant[start:end] = piece or bytes(mutant[start:end]) * chance.randint(0, 3)
    return bytes(mutant)


def test_mutants_raise_nothing_but_our_errors() -> None:
    seed = 20
    chance = random.Random(seed)
    originals = [EVERY_LINE, AUDIO_AND_TWO_VIDEOS, SEVERAL_AUDIO_CODECS, audio("96 0 101")]
    answered = refused = 0
    for count in range(20_000):
        mutant = _mutate(chance.choice(originals), chance)
        try:
            answer, _ = answer_offer(
                Negotiation(),
                mutant,
                address="192.0.2.1",
                port=4000,
                codecs=("PCMU",),
                session_id=1,
            )
            parse_sdp(answer)
            answered += 1
        except NegotiationError as error:
            assert error.status in (400, 488)
            refused += 1
        except Exception as error:
            error.add_note(f"seed {seed}, mutant {count}: {mutant!r}")
            raise
    assert min(answered, refused) > 2_000
