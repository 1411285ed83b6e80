"""``Session`` -> bytes, lines in the order of RFC 8866 section 5."""

from collections.abc import Iterable

from signaling.sdp.model import Attribute, Bandwidth, Connection, Media, Origin, Session, Time


def render_sdp(session: Session) -> bytes:
    """Write a description.  Raises ValueError if a value would break out of its line."""
    rows = _session(session)
    for media in session.media:
        rows += _media(media)
    text = "\r\n".join((*rows, ""))
    if text.count("\n") != len(rows) or text.count("\r") != len(rows) or "\0" in text:
        bad = next(row for row in rows if set(row) & {"\r", "\n", "\0"})
        raise ValueError(f"a line break or NUL inside {bad!r}")
    return text.encode()


def _session(session: Session) -> list[str]:
    rows = ["v=0", f"o={_origin(session.origin)}", f"s={session.name}"]
    if session.information:
        rows.append(f"i={session.information}")
    if session.uri:
        rows.append(f"u={session.uri}")
    rows += [f"e={email}" for email in session.emails]
    rows += [f"p={phone}" for phone in session.phones]
    if session.connection:
        rows.append(f"c={_connection(session.connection)}")
    rows += _bandwidths(session.bandwidths)
    for time in session.times:
        rows += _time(time)
    if session.zones:
        rows.append(f"z={session.zones}")
    if session.key:
        rows.append(f"k={session.key}")
    rows += _attributes(session.attributes)
    return rows


def _media(media: Media) -> list[str]:
    count = f"/{media.port_count}" if media.port_count != 1 else ""
    rows = [" ".join((f"m={media.media}", f"{media.port}{count}", media.protocol, *media.formats))]
    if media.title:
        rows.append(f"i={media.title}")
    rows += [f"c={_connection(connection)}" for connection in media.connections]
    rows += _bandwidths(media.bandwidths)
    if media.key:
        rows.append(f"k={media.key}")
    rows += _attributes(media.attributes)
    return rows


def _origin(o: Origin) -> str:
    who = f"{o.username} {o.session_id} {o.version}"
    return f"{who} {o.network_type} {o.address_type} {o.address}"


def _connection(c: Connection) -> str:
    suffix = f"/{c.suffix}" if c.suffix else ""
    return f"{c.network_type} {c.address_type} {c.address}{suffix}"


def _time(time: Time) -> list[str]:
    return [f"t={time.start} {time.stop}", *[f"r={repeat}" for repeat in time.repeats]]


def _bandwidths(bandwidths: Iterable[Bandwidth]) -> list[str]:
    return [f"b={bandwidth.kind}:{bandwidth.value}" for bandwidth in bandwidths]


def _attributes(attributes: Iterable[Attribute]) -> list[str]:
    return [
        f"a={each.name}" if each.value is None else f"a={each.name}:{each.value}"
        for each in attributes
    ]
