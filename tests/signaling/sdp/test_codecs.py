import pytest

from bus.settings import CODECS
from signaling.sdp.codecs import (
    AUDIO,
    EVENTS,
    G722,
    G729,
    L16,
    L16_WIDE,
    NOISE,
    OPUS,
    PCMA,
    PCMU,
    Codec,
    attributes,
    events_at,
    is_events,
    known,
    named,
    packet_time,
    parameters_of,
    payload_types,
)
from signaling.sdp.model import Attribute, Media


def medium(formats: str, *lines: str) -> Media:
    said = tuple(Attribute(*line.split(":", 1)) for line in lines)
    return Media(
        media="audio",
        port=4000,
        protocol="RTP/AVP",
        formats=tuple(formats.split()),
        attributes=said,
    )


def test_codecs_are_known_by_any_spelling_and_once() -> None:
    assert known(["pcma", "GSM", "PCMU", "PCMA", "Opus"]) == [PCMA, PCMU, OPUS]


def test_a_name_may_have_its_clock() -> None:
    assert known(["L16", "l16/8000", "L16/16000", "PCMU/16000"]) == [L16_WIDE, L16]


def test_the_settings_name_the_same_codecs() -> None:
    assert {codec.spelt for codec in AUDIO} == set(CODECS)
    assert named("L16") == named(next(name for name in CODECS if name.startswith("L16")))


def test_no_two_have_the_same_payload_type() -> None:
    types = [codec.payload_type for codec in (*AUDIO, EVENTS, events_at(48000), NOISE)]
    assert len(set(types)) == len(types)


def test_static_types_need_no_rtpmap() -> None:
    assert payload_types(medium("13 4")) == {13: NOISE, 4: None}
    assert payload_types(medium("8 0 9 18")) == {8: PCMA, 0: PCMU, 9: G722, 18: G729}


def test_any_dynamic_type_may_be_ours() -> None:
    media = medium(
        "96 97 98 99",
        "rtpmap:96 pcmu/8000",
        "rtpmap:97 Telephone-Event/8000",
        "rtpmap:98 PCMA/8000/1",
        "rtpmap:99 opus/48000/2",
    )
    assert payload_types(media) == {96: PCMU, 97: EVENTS, 98: PCMA, 99: OPUS}


def test_opus_has_two_channels_whatever_it_codes() -> None:
    assert payload_types(medium("96", "rtpmap:96 opus/48000")) == {96: None}
    assert payload_types(medium("96", "rtpmap:96 opus/48000/1")) == {96: None}
    assert attributes({96: OPUS})[0].value == "96 opus/48000/2"


def test_parameters_of_a_payload_type() -> None:
    media = medium("96 97", "fmtp:97  usedtx=1; cbr=1", "fmtp:96 useinbandfec=1", "fmtp:96 x")
    assert parameters_of(media, 96) == "useinbandfec=1"
    assert parameters_of(media, 97) == "usedtx=1; cbr=1"
    assert parameters_of(media, 0) == ""


@pytest.mark.parametrize("clock", ["16000", "8000/2", "48000"])
def test_another_clock_or_two_channels_are_not_ours(clock: str) -> None:
    assert payload_types(medium("96", f"rtpmap:96 PCMU/{clock}")) == {96: None}


def test_events_have_any_clock_but_none_below_a_kilohertz() -> None:
    media = medium("96 97", "rtpmap:96 Telephone-Event/48000", "rtpmap:97 telephone-event/999")
    assert payload_types(media) == {96: events_at(48000), 97: None}
    assert is_events(events_at(48000))
    assert not is_events(PCMU)


def test_an_rtpmap_overrides_the_static_meaning() -> None:
    assert payload_types(medium("0 8", "rtpmap:0 L8/8000", "rtpmap:8 pcmu/8000")) == {
        0: None,
        8: PCMU,
    }


@pytest.mark.parametrize("broken", ["0", "0 ", "x PCMA/8000", "0 PCMA", "0 PCMA/", "0 PCMA/8k", ""])
def test_a_broken_rtpmap_says_nothing(broken: str) -> None:
    assert payload_types(medium("0", f"rtpmap:{broken}")) == {0: PCMU}


def test_the_first_of_two_rtpmaps_counts() -> None:
    media = medium("96", "rtpmap:96 PCMU/8000", "rtpmap:96 PCMA/8000")
    assert payload_types(media) == {96: PCMU}


def test_formats_are_described() -> None:
    assert attributes({0: PCMU, 96: EVENTS}) == [
        Attribute("rtpmap", "0 PCMU/8000"),
        Attribute("rtpmap", "96 telephone-event/8000"),
        Attribute("fmtp", "96 0-15"),
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), 20),
        (("ptime:30",), 30),
        (("ptime:20.0",), 20),
        (("ptime:1",), 10),
        (("ptime:1000",), 60),
        (("ptime:0",), 20),
        (("ptime:soon",), 20),
        (("ptime",), 20),
        (("maxptime:10",), 10),
        (("maxptime:5",), 10),
        (("ptime:60", "maxptime:40"), 40),
        (("ptime:33",), 30),
    ],
)
def test_packet_times(lines: tuple[str, ...], expected: int) -> None:
    assert packet_time(medium("0", *lines), PCMU) == expected


@pytest.mark.parametrize(
    ("codec", "wanted", "expected"),
    [(L16_WIDE, 60, 40), (L16_WIDE, 30, 30), (L16, 60, 60), (OPUS, 30, 20), (OPUS, 60, 60)],
)
def test_packets_that_no_frame_takes(codec: Codec, wanted: int, expected: int) -> None:
    assert packet_time(medium("0", f"ptime:{wanted}"), codec) == expected
