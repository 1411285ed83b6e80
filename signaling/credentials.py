"""Answering challenges as a client (RFC 3261 22.2, 22.3): with which account, and how often.

Each realm is answered once, once more if a nonce had only gone stale: on the way to a peer there
may be several proxies that want to know, and each must see its own answer every time.  A call that
we placed has the account that came with it.  In a call that we were offered only realms are
answered that one of the owner's registrations has proved itself to before: whoever calls us and
challenges our BYE or re-INVITE would otherwise get a digest of ours to work on.
"""

import msgspec

from signaling.calls.call import Call
from signaling.core import Core
from signaling.sip.digest import authorize, is_stale
from signaling.sip.errors import ParseError
from signaling.sip.headers import parse_challenge
from signaling.sip.message import Header, Request, Response, every

MAX_ATTEMPTS = 4
"""Of one request; only who invents realms wants more."""

CREDENTIALS = frozenset({"authorization", "proxy-authorization"})


class Account(msgspec.Struct, frozen=True):
    """Who we say to be."""

    user: str
    password: str


def answer(
    core: Core, response: Response, request: Request, account: Account | None, attempts: int
) -> tuple[Header, ...]:
    """Return all credentials that a request is to be sent again with after a 401 or 407.

    There are none if nothing new can be answered.
    """
    if account is None or not account.user:
        return ()
    challenges = challenges_of(response)
    stale = any(is_stale(value) for _, value in challenges)
    held = [header for header in request.headers if header[0].lower() in CREDENTIALS]
    answered = {_realm(value) for _, value in held}
    realms = list(dict.fromkeys(_realm(value) for _, value in challenges))
    limit = MAX_ATTEMPTS if not answered.issuperset(realms) else len(answered) + 1 if stale else 0
    if attempts >= limit:
        return ()
    found = [
        authorize(
            [(name, value) for name, value in challenges if _realm(value) == realm],
            method=request.method,
            uri=request.uri,
            user=account.user,
            password=account.password,
            body=request.body,
            cnonce=core.entropy.token(),
            nonce_count=1,
        )
        for realm in realms
    ]
    fresh = [header for header in found if header is not None]
    kept = [header for header in held if _realm(header[1]) not in realms]
    return (*kept, *fresh) if fresh else ()


def account_of(core: Core, call: Call, response: Response) -> Account | None:
    """Return the account that a challenge within a call is answered with, if any."""
    if call.out is not None:
        return Account(call.out.user, call.out.password)
    realms = realms_of(response)
    for registration in core.state.registrations.values():
        if registration.owner == call.owner and realms == {registration.realm}:
            return Account(registration.user, registration.password)
    return None


def challenges_of(response: Response) -> list[Header]:
    """Return all challenges of a response, as header names and values."""
    return [
        (name, value)
        for name in ("WWW-Authenticate", "Proxy-Authenticate")
        for value in every(response, name)
    ]


def realms_of(response: Response) -> set[str]:
    """Return the realms that a response speaks of."""
    return {_realm(value) for _, value in challenges_of(response)}


def _realm(value: str) -> str:
    try:
        return parse_challenge(value)[1].get("realm", "")
    except ParseError:
        return ""
