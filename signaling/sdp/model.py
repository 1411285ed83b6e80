"""A session description as plain data (RFC 8866 section 5); field names are the RFC's.

Numbers that the RFC leaves unbounded (ids and times) stay text, digits only.
"""

import msgspec


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """``o=`` (section 5.2): who made the description; one more ``version`` with each change."""

    username: str = "-"
    session_id: str
    version: str
    network_type: str = "IN"
    address_type: str
    address: str


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """``c=`` (section 5.7).  ``suffix`` is the time to live and number of multicast addresses."""

    network_type: str = "IN"
    address_type: str
    """``IP4`` or ``IP6``."""
    address: str
    """A literal or a host name."""
    suffix: str = ""


class Bandwidth(msgspec.Struct, frozen=True):
    """``b=`` (section 5.8)."""

    kind: str
    value: str


class Time(msgspec.Struct, frozen=True):
    """``t=`` and the ``r=`` lines that belong to it (sections 5.9 and 5.10)."""

    start: str = "0"
    stop: str = "0"
    repeats: tuple[str, ...] = ()


class Attribute(msgspec.Struct, frozen=True):
    """``a=`` (section 5.13); a flag has no value, which differs from an empty one."""

    name: str
    value: str | None = None


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """``m=`` (section 5.14) and all that follows it."""

    media: str
    """``audio``, ``video``, ``image`` ..."""
    port: int
    """0 is refused or switched off (RFC 3264 section 6)."""
    port_count: int = 1
    protocol: str
    """``RTP/AVP`` ..."""
    formats: tuple[str, ...]
    """For RTP: payload types in order of preference."""
    title: str = ""
    connections: tuple[Connection, ...] = ()
    bandwidths: tuple[Bandwidth, ...] = ()
    key: str = ""
    attributes: tuple[Attribute, ...] = ()


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A whole description, in the order of its lines."""

    origin: Origin
    name: str = "-"
    information: str = ""
    uri: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    connection: Connection | None = None
    bandwidths: tuple[Bandwidth, ...] = ()
    times: tuple[Time, ...] = (Time(),)
    zones: str = ""
    key: str = ""
    attributes: tuple[Attribute, ...] = ()
    media: tuple[Media, ...] = ()


def value_of(attributes: tuple[Attribute, ...], name: str) -> str | None:
    """Return the value of the first attribute of that name; a flag's is empty; None if absent."""
    for attribute in attributes:
        if attribute.name.lower() == name:
            return attribute.value or ""
    return None


def values_of(attributes: tuple[Attribute, ...], name: str) -> list[str]:
    """Return the values of all attributes of that name in their order."""
    return [a.value or "" for a in attributes if a.name.lower() == name]
