"""Transfers (RFC 5589) on the wire of the bus: ours, those that peers ask of us, and Replaces."""

from bus.body import Body
from bus.ids import CallId
from bus.sources import AnySource, Silence


class Transfer(Body, tag="transfer", frozen=True):
    """Send the peer of a call to a URI (blind) or to the peer of another call (attended).

    Reply: ``Ok`` when it has begun; then ``TransferProgress`` as the peer tells, and exactly one
    ``TransferEnded``.  The peer is held first, and taken back if the transfer fails.
    """

    call: CallId
    uri: str = ""
    other: CallId = CallId("")
    """Attended: the call whose peer it is to talk to.  Exactly one of ``uri`` and ``other``."""
    timeout: float = 30.0
    """Seconds until it is given up."""
    headers: tuple[tuple[str, str], ...] = ()
    """For the REFER."""
    hold: bool = True
    """Hold the peer before it is asked."""
    music: AnySource | None = None
    """What it hears meanwhile; None: the built-in music."""


class CancelTransfer(Body, tag="cancel_transfer", frozen=True):
    """Wait no longer; the peer is taken back.  Reply: ``Ok``; then ``TransferEnded``."""

    call: CallId


class AcceptTransfer(Body, tag="accept_transfer", frozen=True):
    """Do what ``TransferAsked`` asked: dial.  Reply: ``Dialled``, the new call, owned by us."""

    transfer: str
    uri: str = ""
    """Dial this instead."""
    any_domain: bool = False
    """Follow it also to another domain than the one that asked (else refused: ``forbidden``)."""
    play: AnySource = Silence()
    record: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    ring_timeout: float = 60.0
    user: str = ""
    password: str = ""


class DeclineTransfer(Body, tag="decline_transfer", frozen=True):
    """Refuse what ``TransferAsked`` asked.  Reply: ``Ok``."""

    transfer: str
    status: int = 603
    reason: str = ""


class TransferProgress(Body, tag="transfer_progress", frozen=True):
    """What the peer tells of the call it places for us (status line of a NOTIFY's sipfrag)."""

    call: CallId
    status: int
    reason: str


class TransferEnded(Body, tag="transfer_ended", frozen=True):
    """The last event of a transfer of ours."""

    call: CallId
    ok: bool
    """The peer reached the target; our call ends with it."""
    status: int = 0
    """Final SIP status of the target, or of the REFER; 0: none came."""
    reason: str = ""


class TransferAsked(Body, tag="transfer_asked", frozen=True):
    """A peer asks us to call somebody: accept or decline it (REFER, RFC 3515)."""

    transfer: str
    """Its name."""
    call: CallId
    """In whose dialog; empty: out of any dialog."""
    uri: str
    """Whom to call, without the URI's header fields."""
    referred_by: str = ""
    replaces: bool = False
    """Attended: the new call takes the place of one that the target has."""
    headers: tuple[tuple[str, str], ...] = ()
    source: str = ""


class Replaced(Body, tag="replaced", frozen=True):
    """A new call, already being answered, takes the place of one of ours (RFC 3891)."""

    call: CallId
    """The one that ends."""
    by: CallId
    """The new one, which has its owner, source and recording folder."""
    remote: str
    """URI of the new peer."""


TransferCommand = Transfer | CancelTransfer | AcceptTransfer | DeclineTransfer
TransferEvent = TransferProgress | TransferEnded | TransferAsked | Replaced
