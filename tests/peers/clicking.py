"""Clicks into one device and listens at another: ``python -m tests.peers.clicking FEED TAP N``.

Prints, as JSON, how long each of N clicks took, in ms; null for one that was not heard.
"""

import json
import sys
import time

import numpy as np

from mediaworker.devices.cards import open_card

RATE = 48000
EVERY = 0.5
CLICK = np.asarray(np.rint(14000 * np.sin(np.arange(240) * 2 * np.pi / 48)), np.int16)
LOUD = 3000


def main(feed: str, tap: str, clicks: int) -> list[float | None]:
    """Click and listen."""
    out, heard = open_card(feed, output=True), open_card(tap, output=False)
    assert (out.rate, heard.rate) == (RATE, RATE)
    period, sent, came = round(EVERY * RATE), list[float](), list[float]()
    written = 0
    end = time.monotonic() + (clicks + 2) * EVERY + 1
    while time.monotonic() < end:
        now = time.monotonic()
        room = out.available()
        block = np.zeros(room, np.int16)
        begin = (-written) % period
        if len(sent) < clicks and written > period and begin + len(CLICK) <= room:
            block[begin : begin + len(CLICK)] = CLICK
            sent.append(now)
        written += out.write(block[: begin or room] if begin + len(CLICK) > room else block)
        sound = heard.read().astype(np.int32) if heard.available() else block[:0]
        loud = np.flatnonzero(abs(sound) > LOUD)
        if len(loud):
            at = now - (len(sound) - int(loud[0])) / RATE
            if not came or at - came[-1] > EVERY / 3:
                came.append(at)
        time.sleep(0.002)
    trips = [[at - begun for at in came if 0 < at - begun < 2 * EVERY] for begun in sent]
    return [round(1000 * trip[0], 1) if trip else None for trip in trips]


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
