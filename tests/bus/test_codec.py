import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.calls import Ok
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import AnyFrame, Done, Event, Refused, Request
from bus.errors import BadRequestError, FrameError, UnknownVerbError
from bus.workers import ListProcesses, Scale, ToSupervisor

BODIES = msgspec.msgpack.Decoder(ToSupervisor)
FRAMES: list[AnyFrame] = [
    Request(id=1, body=raw(Scale(workers=2)), deadline=1.5, session="s", epoch=3),
    Done(id=2, body=raw(Ok())),
    Refused(id=3, code="not_found", reason="no such call"),
    Event(sequence=4, body=raw(Ok()), at=2.5),
]


def packed(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(value))


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_a_frame_survives_the_wire(frame: AnyFrame) -> None:
    assert decode_frame(encode(frame)) == frame


def test_a_body_is_decoded_by_its_verb() -> None:
    scale: object = decode_body(BODIES, raw(Scale(workers=2)))
    assert scale == Scale(workers=2)
    listing: object = decode_body(BODIES, raw(ListProcesses()))
    assert listing == ListProcesses()


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_a_frame_cut_anywhere_is_a_frame_error(frame: AnyFrame) -> None:
    whole = encode(frame)
    for length in range(len(whole)):
        with pytest.raises(FrameError, match=rf"\({length} bytes\)"):
            decode_frame(whole[:length])


@given(st.binary(max_size=200))
def test_noise_is_a_frame_error_and_nothing_worse(noise: bytes) -> None:
    with pytest.raises(FrameError):
        decode_frame(noise)


@pytest.mark.parametrize(
    ("frame", "where"),
    [
        ({"kind": "reply", "id": 1}, "kind"),
        ({"kind": "refused", "id": "1", "code": "", "reason": ""}, r"\$\.id"),
        ({"kind": "request", "id": 1}, "body"),
        ([], "object"),
    ],
)
def test_a_wrong_frame_says_where(frame: object, where: str) -> None:
    with pytest.raises(FrameError, match=where):
        decode_frame(bytes(packed(frame)))


def test_fields_of_a_newer_engine_are_passed_over() -> None:
    newer = {"kind": "refused", "id": 1, "code": "c", "reason": "r", "hint": "h"}
    assert decode_frame(bytes(packed(newer))) == Refused(id=1, code="c", reason="r")


def test_an_unknown_verb_leaves_the_envelope_readable() -> None:
    frame = decode_frame(encode(Request(id=7, body=packed({"verb": "explode", "now": True}))))
    assert isinstance(frame, Request)
    with pytest.raises(UnknownVerbError, match="'explode'"):
        decode_body(BODIES, frame.body)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"verb": "scale"}, "scale: .*workers"),
        ({"verb": "scale", "workers": "two"}, r"scale: .*\$\.workers"),
        ([1], "not a map with a verb"),
        ("scale", "not a map with a verb"),
        ({"verb": 3}, "not a map with a verb"),
    ],
)
def test_a_wrong_body_says_what(body: object, complaint: str) -> None:
    with pytest.raises(BadRequestError, match=complaint):
        decode_body(BODIES, packed(body))


def test_no_verb_at_all_is_an_unknown_one() -> None:
    with pytest.raises(UnknownVerbError, match="''"):
        decode_body(BODIES, packed({"workers": 2}))
