"""A dialog (RFC 3261 section 12): what two user agents remember of each other.

The usage (an INVITE session, later a subscription) is not in here; neither are transactions.  Tags
that RFC 2543 did not have are empty.  A forked INVITE makes one dialog for each To tag.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from signaling.dialogs.routing import next_hop, routed, target_of
from signaling.sip.errors import LocalError, RemoteError
from signaling.sip.headers import (
    CSEQ_END,
    NameAddr,
    parse_cseq,
    parse_name_addr,
    render_name_addr,
)
from signaling.sip.message import Header, Message, Request, Response, every, first
from signaling.sip.validate import Refusal

__all__ = [
    "Dialog",
    "ack_for_2xx",
    "check_in_dialog",
    "confirm",
    "dialog_key",
    "matches",
    "next_hop",
    "next_request",
    "uac_dialog",
    "uas_dialog",
    "update_target",
]

KEPT: Final = 64
"""Addresses kept without their tags."""
UNKNOWN: Final = -1
"""A remote CSeq that is still empty."""

UNORDERED: Final = frozenset({"ACK", "CANCEL"})
"""They carry the CSeq number of their INVITE."""

TARGET_REFRESH: Final = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"})
"""RFC 3261 12.2, RFC 3311, RFC 6665, RFC 3515."""


class Dialog(msgspec.Struct, kw_only=True):
    """The dialog state of RFC 3261 12.1."""

    call_id: str
    local_tag: str
    remote_tag: str
    """Empty for an RFC 2543 peer."""
    local_uri: str
    """Name-addr text of our From, without the tag."""
    remote_uri: str
    """Name-addr text of our To, without the tag."""
    remote_target: str
    """URI of the peer's latest Contact."""
    route_set: list[str]
    """Name-addr texts, next hop first."""
    local_cseq: int = 0
    """Of our latest request; 0: none yet."""
    remote_cseq: int = UNKNOWN
    confirmed: bool = False
    """False: early."""
    listener: str = ""
    """Name of the listener that our requests leave by; the dialog itself does not use it."""

    @property
    def key(self) -> str:
        """The dialog ID as one text."""
        return dialog_key(self.call_id, self.local_tag, self.remote_tag)


def dialog_key(call_id: str, local_tag: str, remote_tag: str) -> str:
    """Return the dialog ID (RFC 3261 12) as one text."""
    return f"{call_id}\n{local_tag}\n{remote_tag}"


def uas_dialog(
    request: Request, local_tag: str, *, confirmed: bool = False, listener: str = ""
) -> Dialog:
    """Make the dialog of a request we answer with ``local_tag`` as To tag (RFC 3261 12.1.1).

    Raises ``SipError`` if From, To, CSeq or Contact is unreadable.
    """
    caller, called = _address(request, "From"), _address(request, "To")
    return Dialog(
        call_id=first(request, "Call-ID") or "",
        local_tag=local_tag,
        remote_tag=caller.tag or "",
        local_uri=_without_tag(called),
        remote_uri=_without_tag(caller),
        remote_target=target_of(request) or caller.uri,
        route_set=every(request, "Record-Route"),
        remote_cseq=_cseq(request),
        confirmed=confirmed,
        listener=listener,
    )


def uac_dialog(request: Request, response: Response, *, listener: str = "") -> Dialog:
    """Make the dialog that a response to our request opens (RFC 3261 12.1.2).

    Early for a 1xx, confirmed for a 2xx.  Raises ``SipError`` if From, To, CSeq or Contact is
    unreadable.
    """
    caller, called = _address(request, "From"), _address(response, "To")
    return Dialog(
        call_id=first(request, "Call-ID") or "",
        local_tag=caller.tag or "",
        remote_tag=called.tag or "",
        local_uri=_without_tag(caller),
        remote_uri=_without_tag(called),
        remote_target=target_of(response) or request.uri,
        route_set=every(response, "Record-Route")[::-1],
        local_cseq=_cseq(request),
        confirmed=response.status >= 200,
        listener=listener,
    )


def confirm(dialog: Dialog, response: Response) -> None:
    """Let the 2xx to our INVITE confirm its early dialog (RFC 3261 13.2.2.4).

    The route set is computed again, CSeq numbers stay: there may have been requests in between.
    """
    if not dialog.confirmed:
        dialog.confirmed = True
        dialog.route_set = every(response, "Record-Route")[::-1]
    dialog.remote_target = target_of(response) or dialog.remote_target


