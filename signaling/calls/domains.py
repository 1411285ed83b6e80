"""Who may send our calls where: the policy against toll fraud.

A peer that asks us to call somebody else (a REFER, a 3xx) spends our money.  Unless the application
says otherwise, that call stays in the peer's own domain.
"""

from collections.abc import Iterable

from signaling.sip.errors import SipError
from signaling.sip.uri import parse_uri, same_host


def in_domain(uri: str, hosts: Iterable[str]) -> bool:
    """Whether a URI is at one of these hosts; one without a host, or that is none, is not."""
    host = host_of(uri)
    return bool(host) and any(same_host(host, each) for each in hosts)


def host_of(uri: str) -> str:
    """Return the host of a URI, empty where there is none."""
    try:
        return parse_uri(uri).host
    except SipError:
        return ""
