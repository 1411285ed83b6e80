"""Answering challenges as a client (RFC 3261 22.2, 22.3): with which account, and how often.

A challenge is answered once, twice if the nonce had only gone stale.  A call that we placed has the
account that came with it.  In a call that we were offered only realms are answered that one of the
owner's registrations has proved itself to before: whoever calls us and challenges our BYE or
re-INVITE would otherwise get a digest of ours to work on.
"""

import msgspec

from signaling.calls.call import Call
from signaling.core import Core
from signaling.sip.digest import authorize, is_stale
from signaling.sip.errors import ParseError
from signaling.sip.headers import parse_challenge
from signaling.sip.message import Header, Request, Response, every

MAX_ATTEMPTS = 2


class Account(msgspec.Struct, frozen=True):
    """Who we say to be."""

    user: str
    password: str


def answer(
    core: Core, response: Response, request: Request, account: Account | None, attempts: int
) -> Header | None:
    """Return credentials for a 401 or 407, None if there is nothing to answer with."""
    challenges = challenges_of(response)
    stale = any(is_stale(value) for _, value in challenges)
    if account is None or not account.user or attempts >= (MAX_ATTEMPTS if stale else 1):
        return None
    return authorize(
        challenges,
        method=request.method,
        uri=request.uri,
        user=account.user,
        password=account.password,
        body=request.body,
        cnonce=core.entropy.token(),
        nonce_count=1,
    )


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
