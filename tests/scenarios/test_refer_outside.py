"""REFER out of any dialog: somebody who has no call with us asks for one (RFC 3515)."""

import pytest

from bus.calls import Answered, IncomingCall, Outcome, Unsubscribe
from bus.errors import ForbiddenError, NotFoundError
from bus.transfers import AcceptTransfer, DeclineTransfer, TransferAsked
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Header, Request, Response, first
from tests.harness.arena import BOB, Arena
from tests.harness.network import GilbertElliott, Path
from tests.harness.puppet import Caller, Puppet
from tests.scenarios.transferring import DAVE, TO_ALICE, accepts, answers, refuses


class Stranger(Caller):
    """Dave, worked by hand: has no call with Bob."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.notify_status = 200
        super().__init__(arena.puppet("dave", DAVE, self._grant), BOB, call_id="stranger")

    def refer(self, *headers: Header, to: str = f"<{TO_ALICE}>") -> Response:
        """Send a REFER; return its final response."""
        self.send(self.request("REFER", headers=[("Refer-To", to), *headers]))
        number = f"{self.number} REFER"

        def finals() -> list[Response]:
            found = [r for r in self.puppet.responses if first(r, "CSeq") == number]
            return [r for r in found if r.status >= 200]

        self.arena.network.run(until=lambda: bool(finals()))
        return finals()[0]

    def bodies(self) -> list[bytes]:
        """Return what was notified, copies left out."""
        return list({first(n, "CSeq"): n.body for n in self.puppet.of("NOTIFY")}.values())

    def _grant(self, puppet: Puppet, request: Request, path: Path) -> None:
        if request.method == "NOTIFY":
            puppet.answer(request, self.notify_status)


def test_the_first_subscriber_is_asked(arena: Arena) -> None:
    dave = Stranger(arena)
    answers(arena.alice)
    accepts(arena.bob)
    response = dave.refer(("Referred-By", "<sip:boss@example.com>"))
    assert response.status == 202
    (event,) = arena.bob.heard(TransferAsked)
    assert (event.call, event.uri) == ("", TO_ALICE)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    arena.network.run(seconds=1.0)
    assert dave.bodies() == [b"SIP/2.0 100 Trying\r\n", b"SIP/2.0 200 OK\r\n"]
    tag = parse_name_addr(first(response, "To") or "").tag
    for notify in dave.puppet.of("NOTIFY"):
        assert first(notify, "Call-ID") == "stranger"
        assert parse_name_addr(first(notify, "From") or "").tag == tag
        assert parse_name_addr(first(notify, "To") or "").tag == "theirs"
        assert first(notify, "Event") == "refer"
        assert first(notify, "Contact")
    (invite,) = arena.alice.requests("INVITE")
    assert first(invite, "Referred-By") == "<sip:boss@example.com>"
    assert not arena.bob.heard(IncomingCall)
    arena.network.run(seconds=6.0)
    assert len(arena.bob.state.live_calls()) == 1
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)
    assert arena.bob.ended().outcome is Outcome.COMPLETED


def test_it_fails(arena: Arena) -> None:
    dave = Stranger(arena)
    arena.puppet("erin", "192.0.2.5", refuses(404))
    accepts(arena.bob)
    assert dave.refer(to="<sip:erin@192.0.2.5>").status == 202
    arena.network.run(seconds=1.0)
    assert dave.bodies()[-1] == b"SIP/2.0 404 Not Found\r\n"


def test_declined(arena: Arena) -> None:
    dave = Stranger(arena)
    arena.bob.react(
        TransferAsked, lambda event: arena.bob.send(DeclineTransfer(transfer=event.transfer))
    )
    assert dave.refer().status == 603
    assert not dave.bodies()


def test_nobody_wants_to_be_asked(arena: Arena) -> None:
    dave = Stranger(arena)
    arena.bob.ask(Unsubscribe())
    assert dave.refer().status == 603
    assert not arena.bob.heard(TransferAsked)


def test_nobody_decides(arena: Arena) -> None:
    dave = Stranger(arena)
    assert dave.refer().status == 480


def test_without_a_contact_there_is_nobody_to_notify(arena: Arena) -> None:
    dave = Stranger(arena)
    refer = dave.request("REFER", headers=[("Refer-To", f"<{TO_ALICE}>")])
    refer.headers[:] = [header for header in refer.headers if header[0] != "Contact"]
    dave.send(refer)
    arena.network.run(seconds=1.0)
    assert dave.puppet.responses[-1].status == 400


def test_another_domain_needs_a_word(arena: Arena) -> None:
    dave = Stranger(arena)
    arena.puppet("erin", "192.0.2.5", refuses(486))
    dave.send(dave.request("REFER", headers=[("Refer-To", "<sip:erin@192.0.2.5>")]))
    arena.network.run(until=lambda: bool(arena.bob.heard(TransferAsked)))
    (event,) = arena.bob.heard(TransferAsked)
    with pytest.raises(ForbiddenError):
        arena.bob.ask(AcceptTransfer(transfer=event.transfer))
    with pytest.raises(NotFoundError):
        arena.bob.ask(AcceptTransfer(transfer="another", any_domain=True))
    arena.bob.ask(DeclineTransfer(transfer=event.transfer, status=403))
    arena.network.run(seconds=1.0)
    assert dave.puppet.responses[-1].status == 403


def test_a_target_dialog_of_no_call_says_nothing(arena: Arena) -> None:
    """Whoever guesses one gets no further than any stranger (RFC 4538)."""
    dave = Stranger(arena)
    accepts(arena.bob)
    answers(arena.alice)
    guess = ("Target-Dialog", "guessed;local-tag=a;remote-tag=b")
    assert dave.refer(guess).status == 202
    assert arena.bob.heard(TransferAsked)[0].call == ""
    arena.network.run(seconds=1.0)
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def test_who_asked_is_gone(arena: Arena) -> None:
    """A NOTIFY that is refused ends the subscription, not the call."""
    dave = Stranger(arena)
    dave.notify_status = 481
    answers(arena.alice, after=2.0)
    accepts(arena.bob)
    assert dave.refer().status == 202
    arena.network.run(seconds=4.0)
    assert dave.bodies() == [b"SIP/2.0 100 Trying\r\n"]
    assert len(arena.bob.state.live_calls()) == 1
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def test_who_asked_never_answers_a_notify(arena: Arena) -> None:
    dave = Stranger(arena)
    answers(arena.alice)
    accepts(arena.bob)
    dave.refer()
    arena.link("dave", "bob").down = True
    arena.network.run(seconds=40.0)
    assert len(arena.bob.state.live_calls()) == 1
    arena.bob.hang_up_all()


def test_through_a_proxy(arena: Arena) -> None:
    """NOTIFYs go back along the Record-Route."""
    dave = Stranger(arena)
    accepts(arena.bob)
    answers(arena.alice)
    dave.refer(("Record-Route", f"<sip:{DAVE};lr>"))
    arena.network.run(seconds=1.0)
    assert {first(n, "Route") for n in dave.puppet.of("NOTIFY")} == {f"<sip:{DAVE};lr>"}
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


@pytest.mark.parametrize("seed", range(4))
def test_over_lines_that_lose_and_reorder(arena: Arena, seed: int) -> None:
    dave = Stranger(arena)
    arena.network.chance.seed(seed)
    for pair in (("bob", "dave"), ("dave", "bob"), ("bob", "alice"), ("alice", "bob")):
        link = arena.link(*pair)
        link.jitter, link.duplicate, link.reorder = 0.3, 0.2, 0.2
        link.loss = GilbertElliott(0.1, 0.4)
    answers(arena.alice)
    accepts(arena.bob)
    refer = dave.request("REFER", headers=[("Refer-To", f"<{TO_ALICE}>")])
    for copy in range(7):
        dave.puppet.later(0.5 * 2**copy, lambda: dave.send(refer))
    arena.network.run(seconds=60.0)
    assert len(arena.bob.heard(TransferAsked)) <= 1
    states = {first(n, "CSeq"): first(n, "Subscription-State") for n in dave.puppet.of("NOTIFY")}
    assert sum((state or "").startswith("terminated") for state in states.values()) <= 1
    arena.bob.hang_up_all()
    arena.network.run(seconds=60.0)
