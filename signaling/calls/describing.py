"""What a call says of its media: our side of every offer and answer, in one place."""

from signaling.calls.call import Call
from signaling.calls.holding import SAID
from signaling.core import Core
from signaling.sdp.crypto import Keying
from signaling.sdp.offer_answer import Agreed, answer_offer, consider_offer, make_offer
from signaling.sending import listener_named

CODECS = ("PCMU", "PCMA")
"""What is offered and accepted where the owner did not choose."""


def our_offer(core: Core, call: Call, direction: str = "") -> bytes:
    """Offer what the call can do, on its stream's port (RFC 3264 5).

    Without a ``direction`` it says whether we hold; a peer that holds us may take us back in its
    answer.
    """
    return make_offer(
        call.negotiation,
        address=listener_named(core, call.listener).host,
        port=call.leg.port,
        codecs=call.out.codecs if call.out else CODECS,
        direction=direction or SAID[call.holding.local, False],
        session_id=core.entropy.number(62),
        keying=_keying(core, call),
        rtcp_mux=core.state.settings.media.rtcp_mux,
    )


def our_answer(core: Core, call: Call, offer: bytes) -> tuple[bytes, Agreed]:
    """Answer an offer (RFC 3264 6).  Raises NegotiationError, and nothing has changed."""
    return answer_offer(
        call.negotiation,
        offer,
        address=listener_named(core, call.listener).host,
        port=call.leg.port,
        codecs=call.out.codecs if call.out else CODECS,
        direction=SAID[call.holding.local, False],
        session_id=core.entropy.number(62),
        keying=_keying(core, call),
        rtcp_mux=core.state.settings.media.rtcp_mux,
    )


def considered(core: Core, call: Call, offer: bytes) -> Agreed:
    """Return what answering an offer would settle.  Raises NegotiationError."""
    return consider_offer(
        call.negotiation,
        offer,
        address=listener_named(core, call.listener).host,
        codecs=call.out.codecs if call.out else CODECS,
        keying=_keying(core, call),
        rtcp_mux=core.state.settings.media.rtcp_mux,
    )


def _keying(core: Core, call: Call) -> Keying:
    return Keying(call.srtp or core.state.settings.media.srtp, core.entropy.octets)