def matches(dialog: Dialog, message: Message) -> bool:
    """Whether a message from the peer belongs to the dialog (RFC 3261 12.2.1.2, 12.2.2)."""
    ours, theirs = ("To", "From") if isinstance(message, Request) else ("From", "To")
    found = (
        first(message, "Call-ID"),
        _address(message, ours).tag or "",
        _address(message, theirs).tag or "",
    )
    return found == (dialog.call_id, dialog.local_tag, dialog.remote_tag)


def check_in_dialog(dialog: Dialog, request: Request) -> Refusal | None:
    """Check the order of a request in the dialog and note its CSeq (RFC 3261 12.2.2).

    None: go on.  A gap is allowed; a number lower than the last is answered 500, one that is no
    number below 2**31 with 400.
    """
    if request.method in UNORDERED:
        return None
    try:
        number = _cseq(request)
    except RemoteError as error:
        return Refusal(error.status, error.reason)
    if number < dialog.remote_cseq:
        return Refusal(500, "CSeq out of order")
    dialog.remote_cseq = number
    return None


def update_target(dialog: Dialog, message: Message) -> None:
    """Take the Contact of a target refresh request, or of the 2xx to ours, as remote target."""
    if isinstance(message, Response):
        refreshes = 200 <= message.status < 300 and _method(message) in TARGET_REFRESH
    else:
        refreshes = message.method in TARGET_REFRESH
    if refreshes:
        dialog.remote_target = target_of(message) or dialog.remote_target


def next_request(
    dialog: Dialog,
    method: str,
    *,
    via: str,
    contact: str = "",
    headers: Sequence[Header] = (),
    body: bytes = b"",
    content_type: str = "",
) -> Request:
    """Make the next request within the dialog (RFC 3261 12.2.1.1); counts its CSeq.

    ``via`` is the whole Via with its branch, ``contact`` a name-addr.  Raises ``LocalError`` for
    ACK and CANCEL, which are made otherwise, and when CSeq numbers are used up.
    """
    if method in UNORDERED:
        raise LocalError(f"{method} carries the CSeq number of its INVITE")
    if dialog.local_cseq + 1 >= CSEQ_END:
        raise LocalError("CSeq numbers are used up (RFC 3261 8.1.1.5)")
    dialog.local_cseq += 1
    extra = [("Contact", contact), *headers] if contact else [*headers]
    return _request(dialog, method, dialog.local_cseq, via, extra, body, content_type)


def ack_for_2xx(
    dialog: Dialog,
    invite_cseq: int,
    *,
    via: str,
    headers: Sequence[Header] = (),
    body: bytes = b"",
    content_type: str = "",
) -> Request:
    """Make the ACK of a 2xx (RFC 3261 13.2.2.4): routed as in the dialog, CSeq of its INVITE.

    ``headers`` are the INVITE's credentials.  Keep the ACK: each copy of the 2xx gets it again.
    """
    return _request(dialog, "ACK", invite_cseq, via, headers, body, content_type)


def _request(
    dialog: Dialog,
    method: str,
    cseq: int,
    via: str,
    headers: Sequence[Header],
    body: bytes,
    content_type: str,
) -> Request:
    uri, routes = routed(dialog.remote_target, dialog.route_set)
    fields: list[Header] = [
        ("Via", via),
        *(("Route", route) for route in routes),
        ("Max-Forwards", "70"),
        ("From", _tagged(dialog.local_uri, dialog.local_tag)),
        ("To", _tagged(dialog.remote_uri, dialog.remote_tag)),
        ("Call-ID", dialog.call_id),
        ("CSeq", f"{cseq} {method}"),
        *headers,
    ]
    if content_type:
        fields.append(("Content-Type", content_type))
    return Request(method=method, uri=uri, headers=fields, body=body)


def _tagged(uri: str, tag: str) -> str:
    return f"{uri};tag={tag}" if tag else uri


def _address(message: Message, header: str) -> NameAddr:
    return parse_name_addr(first(message, header) or "")


@lru_cache(KEPT)
def _without_tag(address: NameAddr) -> str:
    rest = tuple(item for item in address.parameters if item[0].lower() != "tag")
    return render_name_addr(msgspec.structs.replace(address, parameters=rest))


def _cseq(message: Message) -> int:
    return parse_cseq(first(message, "CSeq") or "").number


def _method(response: Response) -> str:
    return parse_cseq(first(response, "CSeq") or "").method
