"""What a call says of its media: our side of every offer and answer, in one place."""

from functools import lru_cache

from bus.ids import WorkerId
from signaling.calls.call import Call
from signaling.calls.holding import SAID
from signaling.core import Core
from signaling.sdp.codecs import known, named
from signaling.sdp.crypto import Keying
from signaling.sdp.offer_answer import Agreed, answer_offer, consider_offer, make_offer
from signaling.sending import listener_named

NOBODY = WorkerId("")


def our_offer(core: Core, call: Call, direction: str = "") -> bytes:
    """Offer what the call can do, on its stream's port (RFC 3264 5).

    Without a ``direction`` it says whether we hold; a peer that holds us may take us back in its
    answer.
    """
    return make_offer(
        call.negotiation,
        address=listener_named(core, call.listener).host,
        port=call.leg.port,
        codecs=usable_codecs(core, call.codecs, call.leg.worker),
        direction=direction or SAID[call.holding.local, False],
        session_id=core.entropy.number(62),
        keying=_keying(core, call),
        rtcp_mux=core.state.settings.media.rtcp_mux,
        noise=core.state.settings.media.dtx,
    )


def our_answer(core: Core, call: Call, offer: bytes) -> tuple[bytes, Agreed]:
    """Answer an offer (RFC 3264 6).  Raises NegotiationError, and nothing has changed."""
    return answer_offer(
        call.negotiation,
        offer,
        address=listener_named(core, call.listener).host,
        port=call.leg.port,
        codecs=usable_codecs(core, call.codecs, call.leg.worker),
        direction=SAID[call.holding.local, False],
        session_id=core.entropy.number(62),
        keying=_keying(core, call),
        rtcp_mux=core.state.settings.media.rtcp_mux,
        noise=core.state.settings.media.dtx,
    )


def considered(core: Core, call: Call, offer: bytes) -> Agreed:
    """Return what answering an offer would settle.  Raises NegotiationError."""
    return consider_offer(
        call.negotiation,
        offer,
        address=listener_named(core, call.listener).host,
        codecs=usable_codecs(core, call.codecs, call.leg.worker),
        keying=_keying(core, call),
        rtcp_mux=core.state.settings.media.rtcp_mux,
        noise=core.state.settings.media.dtx,
    )


def usable_codecs(
    core: Core, wanted: tuple[str, ...], worker: WorkerId = NOBODY
) -> tuple[str, ...]:
    """Return those of the wanted codecs (none: the setting's) that the worker can code.

    Before there is a worker: that all of them can.  Nothing is left out for want of workers.
    """
    names = wanted or core.state.settings.media.codecs
    seat = core.state.workers.seats.get(worker)
    seats = [seat] if seat else core.state.workers.seats.values()
    return _common(names, tuple(dict.fromkeys(seat.hello.codecs for seat in seats)))


@lru_cache(64)
def _common(names: tuple[str, ...], coded: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    sets = [set(known(each)) for each in coded]
    return tuple(name for name in names if all(named(name) in each for each in sets))


def _keying(core: Core, call: Call) -> Keying:
    return Keying(call.srtp or core.state.settings.media.srtp, core.entropy.octets)
