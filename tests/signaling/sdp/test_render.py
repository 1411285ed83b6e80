import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.sdp.model import (
    Attribute,
    Bandwidth,
    Connection,
    Media,
    Origin,
    Session,
    Time,
)
from signaling.sdp.parse import parse_sdp
from signaling.sdp.render import render_sdp
from tests.signaling.sdp.bodies import EVERY_LINE, SEVERAL_AUDIO_CODECS

tokens = st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,12}", fullmatch=True)
texts = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)
digits = st.from_regex(r"[0-9]{1,20}", fullmatch=True)
names = st.text(
    st.characters(exclude_characters="\r\n\0:", exclude_categories=["Cs"]), min_size=1, max_size=9
).filter(str.strip)
numbered = st.one_of(
    st.ip_addresses(v=4).map(lambda a: ("IP4", str(a))),
    st.ip_addresses(v=6).map(lambda a: ("IP6", str(a))),
    st.just(("IP4", "host.example.com")),
)
connections = numbered.flatmap(
    lambda pair: st.builds(
        Connection,
        address_type=st.just(pair[0]),
        address=st.just(pair[1]),
        suffix=st.sampled_from(("", "127", "127/3")),
    )
)
bandwidths = st.lists(st.builds(Bandwidth, tokens, digits), max_size=2).map(tuple)
attributes = st.lists(st.builds(Attribute, names, st.none() | texts), max_size=4).map(tuple)
ports = st.integers(0, 65535)
payload_types = st.lists(st.integers(0, 127).map(str), min_size=1, max_size=5).map(tuple)


def media(
    protocol: st.SearchStrategy[str], formats: st.SearchStrategy[tuple[str, ...]]
) -> st.SearchStrategy[Media]:
    return st.builds(
        Media,
        media=tokens,
        port=ports,
        port_count=st.integers(1, 65535),
        protocol=protocol,
        formats=formats,
        title=texts,
        connections=st.lists(connections, min_size=1, max_size=2).map(tuple),
        bandwidths=bandwidths,
        key=texts,
        attributes=attributes,
    )


medias = media(st.sampled_from(("RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF")), payload_types) | (
    media(st.sampled_from(("udptl", "TCP/MSRP")), st.tuples(tokens))
)
sessions = st.builds(
    Session,
    origin=st.builds(
        Origin,
        username=tokens,
        session_id=digits,
        version=digits,
        address_type=st.sampled_from(("IP4", "IP6")),
        address=tokens,
    ),
    name=texts.filter(bool),
    information=texts,
    uri=texts,
    emails=st.lists(texts, max_size=2).map(tuple),
    phones=st.lists(texts, max_size=2).map(tuple),
    connection=st.none() | connections,
    bandwidths=bandwidths,
    times=st.lists(
        st.builds(Time, digits, digits, st.lists(texts, max_size=2).map(tuple)),
        min_size=1,
        max_size=2,
    ).map(tuple),
    zones=texts,
    key=texts,
    attributes=attributes,
    media=st.lists(medias, max_size=3).map(tuple),
)


@settings(deadline=None)
@given(sessions)
def test_what_is_written_is_read_back(session: Session) -> None:
    assert parse_sdp(render_sdp(session)) == session


def test_lines_come_in_the_order_of_the_rfc() -> None:
    assert render_sdp(parse_sdp(EVERY_LINE)) == EVERY_LINE


def test_an_empty_name_becomes_a_dash() -> None:
    rendered = render_sdp(parse_sdp(SEVERAL_AUDIO_CODECS))
    assert rendered == SEVERAL_AUDIO_CODECS.replace(b"s=\r\n", b"s=-\r\n")


@pytest.mark.parametrize("poison", ["a\rb", "a\nm=audio 1 RTP/AVP 0", "a\0b"])
def test_no_value_breaks_out_of_its_line(poison: str) -> None:
    session = msgspec.structs.replace(parse_sdp(SEVERAL_AUDIO_CODECS), name=poison)
    with pytest.raises(ValueError, match="line break"):
        render_sdp(session)
