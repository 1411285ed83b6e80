"""``Session`` -> bytes, lines in the order of RFC 8866 section 5."""

from collections.abc import Iterable, Iterator

from signaling.sdp.model import Attribute, Bandwidth, Connection, Media, Origin, Session, Time


def render_sdp(session: Session) -> bytes:
    """Write a description.  Raises ValueError if a value would break out of its line."""
    rows = list(_session(session))
    if bad := [row for row in rows if set(row) & {"\r", "\n", "\0"}]:
        raise ValueError(f"a line break or NUL inside {bad[0]!r}")
    return "".join(f"{row}\r\n" for row in rows).encode()


def _session(session: Session) -> Iterator[str]:
    yield "v=0"
    yield f"o={_origin(session.origin)}"
    yield f"s={session.name}"
    yield from _optional("i", session.information)
    yield from _optional("u", session.uri)
    yield from (f"e={email}" for email in session.emails)
    yield from (f"p={phone}" for phone in session.phones)
    if session.connection:
        yield f"c={_connection(session.connection)}"
    yield from _bandwidths(session.bandwidths)
    for time in session.times:
        yield from _time(time)
    yield from _optional("z", session.zones)
    yield from _optional("k", session.key)
    yield from _attributes(session.attributes)
    for media in session.media:
        yield from _media(media)


def _media(media: Media) -> Iterator[str]:
    count = f"/{media.port_count}" if media.port_count != 1 else ""
    words = [media.media, f"{media.port}{count}", media.protocol, *media.formats]
    yield f"m={' '.join(words)}"
    yield from _optional("i", media.title)
    yield from (f"c={_connection(connection)}" for connection in media.connections)
    yield from _bandwidths(media.bandwidths)
    yield from _optional("k", media.key)
    yield from _attributes(media.attributes)


def _optional(letter: str, value: str) -> Iterator[str]:
    if value:
        yield f"{letter}={value}"


def _origin(o: Origin) -> str:
    who = f"{o.username} {o.session_id} {o.version}"
    return f"{who} {o.network_type} {o.address_type} {o.address}"


def _connection(c: Connection) -> str:
    suffix = f"/{c.suffix}" if c.suffix else ""
    return f"{c.network_type} {c.address_type} {c.address}{suffix}"


def _time(time: Time) -> Iterator[str]:
    yield f"t={time.start} {time.stop}"
    yield from (f"r={repeat}" for repeat in time.repeats)


def _bandwidths(bandwidths: Iterable[Bandwidth]) -> Iterator[str]:
    return (f"b={bandwidth.kind}:{bandwidth.value}" for bandwidth in bandwidths)


def _attributes(attributes: Iterable[Attribute]) -> Iterator[str]:
    for attribute in attributes:
        value = "" if attribute.value is None else f":{attribute.value}"
        yield f"a={attribute.name}{value}"
