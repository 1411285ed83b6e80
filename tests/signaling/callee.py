"""Carol as the one whom Alice calls: what she says to requests in the dialog is a script."""

from collections.abc import Sequence
from dataclasses import dataclass

from bus.ids import CallId
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Header, Request, first
from tests.harness.arena import ALICE, CAROL, TO_CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Puppet
from tests.signaling.sdp.bodies import audio

MEDIA = audio("0 101", address=CAROL)


def media(*attributes: str, version: int = 2) -> bytes:
    """Describe her audio."""
    return audio("0 101", *attributes, address=CAROL, version=version)


@dataclass
class Says:
    """What she answers; a 200 to an offer has ``body``, the direction is in it."""

    status: int = 200
    body: bytes = b""
    headers: Sequence[Header] = ()
    after: float = 0.0
    """Seconds."""


class Callee:
    """Alice calls her, and the call is up."""

    def __init__(
        self,
        arena: Arena,
        *script: Says | None,
        headers: Sequence[Header] = (),
        first_answers: Sequence[Says] = (),
        **dial: object,
    ) -> None:
        self.arena = arena
        self.script: list[Says | None] = list(script)
        """For the requests in the dialog, one each; None: say nothing.  BYE always gets 200."""
        self.asked: list[Request] = []
        """Requests in the dialog but ACK, CANCEL and BYE, without copies."""
        self.number = 0
        self._invites = [*first_answers, Says(200, MEDIA, headers)]
        self._said: dict[str, Says | None] = {}
        self.puppet = arena.puppet("carol", CAROL, self._take)
        self.call: CallId = arena.alice.dial(TO_CAROL, **dial)
        arena.network.run(until=lambda: arena.alice_is_up(self.call))
        arena.network.run(seconds=0.1)
        self.invite = next(request for request in self.puppet.of("INVITE"))

    def request(
        self, method: str, *, body: bytes = b"", headers: Sequence[Header] = (), number: int = 0
    ) -> Request:
        """Send a request of hers in the dialog."""
        self.number = number or self.number + 1
        contact = parse_name_addr(first(self.invite, "Contact") or "").uri
        content: list[Header] = [("Content-Type", "application/sdp")] if body else []
        branch = f"z9hG4bK-hers-{method}-{self.number}"
        request = Request(
            method=method,
            uri=contact,
            headers=[
                ("Via", f"SIP/2.0/UDP {CAROL}:5060;branch={branch}"),
                ("Max-Forwards", "70"),
                ("From", f"{first(self.invite, 'To')};tag=puppet"),
                ("To", first(self.invite, "From") or ""),
                ("Call-ID", first(self.invite, "Call-ID") or ""),
                ("CSeq", f"{self.number} {method}"),
                ("Contact", f"<sip:carol@{CAROL}:5060>"),
                *headers,
                *content,
            ],
            body=body,
        )
        self.puppet.send(request, f"udp:{ALICE}:5060")
        return request

    def statuses(self, number: int, method: str) -> list[int]:
        """Return the final responses that one of her requests got."""
        cseq = f"{number} {method}"
        found = [r for r in self.puppet.responses if first(r, "CSeq") == cseq]
        return [response.status for response in found if response.status >= 200]

    def acks(self, number: int) -> list[Request]:
        """Return the ACKs of one of Alice's INVITEs."""
        acks = self.puppet.of("ACK")
        return [ack for ack in acks if first(ack, "CSeq") == f"{number} ACK"]

    def _take(self, puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "ACK":
            return
        if request.method in ("BYE", "CANCEL"):
            puppet.answer(request, 200)
            return
        key = first(request, "Via") or ""
        if key not in self._said:
            self._said[key] = self._next(request)
        says = self._said[key]
        if says is not None:
            puppet.later(
                says.after,
                lambda: puppet.answer(request, says.status, headers=says.headers, body=says.body),
            )

    def _next(self, request: Request) -> Says | None:
        if "tag=" not in (first(request, "To") or ""):
            return self._invites.pop(0)
        self.asked.append(request)
        return self.script.pop(0)
