"""Carol, a peer worked by hand, and her call to Bob."""

from collections.abc import Sequence

from bus.calls import Answered
from signaling.sip.message import Header, Request, Response, first
from signaling.sip.render import respond
from tests.harness.arena import BOB, CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Caller, Puppet
from tests.signaling.sdp.bodies import audio

MEDIA = audio("0 101", address=CAROL, version=1, port=49170)
MOVED = audio("0 101", address=CAROL, version=2, port=49180)
CONTACT = ("Contact", f"<sip:carol@{CAROL}:5060>")


def caller(arena: Arena) -> Caller:
    """Put Carol on the network; she grants every BYE."""
    return Caller(arena.puppet("carol", CAROL, _grant), BOB)


def connected(arena: Arena, *, contact: str = "") -> Caller:
    """Let her call Bob, who answers at once."""
    carol = caller(arena)
    arena.bob_answers(ring=None, after=0.1)
    invite = carol.request("INVITE", body=MEDIA)
    if contact:
        invite.headers[:] = [(n, contact if n == "Contact" else v) for n, v in invite.headers]
    carol.send(invite)
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    carol.learn(heard(carol, 1)[-1])
    carol.acknowledge(1)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    return carol


def heard(carol: Caller, number: int, method: str = "INVITE") -> list[Response]:
    """Return the final responses to one of her requests."""
    cseq = f"{number} {method}"
    found = [r for r in carol.puppet.responses if first(r, "CSeq") == cseq]
    mine = [response for response in found if first(response, "Call-ID") == carol.call_id]
    return [response for response in mine if response.status >= 200]


def answering(
    arena: Arena,
    status: int,
    *,
    headers: Sequence[Header] = (CONTACT,),
    body: bytes = b"",
) -> Puppet:
    """Put Carol on the network as one who answers every INVITE in the same way."""

    def handler(puppet: Puppet, request: Request, path: Path) -> None:
        if request.method == "INVITE":
            kind = "application/sdp" if body else ""
            response = respond(
                request, status, to_tag="hers", headers=headers, body=body, content_type=kind
            )
            puppet.send(response, path.remote)
        _grant(puppet, request, path)

    return arena.puppet("carol", CAROL, handler)


def _grant(puppet: Puppet, request: Request, path: Path) -> None:
    if request.method in ("BYE", "CANCEL"):
        puppet.answer(request, 200)
