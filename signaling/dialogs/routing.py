"""Route sets: loose and strict routing (RFC 3261 12.2.1.1), and the next hop (8.1.2)."""

from collections.abc import Sequence

import msgspec

from signaling.sip.errors import SipError
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Message, Request, first
from signaling.sip.uri import Uri, parse_uri, render_uri


def routed(remote_target: str, route_set: Sequence[str]) -> tuple[str, list[str]]:
    """Return Request-URI and Route values of a request to a remote target over a route set.

    A first router without ``lr`` is a strict one: it gets its own URI as Request-URI, and finds the
    remote target as the last Route.
    """
    target = request_uri(remote_target)
    if not route_set or is_loose(route_set[0]):
        return target, list(route_set)
    strict = request_uri(parse_name_addr(route_set[0]).uri)
    return strict, [*route_set[1:], f"<{remote_target}>"]


def is_loose(route: str) -> bool:
    """Whether a Route names a loose router (RFC 3261 19.1.1, ``lr``).

    One that we cannot read is taken as such: the Route is left alone and the next hop is in doubt.
    """
    try:
        return _uri_of(route).parameter("lr") is not None
    except SipError:
        return True


def request_uri(text: str) -> str:
    """Return a URI without what a Request-URI may not have: ``method`` and headers (19.1.1)."""
    try:
        uri = parse_uri(text)
    except SipError:
        return text  # not of a scheme we read: it goes as it came
    kept = tuple(item for item in uri.parameters if item[0].lower() != "method")
    if kept == uri.parameters and not uri.headers:
        return text
    return render_uri(msgspec.structs.replace(uri, parameters=kept, headers=()))


def target_of(message: Message) -> str:
    """Return the URI of the Contact, empty if there is none."""
    value = first(message, "Contact")
    return parse_name_addr(value).uri if value and value != "*" else ""


def next_hop(request: Request) -> Uri:
    """Return the URI to send a request to: the first Route if that is loose, else Request-URI.

    Where a strict router is followed by a loose one the request does not tell them apart; use
    ``first_hop`` inside a dialog whose peers may be strict.  Raises ``SipError`` if it is
    unreadable.
    """
    route = first(request, "Route")
    return _uri_of(route) if route and is_loose(route) else parse_uri(request.uri)


def first_hop(remote_target: str, route_set: Sequence[str]) -> Uri:
    """Return the URI that requests of a dialog go to first, strict or loose."""
    return _uri_of(route_set[0]) if route_set else parse_uri(remote_target)


def _uri_of(route: str) -> Uri:
    return parse_uri(parse_name_addr(route).uri)
