"""NOTIFYs out: one at a time, the latest next, and nothing after the last."""

from bus.calls import HangUp, IncomingCall, Ring
from bus.transfers import TransferAsked
from signaling.sip.message import Request
from tests.harness.arena import Arena
from tests.harness.network import Path
from tests.harness.puppet import Puppet
from tests.scenarios.transferring import Transferor, accepts, statuses


def test_what_happens_meanwhile_waits_and_only_the_latest_is_told(arena: Arena) -> None:
    dave = Transferor(arena)
    accepts(arena.bob)

    def rings(event: IncomingCall) -> None:
        for status in (180, 182, 183):
            arena.alice.send(Ring(call=event.call, status=status))

    arena.alice.react(IncomingCall, rings)
    dave.puppet.handler = _deaf
    dave.refer()
    arena.network.run(seconds=0.4)
    assert statuses(dave.notified()) == ["active 100"]
    dave.puppet.handler = _grants
    arena.network.run(seconds=2.0)
    assert statuses(dave.notified()) == ["active 100", "active 183"]
    new = next(call.id for call in arena.bob.state.calls.values() if call.out)
    arena.bob.ask(HangUp(call=new))
    arena.network.run(seconds=2.0)
    assert statuses(dave.notified())[2:] == ["terminated;reason=noresource 487"]
    assert len(arena.bob.heard(TransferAsked)) == 1
    dave.bye()


def test_the_subscription_says_how_long_it_lasts(arena: Arena) -> None:
    dave = Transferor(arena)
    accepts(arena.bob)
    dave.refer()
    arena.network.run(seconds=1.0)
    state = dict(dave.puppet.of("NOTIFY")[0].headers)["Subscription-State"]
    assert state == "active;expires=120"
    arena.bob.hang_up_all()
    arena.network.run(seconds=2.0)


def _deaf(puppet: Puppet, request: Request, path: Path) -> None:
    pass


def _grants(puppet: Puppet, request: Request, path: Path) -> None:
    if request.method in ("NOTIFY", "BYE"):
        puppet.answer(request, 200)
