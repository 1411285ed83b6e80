"""Keys for SRTP in SDP (SDES, RFC 4568): ``a=crypto`` lines, read, written and agreed upon.

What the policy (the setting ``media.srtp``) makes of a medium of theirs:

             RTP/AVP    RTP/AVP with keys    RTP/SAVP
    off      plain      plain                refused
    offer    plain      protected            protected
    require  refused    protected            protected

Our first offer has all suites; a later one has what was agreed, so that nothing is keyed anew.  A
suite that is no longer used loses its key, which is never used again.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import msgspec

from bus.srtp import SUITES, Crypto
from signaling.sdp.errors import NotAcceptableError
from signaling.sdp.model import Attribute, Media, values_of

PLAIN: Final = "RTP/AVP"
SECURE: Final = "RTP/SAVP"
PROTOCOLS: Final = (PLAIN, SECURE)
OFF: Final = "off"
OFFER: Final = "offer"
REQUIRE: Final = "require"
POLICIES: Final = (OFF, OFFER, REQUIRE)

_LINE: Final = re.compile(
    r"(?P<tag>[0-9]{1,9})\s+(?P<suite>\S+)\s+inline:(?P<key>[A-Za-z0-9+/]+={0,2})"
    r"(?:\|(?:2\^)?[0-9]{1,15})?(?P<parameters>(?:\s+\S+)*)\s*\Z",
    re.IGNORECASE,
)
"""Sections 9.2 and 6.1: one key, perhaps its lifetime, and no MKI."""
_HARMLESS: Final = re.compile(r"WSH=[0-9]+\Z|-", re.IGNORECASE)
"""Session parameters that ask nothing of us (6.3.6, 6.3.7)."""


class Line(msgspec.Struct, frozen=True):
    """An ``a=crypto`` line that we can use."""

    tag: int
    suite: str
    key: bytes
    """Master key and salt of its author."""

    def __repr__(self) -> str:
        return f"Line({self.tag}, {self.suite})"


def _no_key(size: int) -> bytes:
    raise ValueError(f"a key of {size} bytes is needed, and nothing to draw it from")


class Keying(NamedTuple):
    """How keys are to be dealt with."""

    policy: str = OFF
    draw: Callable[[int], bytes] = _no_key
    """Returns so many unpredictable bytes."""


UNPROTECTED: Final = Keying()


def usable_lines(media: Media) -> tuple[Line, ...]:
    """Return the lines of a medium that we can use, in its order."""
    lines = (_read(value) for value in values_of(media.attributes, "crypto"))
    return tuple(line for line in lines if line is not None)


def _read(value: str) -> Line | None:
    match = _LINE.match(value.strip())
    if match is None:
        return None
    suite = match["suite"].upper()
    if suite not in SUITES or not all(map(_HARMLESS.match, match["parameters"].split())):
        return None
    try:
        key = b64decode(match["key"], validate=True)
    except Error:
        return None
    return Line(int(match["tag"]), suite, key) if len(key) == SUITES[suite] else None


def lines_to_use(media: Media, policy: str) -> tuple[Line, ...]:
    """Return the lines of a medium of theirs, one of which is to be used; none: it is plain.

    Raises NotAcceptableError if the policy forbids both.
    """
    what = f"m={media.media} {media.protocol}"
    secure = media.protocol.upper() == SECURE
    if policy == OFF:
        if secure:
            raise NotAcceptableError(f"{what} is protected, and SRTP is off")
        return ()
    lines = usable_lines(media)
    if lines or (policy == OFFER and not secure):
        return lines
    raise NotAcceptableError(f"{what} has no a=crypto line that we could use")


def policy_of(offer: Media) -> str:
    """Return what the answer to an offer of ours may be."""
    if not usable_lines(offer):
        return OFF
    return REQUIRE if offer.protocol.upper() == SECURE else OFFER


def keys_of(crypto: Crypto | None) -> dict[str, bytes]:
    """Return our keys that stay once something was agreed."""
    return {crypto.suite: crypto.ours} if crypto else {}


def offer_keys(
    audio: Media, agreed: Media | None, keys: dict[str, bytes], keying: Keying
) -> tuple[Media, dict[str, bytes]]:
    """Return a medium of ours with keys to offer, if any, and all our keys now.

    ``agreed``: how it was described when something was agreed, None before that.
    """
    if agreed is not None:
        protocol, suites = agreed.protocol, [*keys]
    elif keying.policy == OFF:
        return audio, {}
    else:
        protocol, suites = SECURE if keying.policy == REQUIRE else PLAIN, [*SUITES]
    keys = {suite: keys.get(suite) or keying.draw(SUITES[suite]) for suite in suites}
    lines = [Line(tag, suite, key) for tag, (suite, key) in enumerate(keys.items(), start=1)]
    return _with(audio, protocol, lines), keys


def accept_keys(offer: Media, lines: tuple[Line, ...]) -> Crypto | None:
    """Return what an answer with these lines to our offer settles.

    Raises NotAcceptableError if it has none of our suites.  Each is offered once, so its tag says
    nothing more.
    """
    ours = {line.suite: line.key for line in usable_lines(offer)}
    for line in lines:
        if line.suite in ours:
            return Crypto(suite=line.suite, ours=ours[line.suite], theirs=line.key)
    if lines:
        raise NotAcceptableError(f"{lines[0].suite} was not offered")
    return None


def answer_keys(lines: tuple[Line, ...], keys: dict[str, bytes], keying: Keying) -> Crypto | None:
    """Return what answering these lines settles: the suite in use if it is there, else the first.

    Our key is as it was, if that is so.
    """
    if not lines:
        return None
    line = next((line for line in lines if line.suite in keys), lines[0])
    ours = keys.get(line.suite) or keying.draw(SUITES[line.suite])
    return Crypto(suite=line.suite, ours=ours, theirs=line.key)


def answered_medium(
    audio: Media, protocol: str, lines: tuple[Line, ...], crypto: Crypto | None
) -> Media:
    """Return our answer with the key and the tag of the line that was taken."""
    if crypto is None:
        return audio
    tag = next(line.tag for line in lines if line.suite == crypto.suite)
    return _with(audio, protocol, [Line(tag, crypto.suite, crypto.ours)])


def _with(media: Media, protocol: str, lines: Iterable[Line]) -> Media:
    described = [
        Attribute("crypto", f"{line.tag} {line.suite} inline:{b64encode(line.key).decode()}")
        for line in lines
    ]
    attributes = (*described, *media.attributes)
    return msgspec.structs.replace(media, protocol=protocol, attributes=attributes)
