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
    written, end = 0, time.monotonic() + 3 * (clicks + 2) * EVERY
    while (now := time.monotonic()) < end:
        room, ahead = out.available(), period - written % period
        if ahead == period and written and len(sent) < clicks:
            if room >= len(CLICK):
                written += out.write(CLICK)
                sent.append(now)
                end = now + 2 * EVERY if len(sent) == clicks else end
        else:
            written += out.write(np.zeros(min(room, ahead), np.int16))
        sound = (heard.read() if heard.available() else CLICK[:0]).astype(np.int32)
        loud = np.flatnonzero(abs(sound) > LOUD)
        if len(loud):
            at = now - (len(sound) - int(loud[0])) / RATE
            if not came or at - came[-1] > EVERY / 3:
                came.append(at)
        time.sleep(0.002)
    trips = [[at - begun for at in came if 0 < at - begun < 2 * EVERY] for begun in sent]
    return [round(1000 * trip[0], 1) if trip else None for trip in trips]


if __name__ == "__main__":
    json.dump(main(sys.argv[1], sys.argv[2], int(sys.argv[3])), sys.stdout)
