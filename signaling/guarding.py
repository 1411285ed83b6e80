"""Who has to prove who it is, before a request outside of any dialog is looked at.

Challenged are sources in ``auth.challenge``, and as soon as there are accounts each REGISTER,
whoever says to be at one of our hosts, whether he exists or not, and whoever says to be one of our
accounts elsewhere; never who is in ``auth.trust``.  A dialog belongs to who opened it, so requests
within one are not challenged again, and ACK and CANCEL cannot be (RFC 3261 22.1).
"""

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote

from bus.settings import AuthSettings
from signaling.core import Core
from signaling.sip.errors import SipError
from signaling.sip.flow import Flow
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Header, Request, every, first
from signaling.sip.uri import parse_uri, same_host
from signaling.sip.validate import Refusal
from signaling.sip.verify import Finding, challenge, new_nonce, verify


def guard(core: Core, request: Request, flow: Flow, *, proxy: bool = False) -> Refusal | None:
    """Return how a request is to be refused (401, 407, 403), None if it may go on."""
    auth = core.state.settings.auth
    if not auth.accounts and not auth.challenge:
        return None
    accounts = _passwords(auth.accounts)
    caller = user_in(request, "To" if request.method == "REGISTER" else "From")
    known = caller in accounts or (bool(accounts) and _is_at_ours(core, request))
    if not _is_challenged(auth, request, flow, known):
        return None
    if not core.state.nonces.key:
        core.state.nonces.key = core.entropy.token(32)
    finding, user = verify(
        core.state.nonces,
        every(request, "Proxy-Authorization" if proxy else "Authorization"),
        realm=auth.realm,
        accounts=accounts,
        algorithms=auth.algorithms,
        method=request.method,
        body=request.body,
        now=core.now,
        lifetime=auth.nonce_lifetime,
    )
    if finding is not Finding.GOOD:
        stale = finding is Finding.STALE
        return Refusal(407 if proxy else 401, "", tuple(_challenges(core, proxy, stale)))
    if user != caller and (caller in accounts or request.method == "REGISTER"):
        return Refusal(403, f"{user} is not {caller}")
    return None


@lru_cache(maxsize=4)
def _passwords(accounts: tuple[str, ...]) -> Mapping[str, str]:
    return dict(account.split(":", 1) for account in accounts)


@lru_cache(maxsize=256)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)


def user_in(request: Request, header: str) -> str:
    """Return the user in From or To, empty if there is none."""
    try:
        return unquote(parse_uri(parse_name_addr(first(request, header) or "").uri).user or "")
    except SipError:
        return ""


def _is_challenged(auth: AuthSettings, request: Request, flow: Flow, known: bool) -> bool:
    if request.method in ("ACK", "CANCEL") or _is_in(flow.host, auth.trust):
        return False
    registers = request.method == "REGISTER" and bool(auth.accounts)
    return known or registers or _is_in(flow.host, auth.challenge)


def _is_at_ours(core: Core, request: Request) -> bool:
    """Whether From names one of the hosts that our accounts are at, and no port of others there."""
    state = core.state
    hosts = state.settings.registrar.domains or [each.host for each in state.listeners]
    try:
        uri = parse_uri(parse_name_addr(first(request, "From") or "").uri)
    except SipError:
        return False
    if uri.port and all(uri.port != each.port for each in state.listeners):
        return False
    return any(same_host(uri.host, each) for each in (*hosts, state.settings.auth.realm))


def _is_in(host: str, networks: Sequence[str]) -> bool:
    if not networks:
        return False
    address = ipaddress.ip_address(host.partition("%")[0])
    return any(address in _network(network) for network in networks)


def _challenges(core: Core, proxy: bool, stale: bool) -> list[Header]:
    auth = core.state.settings.auth
    name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
    nonce = new_nonce(core.state.nonces, core.now, core.entropy.token())
    return [
        challenge(name, realm=auth.realm, nonce=nonce, algorithm=algorithm, stale=stale)
        for algorithm in auth.algorithms
    ]
