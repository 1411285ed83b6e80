"""Hold and resume (RFC 3264 8.4): music first, then the peer is asked, then it is so.

A refusal rolls both back.  Held twice is other music; resumed without a hold is done at once.
"""

from collections.abc import Callable

from bus.calls import Ok
from bus.errors import PeerRefusedError, RefusedError, WrongStateError
from bus.sources import AnySource
from bus.streams import HoldStream, ResumeStream
from signaling.calls.call import Call, Waiting
from signaling.calls.holding import ASKED, TABLE, Act, Cue, Stage, Wish
from signaling.calls.offering import OFFERED, offer
from signaling.calls.verdicts import Happening
from signaling.core import Core

HELD: dict[str, Callable[[Core, Call, str], None]] = {}
"""Machines that hold or resume for themselves: told "" when it is done, else why it is not."""

OVERTAKEN = "another hold or resume came after it"


def hold(
    core: Core,
    call: Call,
    music: AnySource,
    *,
    waiting: Waiting | None = None,
    note: str = "",
) -> None:
    """Hold the peer, who hears ``music``; held already, it hears that from now on."""
    _wish(core, call, Wish(local=True, music=music, waiting=waiting, note=note))


def resume(core: Core, call: Call, *, waiting: Waiting | None = None, note: str = "") -> None:
    """Take the peer back."""
    _wish(core, call, Wish(local=False, waiting=waiting, note=note))


def music_plays(core: Core, call: Call) -> None:
    """Note that the worker plays the music."""
    _step(core, call, Cue.PLAYING)


def music_refused(core: Core, call: Call, why: RefusedError) -> None:
    """Note that the worker cannot play the music."""
    _step(core, call, Cue.NOT_PLAYING, why)


def _offered(core: Core, call: Call, happening: Happening) -> None:
    if 200 <= happening.status < 300:
        _step(core, call, Cue.AGREED)
    else:
        why = PeerRefusedError(f"{happening.status} {happening.reason}".rstrip())
        _step(core, call, Cue.REFUSED, why)


OFFERED["hold"] = _offered


def _wish(core: Core, call: Call, wish: Wish) -> None:
    call.holding.wishes.append(wish)
    _next(core, call)


def _next(core: Core, call: Call) -> None:
    """Take up the next wish, unless the owner has changed its mind since."""
    holding = call.holding
    while holding.wish is None and holding.wishes:
        wish = holding.wishes.pop(0)
        if wish.local != (holding.wishes or [wish])[-1].local:
            _reply(core, call, wish, WrongStateError(OVERTAKEN))
            continue
        holding.wish = wish
        _step(core, call, ASKED[wish.local, holding.local])


def _step(core: Core, call: Call, cue: Cue, why: RefusedError | None = None) -> None:
    holding = call.holding
    cell = TABLE[holding.stage].get(cue)
    if cell is None or holding.wish is None:
        return
    wish = holding.wish
    holding.stage, acts = cell
    for act in acts:
        DO[act](core, call, wish, why)
    if holding.stage is Stage.IDLE:
        _next(core, call)


# ---------------------------------------------------------------------------------- the acts


def _start_music(core: Core, call: Call, wish: Wish, why: RefusedError | None) -> None:
    core.ask_leg(call, HoldStream(stream=call.leg.stream, source=wish.music))


def _stop_music(core: Core, call: Call, wish: Wish, why: RefusedError | None) -> None:
    if not call.holding.local:
        core.ask_leg(call, ResumeStream(stream=call.leg.stream))


def _offer(core: Core, call: Call, wish: Wish, why: RefusedError | None) -> None:
    offer(core, call, "hold")


def _settle(core: Core, call: Call, wish: Wish, why: RefusedError | None) -> None:
    call.holding.local = wish.local
    _stop_music(core, call, wish, why)


def _over(core: Core, call: Call, wish: Wish, why: RefusedError | None) -> None:
    call.holding.wish = None
    _reply(core, call, wish, why)


DO: dict[Act, Callable[[Core, Call, Wish, RefusedError | None], None]] = {
    Act.START_MUSIC: _start_music,
    Act.STOP_MUSIC: _stop_music,
    Act.OFFER: _offer,
    Act.SETTLE: _settle,
    Act.GRANT: _over,
    Act.REFUSE: _over,
}


def _reply(core: Core, call: Call, wish: Wish, why: RefusedError | None) -> None:
    core.reply(wish.waiting, why or Ok())
    if wish.note:
        HELD[wish.note](core, call, why.reason if why else "")
