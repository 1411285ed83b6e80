"""Registration with a registrar (RFC 3261 10) on the wire of the bus."""

import msgspec

from bus.body import Body
from bus.ids import PeerId


class Register(Body, tag="register", frozen=True):
    """Keep an address of record registered.  Reply: ``Registering``; then events.

    It is refreshed until ``Unregister``, and tried again with back-off while the registrar fails.
    Saying it again for the same ``aor`` changes it.
    """

    aor: str
    """``sip:alice@example.com``."""
    registrar: str = ""
    """URI; default: the domain of ``aor``."""
    user: str = ""
    """For digest; default: the user of ``aor``."""
    password: str = ""
    expires: float = 3600.0
    """Seconds we ask for."""
    headers: tuple[tuple[str, str], ...] = ()


class Unregister(Body, tag="unregister", frozen=True):
    """Remove our contact there, and stop.  Reply: ``Ok``; then the last event."""

    aor: str


class ListRegistrations(Body, tag="list_registrations", frozen=True):
    """Reply: ``Registrations``."""


class Registering(Body, tag="registering", frozen=True):
    """It has begun."""

    aor: str


class RegistrationInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A registration as it stands."""

    aor: str
    registrar: str
    state: str
    """Ours: ``trying registered failing rejected ending ended``; ``bound``: at our registrar."""
    owner: PeerId
    contact: str = ""
    expires_at: float = 0.0
    """Unix time; 0: not registered."""
    status: int = 0
    """Of the last response; 0: none came."""
    reason: str = ""


class Registrations(Body, tag="registrations", frozen=True):
    """All registrations."""

    registrations: tuple[RegistrationInfo, ...]


class RegistrationChanged(Body, tag="registration_changed", frozen=True):
    """A registration has another state (to its owner, and on the feed, topic ``registration``)."""

    registration: RegistrationInfo


RegistrationCommand = Register | Unregister | ListRegistrations
RegistrationEvent = RegistrationChanged
