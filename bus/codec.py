"""Bytes <-> messages: the only place.

Encoding is two-fold (body, then envelope) and so is decoding; the envelope of a frame with an
unknown or wrong body is therefore still readable and can be refused by its id.
"""

from typing import Final, TypeVar

import msgspec

from bus.envelope import AnyFrame
from bus.errors import BadRequestError, FrameError, UnknownVerbError

Body = TypeVar("Body")

_encoder: Final = msgspec.msgpack.Encoder()
_frames: Final = msgspec.msgpack.Decoder(AnyFrame)


class _Verb(msgspec.Struct):
    verb: str = ""


_verbs: Final = msgspec.msgpack.Decoder(_Verb)


UNREADABLE: Final = (
    msgspec.DecodeError,
    msgspec.ValidationError,
    UnicodeDecodeError,  # text that is not UTF-8
    RecursionError,  # arrays in arrays in arrays
)


def encode(message: msgspec.Struct) -> bytes:
    """Encode an envelope (or a body that stands alone) as one MessagePack map."""
    return _encoder.encode(message)


def raw(body: msgspec.Struct) -> msgspec.Raw:
    """Encode a body for its place in an envelope."""
    return msgspec.Raw(_encoder.encode(body))


def decode_frame(frame: bytes) -> AnyFrame:
    """Decode the envelope.  Raises FrameError, which says what was wrong and where."""
    try:
        decoded: AnyFrame = _frames.decode(frame)
    except UNREADABLE as error:
        raise FrameError(f"not a frame of this bus ({len(frame)} bytes): {error}") from None
    return decoded


def decode_body(decoder: msgspec.msgpack.Decoder[Body], body: msgspec.Raw) -> Body:
    """Decode a body with the decoder of the union its receiver understands.

    Raises UnknownVerbError if the verb is in no member of the union, and BadRequestError, which
    names the field, if a known verb has a missing or mistyped field.
    """
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        text = str(error)
    try:
        verb = _verbs.decode(body).verb
    except UNREADABLE:
        raise BadRequestError(f"the body is not a map with a verb: {text}") from None
    if "$.verb" in text or "missing required field `verb`" in text:
        raise UnknownVerbError(f"unknown verb {verb!r}") from None
    raise BadRequestError(f"{verb}: {text}") from None
