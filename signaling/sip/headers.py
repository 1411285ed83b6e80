"""The header fields that a user agent reads: addresses, Via, CSeq, challenges (RFC 3261 20).

Each has a ``parse_`` that raises ParseError and, where we write it ourselves, a ``render_``.  The
``check_`` functions only look, and are what a message is checked with when it is parsed.
"""

from functools import lru_cache
from typing import Final

import msgspec

from signaling.sip.errors import ParseError
from signaling.sip.grammar import AUTH_PARAM, CHALLENGE, CSEQ, NAME_ADDR, VIA
from signaling.sip.message import Request, first
from signaling.sip.uri import address_problem, bracketed, same_host, uri_problem
from signaling.sip.values import (
    MOST_PIECES,
    Parameters,
    join_parameters,
    parameter,
    quote,
    split_parameters,
    unquote,
)

COOKIE: Final = "z9hg4bk"
"""Begins every branch that is unique (RFC 3261 8.1.1.7), here in lower case."""

CSEQ_END: Final = 2**31
RSEQ_END: Final = 2**32
KEPT: Final = 256
"""Values kept read of each kind: a message and its call ask for the same ones again and again."""
SIP_PORT: Final = 5060
SIPS_PORT: Final = 5061


class NameAddr(msgspec.Struct, frozen=True, kw_only=True):
    """A value of From, To, Contact, Route ...; ``display`` is without quotes and escapes."""

    display: str = ""
    uri: str
    parameters: Parameters = ()

    def parameter(self, name: str) -> str | None:
        """Return a parameter by its lower-case name; empty for a flag, None where absent."""
        return parameter(self.parameters, name)

    @property
    def tag(self) -> str | None:
        """The tag of a From or To."""
        return parameter(self.parameters, "tag")


@lru_cache(KEPT)
def parse_name_addr(text: str) -> NameAddr:
    """Read ``"Name" <uri>;parameters`` or ``uri;parameters``; what the URI is, is not looked at."""
    found = NAME_ADDR.fullmatch(text)
    if found is None:
        raise ParseError(400, "Malformed address", detail=text)
    display, uri, bare, parameters = found.groups()
    return NameAddr(
        display=unquote(display.strip(" \t")) if display else "",
        uri=uri or bare,
        parameters=split_parameters(parameters),
    )


def render_name_addr(address: NameAddr) -> str:
    """Write an address, always in brackets."""
    display = f"{quote(address.display)} " if address.display else ""
    return f"{display}<{address.uri}>{join_parameters(address.parameters)}"


def check_address(name: str, value: str) -> None:
    """Check a From, To, Contact, Route or Record-Route.  Raises ParseError."""
    if value == "*" and name == "Contact":
        return
    try:
        uri = parse_name_addr(value).uri
    except ParseError as error:
        raise ParseError(400, error.reason.replace("address", name), detail=value) from None
    problem = uri_problem(uri)
    if problem:
        raise ParseError(400, f"{problem} in {name}", detail=value)


class Via(msgspec.Struct, frozen=True, kw_only=True):
    """A hop; ``transport`` in upper case, ``host`` is an IPv6 address without its brackets."""

    transport: str
    host: str
    port: int | None = None
    parameters: Parameters = ()

    def parameter(self, name: str) -> str | None:
        """Return a parameter by its lower-case name; empty for a flag, None where absent."""
        return parameter(self.parameters, name)

    @property
    def branch(self) -> str | None:
        """The branch."""
        return parameter(self.parameters, "branch")

    @property
    def identifies(self) -> bool:
        """Whether the branch names a transaction (RFC 3261 17.2.3).

        A branch of RFC 2543, none at all, or the magic cookie alone do not.
        """
        branch = self.branch
        return (
            branch is not None and len(branch) > len(COOKIE) and branch.lower().startswith(COOKIE)
        )


@lru_cache(KEPT)
def parse_via(text: str) -> Via:
    """Read one value of Via."""
    found = VIA.fullmatch(text)
    if found is None:
        raise ParseError(400, "Malformed Via", detail=text)
    version, transport, host, port, parameters = found.groups()
    if version != "2.0":
        raise ParseError(400, "SIP version in Via", detail=text)
    problem = address_problem(host, port)
    if problem:
        raise ParseError(400, f"{problem} in Via", detail=text)
    return Via(
        transport=transport.upper(),
        host=host[1:-1] if host[0] == "[" else host,
        port=int(port) if port else None,
        parameters=split_parameters(parameters),
    )


