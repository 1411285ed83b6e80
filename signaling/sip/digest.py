"""Answers to digest challenges (RFC 7616, RFC 8760, RFC 3261 section 22).

The strongest algorithm that was offered wins, whatever its place among the challenges; challenges
of other schemes, of algorithms or of qualities of protection that we do not know are passed over.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from signaling.sip.errors import ParseError
from signaling.sip.headers import parse_challenge
from signaling.sip.message import Header
from signaling.sip.values import quote, split_list

Hash = Callable[[bytes], str]

ANSWERS: Final = {
    "www-authenticate": "Authorization",
    "proxy-authenticate": "Proxy-Authorization",
}


def _md5(text: bytes) -> str:
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _sha512_256(text: bytes) -> str:
    return hashlib.new("sha512_256", text).hexdigest()


def _hashes() -> dict[str, Hash]:
    """Return what this Python can compute, the strongest first."""
    common: dict[str, Hash] = {"sha-256": _sha256, "md5": _md5}
    try:
        hashlib.new("sha512_256")
    except ValueError:  # some builds of OpenSSL
        return common
    return {"sha-512-256": _sha512_256, **common}


HASHES: Final = _hashes()
STRENGTH: Final = {name: place for place, name in enumerate(reversed(HASHES))}


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """A Digest challenge that we can answer; the texts are as they stood between the quotes."""

    answer: str
    realm: str
    nonce: str
    algorithm: str
    hash_name: str
    session: bool
    qop: str
    opaque: str | None


def authorize(
    challenges: Sequence[tuple[str, str]],
    *,
    method: str,
    uri: str,
    user: str,
    password: str,
    body: bytes,
    cnonce: str,
    nonce_count: int,
) -> Header | None:
    """Answer the best of some challenges, each a header name and value; None if none can be.

    ``uri`` is the Request-URI of the request to be sent, ``nonce_count`` is 1 with a new nonce.
    """
    readable = [found for name, value in challenges if (found := _read(name, value)) is not None]
    if not readable:
        return None
    best = max(readable, key=lambda challenge: STRENGTH[challenge.hash_name])  # the first of equals
    count = f"{nonce_count:08x}"
    digest = HASHES[best.hash_name]
    response = _response(
        best,
        secret=_secret(best, digest, user, password, cnonce),
        asked=_asked(best, digest, method, uri, body),
        count=count,
        cnonce=cnonce,
    )
    return best.answer, _credentials(best, user, uri, response, count, cnonce)


def is_stale(challenge: str) -> bool:
    """Whether only the nonce was too old, and the same credentials deserve another try."""
    try:
        scheme, parameters = parse_challenge(challenge)
    except ParseError:
        return False
    return scheme == "digest" and parameters.get("stale", "").lower() == "true"


def _read(name: str, value: str) -> Challenge | None:
    try:
        scheme, parameters = parse_challenge(value)
    except ParseError:
        return None
    algorithm = parameters.get("algorithm", "MD5")
    hash_name = algorithm.lower().removesuffix("-sess")
    qop = _protection(parameters.get("qop"))
    answer = ANSWERS.get(name.lower())
    if scheme != "digest" or hash_name not in HASHES or qop is None or answer is None:
        return None
    if "realm" not in parameters or "nonce" not in parameters:
        return None
    return Challenge(
        answer=answer,
        realm=parameters["realm"],
        nonce=parameters["nonce"],
        algorithm=algorithm if "algorithm" in parameters else "",
        hash_name=hash_name,
        session=algorithm.lower().endswith("-sess"),
        qop=qop,
        opaque=parameters.get("opaque"),
    )


def _protection(offered: str | None) -> str | None:
    """Choose a quality of protection: empty where none is spoken of, None if all are unknown."""
    if offered is None:
        return ""
    options = [option.lower() for option in split_list(offered)]
    return next((known for known in ("auth", "auth-int") if known in options), None)


def _secret(challenge: Challenge, digest: Hash, user: str, password: str, cnonce: str) -> str:
    """Return H(A1) (RFC 7616 3.4.2)."""
    secret = digest(f"{user}:{challenge.realm}:{password}".encode())
    if challenge.session:
        secret = digest(f"{secret}:{challenge.nonce}:{cnonce}".encode())
    return secret


def _asked(challenge: Challenge, digest: Hash, method: str, uri: str, body: bytes) -> str:
    """Return H(A2) (RFC 7616 3.4.3)."""
    entity = f":{digest(body)}" if challenge.qop == "auth-int" else ""
    return digest(f"{method}:{uri}{entity}".encode())


def _response(challenge: Challenge, *, secret: str, asked: str, count: str, cnonce: str) -> str:
    """Return the response (RFC 7616 3.4.1; without qop RFC 2069)."""
    protected = f"{count}:{cnonce}:{challenge.qop}:" if challenge.qop else ""
    text = f"{secret}:{challenge.nonce}:{protected}{asked}"
    return HASHES[challenge.hash_name](text.encode())


def _credentials(
    challenge: Challenge, user: str, uri: str, response: str, count: str, cnonce: str
) -> str:
    parts = [
        f"username={quote(user)}",
        f'realm="{challenge.realm}"',
        f'nonce="{challenge.nonce}"',
        f'uri="{uri}"',
        f'response="{response}"',
    ]
    if challenge.algorithm:
        parts.append(f"algorithm={challenge.algorithm}")
    if challenge.qop or challenge.session:
        parts.append(f'cnonce="{cnonce}"')
    if challenge.opaque is not None:
        parts.append(f'opaque="{challenge.opaque}"')
    if challenge.qop:
        parts.extend((f"qop={challenge.qop}", f"nc={count}"))
    return f"Digest {', '.join(parts)}"
