import itertools
from base64 import b64encode

import pytest

from bus.srtp import SUITES, Crypto
from signaling.sdp.crypto import (
    OFF,
    OFFER,
    REQUIRE,
    UNPROTECTED,
    Keying,
    Line,
    usable_lines,
)
from signaling.sdp.errors import NotAcceptableError, SdpError
from signaling.sdp.model import Attribute, Media, Session, values_of
from signaling.sdp.offer_answer import (
    Agreed,
    Negotiation,
    accept_answer,
    answer_offer,
    consider_offer,
    make_offer,
    repeat_offer,
)
from signaling.sdp.parse import parse_sdp
from tests.signaling.sdp.bodies import audio

CM_80, CM_32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
GCM = "AEAD_AES_128_GCM"
KEY = bytes(range(30))
TEXT = b64encode(KEY).decode()
SECURE = "RTP/SAVP"


def keying(policy: str, seed: int = 0) -> Keying:
    count = itertools.count(100 * seed)

    def draw(size: int) -> bytes:
        return next(count).to_bytes(2) * (size // 2)

    return Keying(policy, draw)


def line(suite: str = CM_80, fill: int = 7, tag: int = 1, rest: str = "") -> str:
    text = b64encode(bytes([fill]) * SUITES[suite]).decode()
    return f"crypto:{tag} {suite} inline:{text}{rest}"


def offer(*attributes: str, protocol: str = "RTP/AVP") -> bytes:
    return audio("0 101", *attributes, protocol=protocol)


def ours(negotiation: Negotiation, keys: Keying) -> Session:
    body = make_offer(
        negotiation,
        address="192.0.2.1",
        port=4000,
        codecs=["PCMU"],
        session_id=1,
        keying=keys,
    )
    return parse_sdp(body)


def answered(negotiation: Negotiation, body: bytes, keys: Keying) -> tuple[Session, Agreed]:
    answer, agreed = answer_offer(
        negotiation,
        body,
        address="192.0.2.1",
        port=4000,
        codecs=["PCMU"],
        session_id=1,
        keying=keys,
    )
    return parse_sdp(answer), agreed


def medium(session: Session) -> tuple[str, list[str]]:
    """Return protocol and a=crypto lines."""
    (found,) = session.media
    return found.protocol, values_of(found.attributes, "crypto")


def read(value: str) -> list[Line]:
    attributes = (Attribute("crypto", value),)
    return [
        *usable_lines(
            Media(media="audio", port=4, protocol=SECURE, formats=("0",), attributes=attributes)
        )
    ]


# ------------------------------------------------------------------------------------ lines


@pytest.mark.parametrize(
    "rest",
    ["", "|2^20", "|1048576", " WSH=128", "|2^48 WSH=64", " -extension=1", "  "],
)
def test_lines_that_can_be_used(rest: str) -> None:
    assert read(f"1 {CM_80} inline:{TEXT}{rest}") == [Line(1, CM_80, KEY)]


def test_the_line_of_rfc4568() -> None:
    (found,) = read(
        "1 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20"
    )
    assert found.key == b"70xwPH5@/,L:S1wY\"~='EpgT%(i_Vc"
    assert (found.tag, found.suite) == (1, CM_32)


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"1 {CM_80}",
        f"1 {CM_80} inline:",
        f"1 {CM_80} inline:{TEXT[:-1]}",
        f"1 {CM_80} inline:{TEXT}AAAA",
        f"1 {CM_80} inline:{TEXT[:20]}*{TEXT[21:]}",
        f"1 {CM_80} inline:{TEXT}|2^20|1:4",
        f"1 {CM_80} inline:{TEXT}|1:4",
        f"1 {CM_80} inline:{TEXT};inline:{TEXT}",
        f"1 {CM_80} uri:{TEXT}",
        f"1 {CM_80} inline:{TEXT} UNENCRYPTED_SRTCP",
        f"1 {CM_80} inline:{TEXT} KDR=1",
        f"1 {CM_80} inline:{TEXT} WSH=128 UNAUTHENTICATED_SRTP",
        f"1 {CM_80} inline:{TEXT} FEC_ORDER=FEC_SRTP",
        f"1 F8_128_HMAC_SHA1_80 inline:{TEXT}",
        f"1 {GCM} inline:{TEXT}",
        f"x {CM_80} inline:{TEXT}",
        f"1234567890 {CM_80} inline:{TEXT}",
        f"{CM_80} inline:{TEXT}",
    ],
)
def test_lines_that_cannot(value: str) -> None:
    assert read(value) == []


