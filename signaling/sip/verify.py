"""Digest as a server (RFC 7616, RFC 8760, RFC 3261 22.4): challenges, and whether they were met.

A nonce is its instant, a random part and a keyed hash over both, so nothing is remembered of those
that nobody answers.  Of those that were answered the highest count is (``Nonces.used``): an answer
whose count is not higher is a repetition and is refused as stale; without a count (RFC 2069) a
nonce serves once.  A user that does not exist costs the same work and gets the same answer.

The ``uri`` of the credentials is not compared with the Request-URI: proxies rewrite that, and a
captured answer cannot be used a second time for another.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from signaling.sip.digest import HASHES
from signaling.sip.errors import ParseError
from signaling.sip.headers import parse_challenge
from signaling.sip.message import Header

REMEMBERED: Final = 100_000
"""Nonces in use at once; beyond it the oldest count as stale."""

COUNT_DIGITS: Final = 8
NOBODY: Final = "\0"
"""Password of users that do not exist."""


class Finding(StrEnum):
    """What credentials are worth."""

    GOOD = "good"
    STALE = "stale"
    """Right, but the nonce is too old or was used: another try is deserved."""
    BAD = "bad"


class Nonces(msgspec.Struct, kw_only=True):
    """What a server remembers of its nonces."""

    key: str = ""
    """Drawn once."""
    used: dict[str, int] = {}
    """Highest count seen, in the order of first use."""
    floor: float = 0.0
    """Nonces made until then are not remembered any more, and therefore stale."""


def new_nonce(nonces: Nonces, now: float, random: str) -> str:
    """Make a nonce; ``random`` is unpredictable hex."""
    head = f"{int(now * 1000):012x}{random}"
    return head + _seal(nonces, head)


def challenge(name: str, *, realm: str, nonce: str, algorithm: str, stale: bool) -> Header:
    """Return a challenge as a header field: ``WWW-Authenticate`` or ``Proxy-Authenticate``."""
    suffix = ", stale=true" if stale else ""
    value = f'Digest realm="{realm}", nonce="{nonce}", algorithm={algorithm}, qop="auth,auth-int"'
    return name, value + suffix


def verify(
    nonces: Nonces,
    values: Sequence[str],
    *,
    realm: str,
    accounts: Mapping[str, str],
    algorithms: Sequence[str],
    method: str,
    body: bytes,
    now: float,
    lifetime: float,
) -> tuple[Finding, str]:
    """Judge the (Proxy-)Authorization values of a request; return the user too, where good.

    ``accounts`` are passwords by user, ``lifetime`` is in seconds.  Values of other schemes, realms
    or algorithms are passed over.
    """
    for value in values:
        given = _read(value, realm, algorithms)
        if given is not None:
            user = given.get("username", "")
            secret = accounts.get(user, NOBODY)
            right = _is_right(given, realm, secret, method, body) and user in accounts
            fresh = _is_fresh(nonces, given, now, lifetime, take=right)
            if not right:
                return Finding.BAD, ""
            return (Finding.GOOD, user) if fresh else (Finding.STALE, "")
    return Finding.BAD, ""


def _read(value: str, realm: str, algorithms: Sequence[str]) -> dict[str, str] | None:
    try:
        scheme, given = parse_challenge(value)
    except ParseError:
        return None
    algorithm = given.get("algorithm", "MD5").lower()
    wanted = {name.lower() for name in algorithms} & set(HASHES)
    if scheme != "digest" or given.get("realm") != realm or algorithm not in wanted:
        return None
    return dict(given)


def _is_right(given: Mapping[str, str], realm: str, secret: str, method: str, body: bytes) -> bool:
    digest = HASHES[given.get("algorithm", "MD5").lower()]
    qop = given.get("qop", "").lower()
    entity = f":{digest(body)}" if qop == "auth-int" else ""
    ours = digest(f"{given.get('username', '')}:{realm}:{secret}".encode())
    asked = digest(f"{method}:{given.get('uri', '')}{entity}".encode())
    protected = f"{given.get('nc', '')}:{given.get('cnonce', '')}:{qop}:" if qop else ""
    wanted = digest(f"{ours}:{given.get('nonce', '')}:{protected}{asked}".encode())
    same = hmac.compare_digest(wanted.encode(), given.get("response", "").lower().encode())
    return same and qop in ("", "auth", "auth-int")


def _is_fresh(
    nonces: Nonces, given: Mapping[str, str], now: float, lifetime: float, *, take: bool
) -> bool:
    nonce = given.get("nonce", "")
    if not _is_ours(nonces, nonce) or _made_at(nonce) <= max(now - lifetime, nonces.floor):
        return False
    count = _count(given)
    if count is None or count <= nonces.used.get(nonce, 0):
        return False
    if take:
        _forget_old(nonces, now - lifetime)
        nonces.used[nonce] = count
    return True


def _count(given: Mapping[str, str]) -> int | None:
    if not given.get("qop"):
        return 1
    text = given.get("nc", "")
    try:
        return int(text, 16) if len(text) == COUNT_DIGITS else None
    except ValueError:
        return None


def _is_ours(nonces: Nonces, nonce: str) -> bool:
    head, seal = nonce[:-32], nonce[-32:]
    return len(head) > 12 and hmac.compare_digest(_seal(nonces, head).encode(), seal.encode())


def _made_at(nonce: str) -> float:
    return int(nonce[:12], 16) / 1000


def _seal(nonces: Nonces, head: str) -> str:
    key = bytes.fromhex(nonces.key)
    return hashlib.blake2b(head.encode(), key=key, digest_size=16).hexdigest()


def _forget_old(nonces: Nonces, before: float) -> None:
    while nonces.used:
        oldest = next(iter(nonces.used))
        if _made_at(oldest) > before and len(nonces.used) < REMEMBERED:
            return
        del nonces.used[oldest]
        nonces.floor = max(nonces.floor, _made_at(oldest))
