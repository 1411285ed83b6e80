"""SIP, SIPS and tel URIs (RFC 3261 section 19.1, RFC 3966)."""

import ipaddress
import re
from functools import lru_cache
from typing import Final

import msgspec

from signaling.sip.errors import ParseError
from signaling.sip.grammar import A_SCHEME, ABSOLUTE_URI, SIP_URI, TEL_URI
from signaling.sip.values import Parameters, parameter

HIGHEST_PORT: Final = 65535
KEPT: Final = 256
"""URIs kept read."""

MUST_MATCH: Final = frozenset({"user", "ttl", "method", "maddr", "transport"})
"""Parameters that are never the same as their absence (RFC 3261 19.1.4)."""

ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
RESERVED: Final = frozenset(";/?:@&=+$,")
SEPARATORS: Final = str.maketrans("", "", "-.()")


class Uri(msgspec.Struct, frozen=True, kw_only=True):
    """A URI in its parts.

    ``scheme`` is in lower case.  ``user`` (of a tel URI: the number), ``password``, parameters and
    headers are escaped as they came.  ``host`` is an IPv6 address without its brackets, and empty
    in a tel URI.
    """

    scheme: str
    user: str | None = None
    password: str | None = None
    host: str
    port: int | None = None
    parameters: Parameters = ()
    headers: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> str | None:
        """Return a parameter by its lower-case name; empty for a flag, None where absent."""
        return parameter(self.parameters, name)


@lru_cache(KEPT)
def parse_uri(text: str) -> Uri:
    """Read a URI.  Raises ParseError: 400 where it is malformed, 416 where we know no such one."""
    found = SIP_URI.fullmatch(text)
    if found is None:
        return _parse_tel(text)
    scheme, user, password, host, port, parameters, headers = found.groups()
    problem = address_problem(host, port)
    if problem:
        raise ParseError(400, problem, detail=text)
    return Uri(
        scheme=scheme.lower(),
        user=user,
        password=password,
        host=host[1:-1] if host[0] == "[" else host,
        port=int(port) if port else None,
        parameters=_parameters(parameters) if parameters else (),
        headers=_headers(headers) if headers else (),
    )


def _parse_tel(text: str) -> Uri:
    found = TEL_URI.fullmatch(text)
    if found is None:
        problem = uri_problem(text)
        raise ParseError(400 if problem else 416, problem or "Unsupported URI Scheme", detail=text)
    number, parameters = found.groups()
    return Uri(scheme="tel", user=number, host="", parameters=_parameters(parameters))


def _parameters(text: str) -> Parameters:
    pairs = [piece.partition("=") for piece in text.split(";")[1:]]
    return tuple((name, value if equals else None) for name, equals, value in pairs)


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    pairs = [piece.partition("=") for piece in text[1:].split("&")]
    return tuple((name, value) for name, _, value in pairs)


def render_uri(uri: Uri) -> str:
    """Write a URI."""
    parameters = "".join(
        f";{name}" if value is None else f";{name}={value}" for name, value in uri.parameters
    )
    if uri.scheme == "tel":
        return f"tel:{uri.user}{parameters}"
    password = "" if uri.password is None else f":{uri.password}"
    user = "" if uri.user is None else f"{uri.user}{password}@"
    port = "" if uri.port is None else f":{uri.port}"
    headers = "&".join(f"{name}={value}" for name, value in uri.headers)
    question = "?" if headers else ""
    return f"{uri.scheme}:{user}{bracketed(uri.host)}{port}{parameters}{question}{headers}"


def bracketed(host: str) -> str:
    """Return a host as it stands in a URI or a Via: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def scheme_of(text: str) -> str:
    """Return the scheme of any URI in lower case, empty where there is none."""
    return text.partition(":")[0].lower() if A_SCHEME.match(text) else ""


@lru_cache(KEPT)
def uri_problem(text: str, *, headers_allowed: bool = True) -> str:
    """Say what is wrong with a URI of any scheme in a few words, empty for nothing.

    ``headers_allowed`` is False for a Request-URI (RFC 3261 19.1.1, table 1).
    """
    found = SIP_URI.fullmatch(text)
    if found is not None:
        _, _, _, host, port, _, headers = found.groups()
        if headers and not headers_allowed:
            return "Headers in the Request-URI"
        return address_problem(host, port)
    if ABSOLUTE_URI.fullmatch(text) and scheme_of(text) not in ("sip", "sips"):
        return ""
    return "Malformed URI"


def address_problem(host: str, port: str | None) -> str:
    """Say what is wrong with what matched HOST and PORT, empty for nothing."""
    if host[0] == "[" and not is_ipv6(host[1:-1]):
        return "Malformed IPv6 address"
    if port and int(port) > HIGHEST_PORT:
        return "Port above 65535"
    return ""


def is_ipv6(text: str) -> bool:
    """Whether a text is an IPv6 address without brackets (RFC 5954 grammar)."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def same_host(a: str, b: str) -> bool:
    """Whether two hosts are spelled the same, or are the same IPv6 address."""
    return a == b or _host_key(a) == _host_key(b)


def _host_key(host: str) -> str:
    if ":" in host and is_ipv6(host):
        return str(ipaddress.IPv6Address(host))
    return host.lower()


def same_uri(a: Uri, b: Uri) -> bool:
    """Whether two URIs are equivalent (RFC 3261 19.1.4, RFC 3966 section 4)."""
    return _fixed_parts(a) == _fixed_parts(b) and _parameters_agree(a, b)


def _fixed_parts(uri: Uri) -> tuple[object, ...]:
    headers = sorted((_plain(name).lower(), _plain(value)) for name, value in uri.headers)
    user = uri.user
    if uri.scheme == "tel" and user is not None:
        user = user.translate(SEPARATORS).lower()
    return (
        uri.scheme,
        user if user is None else _plain(user),
        uri.password if uri.password is None else _plain(uri.password),
        _host_key(uri.host),
        uri.port,
        headers,
    )


def _parameters_agree(a: Uri, b: Uri) -> bool:
    mine, theirs = _folded(a), _folded(b)
    for name in mine.keys() ^ theirs.keys():
        if name in MUST_MATCH or a.scheme == "tel":
            return False
    return all(mine[name] == theirs[name] for name in mine.keys() & theirs.keys())


def _folded(uri: Uri) -> dict[str, str | None]:
    return {
        _plain(name).lower(): value if value is None else _plain(value).lower()
        for name, value in uri.parameters
    }


def _plain(text: str) -> str:
    """Undo the escapes that change nothing: those of characters that are not reserved."""
    return ESCAPE.sub(_unescaped, text) if "%" in text else text


def _unescaped(found: re.Match[str]) -> str:
    character = chr(int(found.group(1), 16))
    plain = "!" <= character <= "~" and character not in RESERVED
    return character if plain else found.group().upper()