def test_a_line_does_not_show_its_key() -> None:
    assert repr(read(f"1 {CM_80} inline:{TEXT}")) == f"[Line(1, {CM_80})]"


def test_an_error_does_not_show_a_key() -> None:
    broken = offer(line()).replace(b"inline:", b"inline:\0")
    with pytest.raises(SdpError) as caught:
        parse_sdp(broken)
    assert "BwcH" not in str(caught.value) + caught.value.text


# ------------------------------------------------------------------------------- they offer

PLAIN_LINES = (offer(), offer(line()), offer(line(), protocol=SECURE))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (OFF, [("RTP/AVP", 0), ("RTP/AVP", 0), None]),
        (OFFER, [("RTP/AVP", 0), ("RTP/AVP", 1), (SECURE, 1)]),
        (REQUIRE, [None, ("RTP/AVP", 1), (SECURE, 1)]),
    ],
)
def test_the_table_of_policies(policy: str, expected: list[tuple[str, int] | None]) -> None:
    for body, outcome in zip(PLAIN_LINES, expected, strict=True):
        if outcome is None:
            with pytest.raises(NotAcceptableError) as refused:
                answered(Negotiation(), body, keying(policy))
            assert refused.value.status == 488
            continue
        session, agreed = answered(Negotiation(), body, keying(policy))
        protocol, lines = medium(session)
        assert (protocol, len(lines)) == outcome
        assert bool(agreed.remote.crypto) == bool(outcome[1])


def test_savp_without_a_usable_line_is_refused() -> None:
    for lines in ([], [line(rest="|2^20|1:4")], [line(rest=" UNENCRYPTED_SRTP")]):
        with pytest.raises(NotAcceptableError, match="no a=crypto line"):
            answered(Negotiation(), offer(*lines, protocol=SECURE), keying(OFFER))


def test_the_first_suite_that_we_have_is_taken_and_its_tag_echoed() -> None:
    body = offer(
        f"crypto:3 AES_256_CM_HMAC_SHA1_80 inline:{b64encode(bytes(46)).decode()}",
        line(CM_32, tag=5, rest="|2^31"),
        line(CM_80, tag=9),
        protocol=SECURE,
    )
    session, agreed = answered(Negotiation(), body, keying(OFFER, 3))
    crypto = agreed.remote.crypto
    assert crypto is not None
    assert crypto.suite == CM_32
    assert crypto.theirs == bytes([7]) * 30
    assert medium(session) == (SECURE, [f"5 {CM_32} inline:{b64encode(crypto.ours).decode()}"])


def test_of_two_media_the_one_that_can_be_taken_is() -> None:
    """Snom and others offer the same audio twice."""
    plain = b"m=audio 4002 RTP/AVP 0\r\n"
    both = offer(line(), protocol=SECURE) + plain
    for policy, taken in ((OFF, 1), (OFFER, 0), (REQUIRE, 0)):
        session, _ = answered(Negotiation(), both, keying(policy))
        assert [bool(each.port) for each in session.media] == [taken == 0, taken == 1]
    turned, _ = answered(
        Negotiation(),
        offer() + b"m=audio 4002 RTP/SAVP 0\r\na=" + line().encode() + b"\r\n",
        keying(REQUIRE),
    )
    assert [each.protocol for each in turned.media if each.port] == [SECURE]


def test_what_is_considered_is_what_is_answered() -> None:
    negotiation, body = Negotiation(), offer(line())
    keys = keying(OFFER)
    before = consider_offer(
        negotiation, body, address="192.0.2.1", codecs=["PCMU"], keying=keys
    ).remote
    assert answered(negotiation, body, keys)[1].remote == before
    assert before.crypto is not None


def test_our_key_stays_until_the_suite_changes() -> None:
    """And one that was used is never used again."""
    negotiation, keys, found = Negotiation(), keying(OFFER), list[Crypto]()
    for attributes in (
        [line(CM_80)],
        [line(CM_80)],
        [line(CM_32), line(CM_80)],  # ours is still there
        [line(CM_80, fill=9)],
        [line(CM_32)],
        [line(CM_80)],
    ):
        crypto = answered(negotiation, offer(*attributes), keys)[1].remote.crypto
        assert crypto is not None
        found.append(crypto)
    assert [each.suite for each in found] == [CM_80] * 4 + [CM_32, CM_80]
    assert found[0] == found[1] == found[2]
    assert found[3].ours == found[0].ours
    assert found[3].theirs != found[0].theirs
    assert len({each.ours for each in found}) == 3


