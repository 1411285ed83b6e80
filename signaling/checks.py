"""What is looked at before a command is applied: the call it names, and each of its arguments."""

from collections.abc import Iterable

from bus.errors import BadRequestError, NotFoundError, WrongStateError
from bus.ids import CallId
from bus.sources import Leg as LegSource
from signaling.calls.call import Call
from signaling.calls.states import State
from signaling.core import Core
from signaling.sdp.codecs import AUDIO, named
from signaling.sdp.crypto import POLICIES
from signaling.sip.errors import SipError
from signaling.sip.message import Header, Message
from signaling.sip.names import COMPACT
from signaling.sip.uri import parse_uri
from signaling.sip.validate import check_header

OURS = frozenset(
    {
        *("via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "route"),
        *("record-route", "content-length", "content-type", "allow", "supported", "require"),
        *("authorization", "proxy-authorization", "server", "user-agent"),
        *("accept", "mime-version", "content-disposition", "rseq", "rack"),
        *("session-expires", "min-se"),
    }
)
"""Headers that an application may not set: the stack's work depends on them."""


def extension_headers(message: Message | None) -> tuple[Header, ...]:
    """Return the headers of a message that are its application's, not the stack's."""
    if message is None:
        return ()
    return tuple(header for header in message.headers if header[0].lower() not in OURS)


def call_named(core: Core, call_id: CallId) -> Call:
    """Return a call by its name.  Raises NotFoundError."""
    call = core.state.calls.get(call_id)
    if call is None or call.told:
        raise NotFoundError(f"no call {call_id!r}")
    return call


def call_up(core: Core, call_id: CallId) -> Call:
    """Return a call that is up.  Raises NotFoundError, WrongStateError."""
    call = call_named(core, call_id)
    if call.state is not State.UP:
        raise WrongStateError(f"call {call.id} is {call.info().state}, not up")
    return call


def check_uri(field: str, text: str) -> None:
    """Raise BadRequestError unless it is a URI."""
    try:
        parse_uri(text)
    except SipError as error:
        raise BadRequestError(f"{field}: {error}") from None


def check_text(field: str, text: str) -> None:
    """Raise BadRequestError if a control character is in it (header injection)."""
    if any(ord(character) < 32 for character in text):
        raise BadRequestError(f"{field}: {text!r} has a control character")


def check_headers(headers: tuple[Header, ...]) -> None:
    """Raise BadRequestError unless an application may set these header fields."""
    for name, value in headers:
        if COMPACT.get(name.lower(), name).lower() in OURS:
            raise BadRequestError(f"headers: {name} is set by the engine")
        try:
            check_header(name, value)
        except SipError as error:
            raise BadRequestError(f"headers: {error}") from None


def check_source(source: object) -> None:
    """Raise BadRequestError for a source that cannot be named from outside."""
    if isinstance(source, LegSource):
        raise BadRequestError("play: another call's leg cannot be played here")


def check_codecs(names: Iterable[str]) -> None:
    """Raise BadRequestError unless all are codecs."""
    for name in names:
        if named(name) is None:
            have = ", ".join(codec.spelt for codec in AUDIO)
            raise BadRequestError(f"codecs: {name!r} is none of {have}")


def check_srtp(policy: str) -> None:
    """Raise BadRequestError unless it is a policy, or empty."""
    if policy and policy not in POLICIES:
        raise BadRequestError(f"srtp: {policy!r} is none of {', '.join(POLICIES)}")


def check_layout(layout: str) -> None:
    """Raise BadRequestError unless it is one of a recording."""
    if layout not in ("stereo", "mixed"):
        raise BadRequestError(f"layout: {layout!r} is none of stereo, mixed")
