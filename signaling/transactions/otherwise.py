"""A second way for a request whose first transport failed before anybody answered.

A long request that could not go over TCP goes over UDP after all (RFC 3261 18.1.1); one that was
written to a connection which then broke goes once more, over a new one.  The transaction stays.
"""

import msgspec

from signaling.sip.flow import Flow
from signaling.sip.message import Request
from signaling.transactions.hop import ack_template
from signaling.transactions.machine import Machine


class Otherwise(msgspec.Struct, frozen=True):
    """The same request, with the Via of another transport."""

    flow: Flow
    datagram: bytes
    ack: Request | None
    """Of an INVITE: the template of its ACK."""


def keep_way(request: Request, flow: Flow, datagram: bytes) -> Otherwise:
    """Keep a request, with its Via as it is now and as it was rendered, for a second flow."""
    ack = ack_template(request) if request.method == "INVITE" else None
    return Otherwise(flow, datagram, ack)


class Sender(Machine, kw_only=True):
    """A client transaction."""

    ack: Request | None = None
    """Of an INVITE: the ACK of a failure but for its To, which is the response's (17.1.1.3)."""
    otherwise: Otherwise | None = None
    reopened: bool = False
    """It went over a second connection already."""

    def turn(self, failed: Flow) -> bool:
        """Take the second way, if there is one and nobody has answered yet."""
        if self.state is not self.start.state:
            return False
        if (way := self.otherwise) is not None:
            self.flow, self.datagram, self.ack = way.flow, way.datagram, way.ack
            self.otherwise = None
            return True
        if failed.connection and not self.reopened:
            self.flow = msgspec.structs.replace(self.flow, connection="")
            self.reopened = True
            return True
        return False
