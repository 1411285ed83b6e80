"""What the transaction layer asks and reports."""

from typing import Literal

import msgspec

from signaling.sip.flow import Flow
from signaling.sip.message import Request, Response


class Transmit(msgspec.Struct, frozen=True):
    """Send these bytes."""

    flow: Flow
    datagram: bytes


class NewRequest(msgspec.Struct, frozen=True):
    """A request that no transaction knew; answer it with ``respond(key, ...)``.

    A CANCEL comes here when there is nothing to cancel (481).
    """

    key: str
    request: Request
    flow: Flow


class AckReceived(msgspec.Struct, frozen=True):
    """An ACK for a 2xx, or for nothing we know of."""

    request: Request
    flow: Flow


class CancelReceived(msgspec.Struct, frozen=True):
    """A CANCEL for an INVITE that came earlier; both are still to be answered."""

    key: str
    """Of the CANCEL's own transaction."""
    invite_key: str
    request: Request


class ResponseReceived(msgspec.Struct, frozen=True):
    """A response to a request of ours; a 2xx to an INVITE each time it comes."""

    key: str
    response: Response


class StrayResponse(msgspec.Struct, frozen=True):
    """A response to nothing we sent, or to something long over."""

    response: Response


class ClientFailed(msgspec.Struct, frozen=True):
    """A request of ours got no final response; its transaction is over."""

    key: str
    why: Literal["timeout", "transport"]
    reason: str = ""
    """What the transport said."""


class AckMissing(msgspec.Struct, frozen=True):
    """Our 2xx was repeated for 64*T1 without an ACK; it is not sent any more."""

    key: str


Out = (
    Transmit
    | NewRequest
    | AckReceived
    | CancelReceived
    | ResponseReceived
    | StrayResponse
    | ClientFailed
    | AckMissing
)