def render_via(via: Via) -> str:
    """Write a value of Via."""
    port = "" if via.port is None else f":{via.port}"
    parameters = join_parameters(via.parameters)
    return f"SIP/2.0/{via.transport} {bracketed(via.host)}{port}{parameters}"


def check_via(name: str, value: str) -> None:
    """Check a Via.  Raises ParseError."""
    parse_via(value)


def stamp_via(request: Request, host: str, port: int) -> Request:
    """Note in the top Via where a request came from (RFC 3261 18.2.1, RFC 3581 section 4).

    What the sender itself wrote as ``received`` is replaced.  A Via that cannot be read is left
    alone, so that a malformed request can be stamped and answered too.
    """
    value = first(request, "Via")
    if value is None:
        return request
    try:
        via = parse_via(value)
    except ParseError:
        return request
    stamped = _stamped(via, host, port)
    if stamped is via:
        return request
    headers = [*request.headers]
    headers[headers.index(("Via", value))] = ("Via", render_via(stamped))
    return Request(method=request.method, uri=request.uri, headers=headers, body=request.body)


def _stamped(via: Via, host: str, port: int) -> Via:
    parameters: list[tuple[str, str | None]] = []
    asked = claimed = False
    for name, value in via.parameters:
        match name.lower():
            case "received":
                claimed = True
            case "rport":
                asked = True
                parameters.append((name, str(port)))
            case _:
                parameters.append((name, value))
    elsewhere = not same_host(via.host, host)
    if not (asked or claimed or elsewhere):
        return via
    if asked or elsewhere:
        parameters.append(("received", host))
    return Via(transport=via.transport, host=via.host, port=via.port, parameters=tuple(parameters))


class CSeq(msgspec.Struct, frozen=True):
    """The place of a request in its dialog."""

    number: int
    method: str


@lru_cache(KEPT)
def parse_cseq(text: str) -> CSeq:
    """Read a CSeq; its number is below 2**31 (RFC 3261 8.1.1.5)."""
    found = CSEQ.fullmatch(text)
    if found is None:
        raise ParseError(400, "Malformed CSeq", detail=text)
    number = int(found.group(1))
    if number >= CSEQ_END:
        raise ParseError(400, "CSeq not below 2**31", detail=text)
    return CSeq(number, found.group(2))


class RAck(msgspec.Struct, frozen=True):
    """What a PRACK acknowledges: RSeq and CSeq of a provisional response (RFC 3262 7.2)."""

    rseq: int
    cseq: CSeq


def parse_rack(text: str) -> RAck:
    """Read a RAck.  Raises ParseError."""
    number, _, cseq = text.replace("\t", " ").partition(" ")
    return RAck(parse_rseq(number), parse_cseq(cseq.strip(" ")))


def parse_rseq(text: str) -> int:
    """Read an RSeq, from 1 to 2**32 - 1 (RFC 3262 7.1).  Raises ParseError."""
    if not (text.isascii() and text.isdigit()) or not 0 < int(text[:11]) < RSEQ_END:
        raise ParseError(400, "Malformed RSeq or RAck", detail=text)
    return int(text)


def parse_challenge(text: str) -> tuple[str, dict[str, str]]:
    """Read a WWW-Authenticate, Proxy-Authenticate, Authorization or Proxy-Authorization.

    Returns the scheme in lower case, and the parameters by their lower-case names; quotes are
    taken off and escapes are left as they are, which is what digests are computed over (``unq``,
    RFC 7616 3.4.1).  Parameters that are none are an error for Digest, and ignored otherwise.
    """
    found = CHALLENGE.match(text)
    if found is None or text.count("=") > MOST_PIECES:
        raise ParseError(400, "Malformed challenge", detail=text)
    scheme, at = found.group(1).lower(), found.end()
    parameters: dict[str, str] = {}
    while at < len(text):
        pair = AUTH_PARAM.match(text, at)
        if pair is None:
            if scheme == "digest":
                raise ParseError(400, "Malformed challenge", detail=text[at:])
            break
        value = pair.group(2)
        parameters.setdefault(pair.group(1).lower(), value[1:-1] if value[0] == '"' else value)
        at = pair.end()
    return scheme, parameters
