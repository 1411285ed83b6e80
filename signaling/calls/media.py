"""What a call's media have become: the stream follows, and the owner is told."""

from bus.calls import MediaChanged
from bus.errors import WrongStateError
from bus.holding import HoldChanged
from signaling.calls.call import Call
from signaling.calls.leg import aim_leg
from signaling.core import Core
from signaling.sdp.offer_answer import Agreed


def change_media(core: Core, call: Call, agreed: Agreed) -> None:
    """Let the stream follow what was agreed, and tell the owner what is new."""
    before, call.agreed = call.agreed, agreed
    if before != agreed:
        aim_leg(core, call)
        remote = f"{agreed.remote.address}:{agreed.remote.port}"
        changed = MediaChanged(
            call=call.id,
            direction=agreed.direction,
            remote_media=remote,
            srtp=call.suite,
            codec=call.codec,
            rate=call.rate,
        )
        core.tell(call, changed)
    tell_hold(core, call)


def tell_hold(core: Core, call: Call) -> None:
    """Tell the owner who holds whom, if that is new."""
    now = call.holding.local, call.remote_hold
    if now != call.holding.told:
        call.holding.told = now
        core.tell(call, HoldChanged(call=call.id, local=now[0], remote=now[1]))


def forgo_holds(core: Core, call: Call) -> None:
    """Refuse what was asked for of a call that has ended."""
    holding = call.holding
    for wish in (holding.wish, *holding.wishes):
        if wish is not None:
            core.reply(wish.waiting, WrongStateError(f"call {call.id} has ended"))
    holding.wish, holding.wishes = None, []