def test_no_key_outlives_a_plain_exchange() -> None:
    negotiation, keys = Negotiation(), keying(OFFER)
    first = answered(negotiation, offer(line()), keys)[1].remote.crypto
    assert answered(negotiation, offer(), keys)[1].remote.crypto is None
    again = answered(negotiation, offer(line()), keys)[1].remote.crypto
    assert first and again
    assert first.ours != again.ours


# --------------------------------------------------------------------------------- we offer


@pytest.mark.parametrize(
    ("policy", "protocol", "count"),
    [(OFF, "RTP/AVP", 0), (OFFER, "RTP/AVP", 4), (REQUIRE, SECURE, 4)],
)
def test_what_we_offer(policy: str, protocol: str, count: int) -> None:
    session = ours(Negotiation(), keying(policy))
    said, _ = medium(session)
    lines = usable_lines(session.media[0])
    assert said == protocol
    assert [each.suite for each in lines] == [*SUITES][:count]
    assert [each.tag for each in lines] == list(range(1, count + 1))
    assert len({each.key[:28] for each in lines}) == count


def test_a_retry_says_the_same() -> None:
    negotiation, keys = Negotiation(), keying(OFFER)
    assert ours(negotiation, keys) == ours(negotiation, keys)


@pytest.mark.parametrize("protocol", ["RTP/AVP", SECURE])
@pytest.mark.parametrize("policy", [OFFER, REQUIRE])
def test_the_answer_takes_one_of_our_suites(policy: str, protocol: str) -> None:
    negotiation, keys = Negotiation(), keying(policy)
    mine = {each.suite: each for each in usable_lines(ours(negotiation, keys).media[0])}
    body = offer(line(CM_80, tag=mine[CM_80].tag), protocol=protocol)
    crypto = accept_answer(negotiation, body).remote.crypto
    assert crypto == Crypto(suite=CM_80, ours=mine[CM_80].key, theirs=bytes([7]) * 30)


def test_an_answer_without_keys() -> None:
    negotiation = Negotiation()
    ours(negotiation, keying(OFFER))
    assert accept_answer(negotiation, offer()).remote.crypto is None
    assert negotiation.keys == {}
    assert medium(ours(negotiation, keying(OFFER))) == ("RTP/AVP", [])
    for policy, body in (
        (REQUIRE, offer()),
        (REQUIRE, offer(protocol=SECURE)),
        (OFFER, offer(protocol=SECURE)),
        (OFF, offer(line(), protocol=SECURE)),
    ):
        negotiation = Negotiation()
        ours(negotiation, keying(policy))
        with pytest.raises(NotAcceptableError):
            accept_answer(negotiation, body)


def test_keys_in_an_answer_that_we_did_not_ask_for_are_nothing() -> None:
    negotiation = Negotiation()
    ours(negotiation, UNPROTECTED)
    assert accept_answer(negotiation, offer(line())).remote.crypto is None


def test_later_offers_repeat_what_was_agreed() -> None:
    """With the peer's protocol and our key, whatever the policy has become."""
    for protocol in ("RTP/AVP", SECURE):
        negotiation, keys = Negotiation(), keying(OFFER)
        crypto = answered(negotiation, offer(line(CM_32), protocol=protocol), keys)[1].remote.crypto
        assert crypto is not None
        said, lines = medium(ours(negotiation, keys))
        assert (said, lines) == (
            protocol,
            [f"1 {CM_32} inline:{b64encode(crypto.ours).decode()}"],
        )
        again = accept_answer(negotiation, offer(line(CM_32), protocol=protocol))
        assert again.remote.crypto == crypto


def test_a_refresh_repeats_the_keys() -> None:
    negotiation, keys = Negotiation(), keying(OFFER)
    _, agreed = answered(negotiation, offer(line()), keys)
    repeated = medium(parse_sdp(repeat_offer(negotiation)))
    assert repeated[1][0].startswith(f"1 {CM_80} ")
    assert accept_answer(negotiation, offer(line())).remote.crypto == agreed.remote.crypto


def test_a_suite_that_was_not_offered_is_refused() -> None:
    negotiation, keys = Negotiation(), keying(OFFER)
    answered(negotiation, offer(line(CM_32)), keys)
    ours(negotiation, keys)
    with pytest.raises(NotAcceptableError, match="was not offered"):
        accept_answer(negotiation, offer(line(CM_80)))
