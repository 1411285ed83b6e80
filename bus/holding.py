"""Hold and resume (RFC 3264 8.4), on the wire of the bus."""

from bus.body import Body
from bus.ids import CallId
from bus.sources import AnySource, Music


class Hold(Body, tag="hold", frozen=True):
    """Hold the peer, who hears ``music``.  Reply: ``Ok`` when the peer has agreed.

    Refused, and nothing has changed: ``wrong_state`` (not up), ``peer_refused``.
    """

    call: CallId
    music: AnySource = Music()


class Resume(Body, tag="resume", frozen=True):
    """Take the peer back; its source goes on where it was.  Reply and refusals as for ``Hold``."""

    call: CallId


class HoldChanged(Body, tag="hold_changed", frozen=True):
    """Who holds whom, after every change, by either side."""

    call: CallId
    local: bool
    """We hold the peer."""
    remote: bool
    """The peer holds us."""


HoldCommand = Hold | Resume
HoldEvent = HoldChanged
