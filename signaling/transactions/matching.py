"""Which transaction a message belongs to (RFC 3261 17.1.3, 17.2.3) and where responses go (18.2.2).

    client    branch method
    server    branch sent-by method
              ``2543`` and what RFC 2543 compares, for a client without a branch of RFC 3261

ACK and CANCEL find the INVITE's key by themselves, so a key names one transaction of the layer.
"""

from functools import lru_cache
from typing import Final

import msgspec

from signaling.sip.flow import PORTS, Flow
from signaling.sip.headers import CSeq, Via, parse_cseq, parse_name_addr, parse_via
from signaling.sip.message import Message, Request, first

PREFIX_2543: Final = "2543 "
KEPT: Final = 256
"""Values kept read, see ``signaling.sip.headers``."""


def client_key(message: Message, method: str = "") -> str:
    """Return the key of the client transaction of a request, or of what a response answers.

    ``method`` takes the place of the one in CSeq.  Raises ``SipError`` if Via or CSeq is
    unreadable.
    """
    return f"{top_via(message).branch or ''} {method or cseq_of(message).method}"


def server_key(request: Request, method: str = "") -> str:
    """Return the key of a request's server transaction; for ACK and CANCEL also of their INVITE's.

    ``method`` takes the place of the request's own.  Raises ``SipError`` if Via, From, To or CSeq
    is unreadable.
    """
    wanted = method or request.method
    if hop := _hop(first(request, "Via") or ""):
        return f"{hop} {wanted}"
    return _key_2543(request, wanted, tag_of(request, "To"))


def invite_keys_of_ack(request: Request) -> list[str]:
    """Return the keys that the INVITE of an ACK may have.

    There are two for an RFC 2543 client: its key has the tag that the INVITE's To had, which was
    none unless it was inside a dialog.
    """
    if hop := _hop(first(request, "Via") or ""):
        return [f"{hop} INVITE"]
    return [_key_2543(request, "INVITE", tag) for tag in ("", tag_of(request, "To"))]


def identity_of(request: Request) -> str:
    """Return what copies of a request share that took different paths; empty inside a dialog."""
    if tag_of(request, "To"):
        return ""
    call_id, cseq = first(request, "Call-ID") or "", cseq_of(request)
    return f"{tag_of(request, 'From')} {call_id} {cseq.number} {cseq.method}"


def response_flow(request: Request, flow: Flow) -> Flow:
    """Return the way of the responses to a request that came over ``flow``.

    Back to the source address, and to the source port if the client asked for it (RFC 3581), else
    to the port of sent-by.  A connection is used again; should it be gone, the next one is opened
    to sent-by's port (18.2.2).  maddr is not followed: it would let anybody point our responses at
    somebody else.
    """
    via = top_via(request)
    if not flow.reliable and via.parameter("rport") is not None:
        return flow
    return msgspec.structs.replace(flow, port=via.port or PORTS.get(via.transport.lower(), 5060))


def top_via(message: Message) -> Via:
    """Return the topmost Via.  Raises ``SipError`` if there is none."""
    return parse_via(first(message, "Via") or "")


def cseq_of(message: Message) -> CSeq:
    """Return the CSeq.  Raises ``SipError`` if there is none."""
    return parse_cseq(first(message, "CSeq") or "")


def tag_of(message: Message, header: str) -> str:
    """Return the tag of From or To, empty if there is none."""
    return _tag(first(message, header) or "")


@lru_cache(KEPT)
def _tag(address: str) -> str:
    return (parse_name_addr(address).tag or "") if address else ""


@lru_cache(KEPT)
def _hop(via: str) -> str:
    """Return branch and sent-by of a Via, empty if the branch does not name a transaction."""
    hop = parse_via(via)
    return f"{hop.branch} {_sent_by(hop)}" if hop.identifies else ""


def _sent_by(via: Via) -> str:
    return f"{via.host.lower()}:{via.port or 5060}"


def _key_2543(request: Request, method: str, to_tag: str) -> str:
    via = top_via(request)
    parts = (
        request.uri,
        to_tag,
        tag_of(request, "From"),
        first(request, "Call-ID") or "",
        str(cseq_of(request).number),
        # Not the whole Via: what we stamped on it is not the client's, and may differ in a copy.
        f"{via.transport} {_sent_by(via)} {via.branch or ''}",
        method,
    )
    return PREFIX_2543 + "\n".join(parts)
