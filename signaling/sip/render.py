"""Messages -> bytes, and responses to requests (RFC 3261 sections 7 and 8.2.6)."""

from collections.abc import Iterable, Sequence
from itertools import starmap
from typing import Final

from signaling.sip.errors import LocalError, ParseError, excerpt
from signaling.sip.grammar import A_TOKEN
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Header, Message, Request, Response
from signaling.sip.names import NAMES

COPIED: Final = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})
COPIED_TO_100: Final = COPIED | {"Timestamp"}
COPIED_INTO_DIALOG: Final = COPIED | {"Record-Route"}
LINE: Final = "{}: {}".format

REASONS: Final = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    204: "No Notification",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    412: "Conditional Request Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    430: "Flow Failed",
    433: "Anonymity Disallowed",
    439: "First Hop Lacks Outbound Support",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    555: "Push Notification Service Not Supported",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}

CLASSES: Final = (
    "",
    "Session Progress",
    "OK",
    "Multiple Choices",
    "Bad Request",
    "Server Internal Error",
    "Decline",
)


def reason_phrase(status: int) -> str:
    """Return the usual phrase, for an unknown status that of its class (RFC 3261 8.1.3.2)."""
    return REASONS.get(status) or CLASSES[status // 100]


def render(message: Message) -> bytes:
    """Write a message with its Content-Length.

    Raises LocalError for whatever would make another message of it: a line break in any part, a
    name that is no token, a Request-URI with a space.
    """
    headers, names = message.headers, dict(message.headers).keys()
    if not names <= NAMES:
        _check_names(names)
    if "Content-Length" in names:
        headers = [header for header in headers if header[0] != "Content-Length"]
    lines = [_start_line(message), *starmap(LINE, headers)]
    lines.append(f"Content-Length: {len(message.body)}\r\n\r\n")
    text = "\r\n".join(lines)
    breaks = len(lines) + 1
    if text.count("\r") != breaks or text.count("\n") != breaks:
        raise LocalError(f"a line break in {_broken(message)}")
    try:
        return text.encode() + message.body
    except UnicodeEncodeError:
        raise LocalError("a header field is not UTF-8") from None


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if name not in NAMES and not A_TOKEN.fullmatch(name):
            raise LocalError(f"{excerpt(name)} is not the name of a header field")


def _start_line(message: Message) -> str:
    if isinstance(message, Response):
        if not 100 <= message.status <= 699:
            raise LocalError(f"status {message.status} is not from 100 to 699")
        return f"SIP/2.0 {message.status} {message.reason}"
    if not A_TOKEN.fullmatch(message.method):
        raise LocalError(f"{excerpt(message.method)} is not a method")
    if not message.uri or " " in message.uri or "\t" in message.uri:
        raise LocalError(f"{excerpt(message.uri)} is not a Request-URI")
    return f"{message.method} {message.uri} SIP/2.0"


def _broken(message: Message) -> str:
    for name, value in message.headers:
        if "\r" in value or "\n" in value:
            return f"{name}: {excerpt(value)}"
    return "the start line"


def respond(
    request: Request,
    status: int,
    reason: str = "",
    *,
    to_tag: str = "",
    headers: Sequence[Header] = (),
    body: bytes = b"",
    content_type: str = "",
) -> Response:
    """Make a response with what it must copy (RFC 3261 8.2.6.2 and 12.1.1).

    ``to_tag`` is used where the request has none, and never for a 100.
    """
    if status == 100:
        wanted = COPIED_TO_100
    elif request.method == "INVITE" and status < 300:
        wanted = COPIED_INTO_DIALOG
    else:
        wanted = COPIED
    copied = [header for header in request.headers if header[0] in wanted]
    if to_tag and status > 100:
        copied = [("To", tagged(h[1], to_tag)) if h[0] == "To" else h for h in copied]
    copied.extend(headers)
    if content_type:
        copied.append(("Content-Type", content_type))
    return Response(
        status=status, reason=reason or reason_phrase(status), headers=copied, body=body
    )


def tagged(value: str, tag: str) -> str:
    """Add a tag to a From or To that has none."""
    tail = value.rpartition(">")[2]
    if "tag" in tail.lower() and _has_tag(value):
        return value
    return f"{value};tag={tag}"


def _has_tag(value: str) -> bool:
    try:
        return parse_name_addr(value).tag is not None
    except ParseError:
        return False
