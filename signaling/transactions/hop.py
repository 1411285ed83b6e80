"""The two requests that belong to an INVITE's own hop: ACK of a failure, and CANCEL."""

from typing import Final

from signaling.sip.message import Header, Request, Response, every, first

MAX_FORWARDS: Final[Header] = ("Max-Forwards", "70")


def cancel_for(request: Request) -> Request:
    """Return the CANCEL of a request (RFC 3261 9.1); send it where the request went.

    It may only be sent once a provisional response has come: ask ``invite_proceeding``.
    """
    to = ("To", first(request, "To") or "")
    return with_to(_same_hop(request, "CANCEL"), to)


def ack_template(invite: Request) -> Request:
    """Return the ACK of a failure of an INVITE (RFC 3261 17.1.1.3), but for its To."""
    return _same_hop(invite, "ACK")


def ack_for(template: Request, response: Response) -> Request:
    """Return the ACK of one response that is not a 2xx; its To is the response's."""
    return with_to(template, ("To", first(response, "To") or ""))


def with_to(request: Request, to: Header) -> Request:
    """Return a request with a To behind its From."""
    place = [name for name, _ in request.headers].index("From") + 1
    headers = [*request.headers[:place], to, *request.headers[place:]]
    return Request(method=request.method, uri=request.uri, headers=headers)


def _same_hop(request: Request, method: str) -> Request:
    """Return a request with the top Via, Route, From, Call-ID and CSeq number of another."""
    number = (first(request, "CSeq") or "").split()[0]
    headers: list[Header] = [
        ("Via", first(request, "Via") or ""),
        *(("Route", value) for value in every(request, "Route")),
        MAX_FORWARDS,
        ("From", first(request, "From") or ""),
        ("Call-ID", first(request, "Call-ID") or ""),
        ("CSeq", f"{number} {method}"),
    ]
    return Request(method=method, uri=request.uri, headers=headers)
