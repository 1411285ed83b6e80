"""A call between a client of ours and a peer played by hand, brought up in one step."""

from typing import Final

from tests.peers.hand import Hand
from tests.peers.plain_client import Fields, PlainClient

TONE: Final[Fields] = {"source": "tone", "frequency": 440.0}

BUILT: Final = frozenset(
    ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY")
)
"""The methods that exist, and therefore all that ``Allow`` may list."""

EXTENSIONS: Final = frozenset(("100rel", "replaces", "norefersub", "tdialog", "timer"))
"""Likewise for ``Supported``."""


def listed(value: str) -> set[str]:
    """Return the items of a header that is a list."""
    return {part.strip() for part in value.split(",")}


def take_call(app: PlainClient, hand: Hand, engine_port: int) -> Fields:
    """Let the hand call and the client, which has subscribed, answer with a tone.

    Returns the ``answered`` event, with the RTP port of the engine as ``port`` beside it.
    """
    hand.invite(engine_port)
    call = app.incoming()
    app.request("answer", call=call, play=TONE)
    hand.expect(200)
    hand.request("ACK")
    answered = app.wait_event("answered", call=call)
    return {**answered, "port": int(str(answered["local_media"]).rpartition(":")[2])}


def hang_up(app: PlainClient, hand: Hand, call: object) -> Fields:
    """Let the hand hang up; return the call's last event."""
    hand.request("BYE")
    hand.expect(200)
    return app.wait_event("ended", call=str(call))
