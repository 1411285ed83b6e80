"""A thousand calls at fifty a second, each way, by SIPp's own scenarios; none may fail."""

import time
from pathlib import Path

import pytest

from tests.peers.engine import Engine
from tests.peers.plain_client import PlainClient
from tests.peers.sipp import Sipp

pytestmark = [pytest.mark.peer("sipp"), pytest.mark.timeout(180)]

CALLS = 1000
RATE = 50


def test_a_thousand_calls_come_in(engine: Engine, app: PlainClient, tmp_path: Path) -> None:
    app.request("subscribe", user="*")
    with Sipp(
        tmp_path,
        "uac",
        remote=engine.sip,
        calls=CALLS,
        rate=RATE,
        hold_ms=1000,
        seconds=90,
        keep_messages=False,
    ) as peer:
        ended = 0
        while peer.alive():
            app.poll(0.01)
            for event in app.events:
                if event["verb"] == "incoming_call":
                    app.post("answer", {"call": event["call"]})
                ended += event["verb"] == "ended"
            app.events.clear()
        peer.finish().check(CALLS)
    app.watch(1.0)
    ended += sum(event["verb"] == "ended" for event in app.events)
    assert ended == CALLS
    assert app.request("list_calls")["calls"] == []


def test_a_thousand_calls_go_out(app: PlainClient, tmp_path: Path) -> None:
    with Sipp(tmp_path, "uas", calls=CALLS, seconds=90, keep_messages=False) as peer:
        outcomes = dial_all(app, f"sip:bob@127.0.0.1:{peer.port}")
        peer.finish().check(CALLS)
    assert outcomes == {"completed": CALLS}


def dial_all(app: PlainClient, uri: str) -> dict[str, int]:
    """Dial at the rate; hang up each call a second after it was answered; count the outcomes."""
    started = time.monotonic()
    dialled = 0
    outcomes: dict[str, int] = {}
    answered: list[tuple[float, object]] = []
    while sum(outcomes.values()) < CALLS:
        now = time.monotonic()
        assert now - started < CALLS / RATE + 60, f"after 60 s more: {outcomes}"
        if dialled < CALLS and now - started >= dialled / RATE:
            app.post("dial", {"uri": uri})
            dialled += 1
        while answered and now - answered[0][0] > 1.0:
            app.post("hang_up", {"call": answered.pop(0)[1]})
        app.poll(0.002)
        for event in app.events:
            if event["verb"] == "answered":
                answered.append((now, event["call"]))
            elif event["verb"] == "ended":
                outcome = str(event["outcome"])
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
        app.events.clear()
    return outcomes
