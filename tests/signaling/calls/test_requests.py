"""Requests of ours within a dialog: challenged, answered, forgotten."""

from bus.calls import Ended, HangUp
from signaling.calls.call import Purpose
from signaling.calls.requests import pending
from signaling.sip.message import Request, first
from signaling.sip.verify import Nonces, challenge, new_nonce
from tests.harness.arena import CAROL, TO_CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Puppet
from tests.signaling.sdp.bodies import audio


def test_a_challenged_bye_is_sent_again_with_credentials(arena: Arena) -> None:
    nonces = Nonces(key="ab" * 32)

    def handler(puppet: Puppet, request: Request, path: Path) -> None:
        if request.method == "INVITE":
            puppet.answer(request, 200, body=audio("0", address=CAROL))
        elif request.method == "BYE" and first(request, "Authorization") is None:
            nonce = new_nonce(nonces, 1.0, "00")
            header = challenge(
                "WWW-Authenticate", realm="r", nonce=nonce, algorithm="SHA-256", stale=False
            )
            puppet.answer(request, 401, headers=[header])
        elif request.method == "BYE":
            puppet.answer(request, 200)

    carol = arena.puppet("carol", CAROL, handler)
    call = arena.alice.dial(TO_CAROL, user="alice", password="wonder")
    arena.network.run(until=lambda: bool(carol.of("ACK")), seconds=5.0)
    arena.alice.ask(HangUp(call=call))
    assert pending(arena.alice.state.calls[call], Purpose.BYE)
    arena.network.run(until=lambda: len(carol.of("BYE")) == 2, seconds=5.0)
    arena.network.run(seconds=1.0)
    assert [first(bye, "CSeq") for bye in carol.of("BYE")] == ["2 BYE", "3 BYE"]
    assert len(arena.alice.heard(Ended)) == 1
    assert arena.alice.state.calls == {}
    assert arena.alice.state.by_transaction == {}
