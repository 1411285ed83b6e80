"""Whatever one message of a peer says, the core works it: header fields and bodies with anything.

What three engines heard in a call through a registrar with hold and transfer is heard once more,
each message in a few strange forms, by a copy of the core as it was then.
"""

import random
from collections.abc import Iterator

import msgspec
import pytest

from bus.calls import Answered
from bus.holding import Hold
from bus.registrations import Register
from bus.settings import AuthSettings, RegistrarSettings, Settings
from bus.transfers import Transfer, TransferEnded
from signaling.agent import Agent
from signaling.effects import Received, Woken
from tests.harness.arena import CAROL, TO_CAROL, Arena
from tests.harness.recording import Recording, decode_state
from tests.scenarios.transferring import accepts, answers

FORMS = 30
"""Of each message."""

STRANGE = (
    *("", "x", "*", "<", ";", '"', "0", "-1", "nan", "9" * 5000, "1 INVITE", "é", "٣", "a b"),
    *("<sip:x@h", "<tel:+1>", "<http://x/>", "<urn:a:b>", "<sip:%0d%0a@h>", "<sips:b@h;lr>;q=nan"),
    *('x;to-tag=1;from-tag="', 'refer;id="', 'active;expires="', "active;expires=" + "9" * 5000),
    *("<sip:x@h?Replaces=%3b>", "<sip:x@h?X-%20a=1>", "<sip:x@h;method=BYE>", "1;refresher=uas"),
    *('Digest realm="', 'Digest realm="é", nonce="é", response="é"', "100rel", "timer"),
    "SIP/2.0/UDP h:5060;branch=z9hG4bKfw;flow=x;rport=99999;received=x_y",
    "multipart/mixed;boundary=",
    "message/sipfrag",
)
NAMES = (
    *("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Record-Route", "Route", "Refer-To"),
    *("Referred-By", "Replaces", "Target-Dialog", "RAck", "RSeq", "Require", "Supported", "Event"),
    *("Session-Expires", "Min-SE", "Subscription-State", "Content-Type", "Content-Disposition"),
    *("Retry-After", "WWW-Authenticate", "Authorization", "Proxy-Authorization", "Expires"),
    *("Min-Expires", "Max-Forwards", "Refer-Sub", "Proxy-Require"),
)
POINTED = (
    ("Via", "SIP/2.0/UDP h:5060;branch=z9hG4bKfw;flow=x"),
    ("Via", "SIP/2.0/UDP h:5060;rport=99999;received=x_y;branch=z9hG4bK1"),
    ("Subscription-State", f"active;expires={'9' * 5000}"),
    ("Event", 'refer;id="'),
    ("Refer-To", "<sip:x@h?X-%20a=1&Replaces=%3b>"),
    ("Replaces", 'x;to-tag=1;from-tag="'),
    ("Target-Dialog", 'x;local-tag="'),
    ("Min-Expires", "9" * 5000),
    ("Session-Expires", '9;refresher="'),
    ("RSeq", "9" * 5000),
    ("Contact", "<sip:%00@[::1]>;q=nan;expires=x"),
    ("Record-Route", "<urn:x:y>"),
)
"""What was once mistaken, or nearly."""
BODIES = (b"", b"x", b"v=0\r\n", b"SIP/2.0 999 x\r\n", b"SIP/2.0 200 \xff", b"Signal=")


def strange(datagram: bytes, draw: random.Random) -> bytes:
    """Change a message a little."""
    head, _, body = datagram.partition(b"\r\n\r\n")
    lines = [line for line in head.decode().split("\r\n") if not line.startswith("Content-Length")]
    place = draw.randrange(1, len(lines))
    match draw.randrange(5):
        case 0:
            lines[place] = f"{lines[place].partition(':')[0]}: {draw.choice(STRANGE)}"
        case 1:
            lines.insert(place, f"{draw.choice(NAMES)}: {draw.choice(STRANGE)}")
        case 2:
            del lines[place]
        case 3:
            name, value = draw.choice(POINTED)
            kept = [line for line in lines if name == "Via" or not line.startswith(f"{name}:")]
            lines = [kept[0], f"{name}: {value}", *kept[1:]]
        case _:
            body = draw.choice((*BODIES, body[: len(body) // 2]))
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def forms(recording: Recording, draw: random.Random) -> Iterator[tuple[bytes, Received, float]]:
    """Yield the core before each message that it heard, and that message in strange forms."""
    agent = Agent(decode_state(recording.state))
    for fed in recording.fed:
        if isinstance(fed.given, Received):
            state = msgspec.msgpack.encode(agent.state)
            for _ in range(FORMS):
                given = Received(fed.given.flow, strange(fed.given.datagram, draw))
                yield state, given, fed.now
        agent.feed(fed.given, fed.now, fed.entropy)


def heard_by_three(arena: Arena) -> list[Recording]:
    """Let Bob register, call, hold and transfer through Alice and Carol; return what each heard."""
    settings = Settings(
        auth=AuthSettings(accounts=("bob:secret",)), registrar=RegistrarSettings(enabled=True)
    )
    carol = arena.station("carol", CAROL, settings=settings)
    arena.bob.ask(Register(aor=f"sip:bob@{CAROL}", password="secret"))
    arena.network.run(seconds=1.0)
    answers(arena.bob)
    answers(carol)
    accepts(arena.bob)
    call = arena.alice.dial(f"sip:bob@{CAROL}")
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)), seconds=9.0)
    arena.alice.send(Hold(call=call))
    arena.network.run(seconds=1.0)
    arena.alice.send(Transfer(call=call, uri=TO_CAROL))
    arena.network.run(until=lambda: bool(arena.alice.heard(TransferEnded)), seconds=9.0)
    for station in (arena.alice, arena.bob, carol):
        station.hang_up_all()
    arena.network.run(seconds=5.0)
    return [station.recording for station in (arena.alice, arena.bob, carol)]


@pytest.mark.parametrize("seed", range(2))
def test_no_message_is_too_much(seed: int) -> None:
    draw, worked = random.Random(seed), 0
    with Arena(seed) as arena:
        for recording in heard_by_three(arena):
            for state, given, now in forms(recording, draw):
                agent = Agent(decode_state(state))
                agent.feed(given, now, bytes(32))
                for _ in range(3):
                    agent.feed(Woken(), max(agent.deadline() or now, now), bytes(32))
                worked += 1
    assert worked > 200, f"only {worked} messages"
