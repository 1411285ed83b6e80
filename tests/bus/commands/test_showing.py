import pytest

from bus import calls as verbs
from bus.call import Call, CallState
from bus.calls import Quality
from bus.commands.showing import (
    bar,
    in_words,
    live_line,
    loss_percent,
    media_cells,
    quality_summary,
)
from bus.gauges import Reading
from bus.holding import HoldChanged
from bus.ids import CallId, PeerId, WorkerId
from bus.protocol import FeedEvent
from bus.quality import Grade, MediaResumed, MediaTimeout, QualityChanged
from bus.registrations import RegistrationChanged, RegistrationInfo
from bus.transfers import Replaced, TransferAsked, TransferEnded, TransferProgress
from tests.bus.test_call import ANSWERED, CAME, ID, RINGING, Desk, digit, ended

WORKER = verbs.WorkerInfo(worker=WorkerId("w0"), pid=7, state="up", streams=0, capacity=1)
SIP = verbs.SipMessage(
    direction="sent", local="a:1", remote="b:2", sip_call_id="x", text="BYE sip:b SIP/2.0\r\n\r\n"
)
FAILING = RegistrationInfo(
    aor="sip:a@b", registrar="sip:b", state="failing", owner=PeerId("me"), status=503
)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (CAME, "incoming: sip:a@host calls sip:b@host from udp:127.0.0.1:5060"),
        (RINGING, "180 Ringing"),
        (ANSWERED, "up: PCMU 127.0.0.1:20000 <-> 127.0.0.1:30000"),
        (digit("5"), "digit 5 (100 ms, rfc4733)"),
        (verbs.DigitsSent(call=ID), "digits sent"),
        (verbs.DigitsSent(call=ID, refused="1#"), "digits sent, 1# not taken"),
        (verbs.PlayFinished(call=ID), "played to the end"),
        (ended(verbs.Outcome.BUSY, 486), "busy: 486"),
        (verbs.Snapshot(calls=()), "snapshot: 0 calls (events were lost)"),
        (verbs.WorkerChanged(worker=WORKER), "worker w0 up (pid 7)"),
        (HoldChanged(call=ID, local=True, remote=False), "held by us"),
        (HoldChanged(call=ID, local=False, remote=True), "held by the peer"),
        (HoldChanged(call=ID, local=True, remote=True), "both hold"),
        (HoldChanged(call=ID, local=False, remote=False), "talking again"),
        (TransferProgress(call=ID, status=180, reason="Ringing"), "transfer: 180 Ringing"),
        (TransferEnded(call=ID, ok=True, status=200, reason="OK"), "transfer done: 200 OK"),
        (TransferEnded(call=ID, ok=False), "transfer failed"),
        (
            TransferAsked(transfer="t", call=ID, uri="sip:c@d", referred_by="sip:a@b"),
            "asked to call sip:c@d (by sip:a@b)",
        ),
        (Replaced(call=ID, by=CallId("c9"), remote="sip:c@d"), "sip:c@d takes over as c9"),
        (RegistrationChanged(registration=FAILING), "sip:a@b failing (503)"),
        (MediaTimeout(call=ID, seconds=10.04), "no media for 10.0 s"),
        (
            MediaTimeout(call=ID, seconds=10.0, goodbye=True),
            "no media for 10.0 s, the peer said goodbye",
        ),
        (MediaResumed(call=ID, seconds=12.0), "media again, after 12.0 s"),
        (
            QualityChanged(
                call=ID,
                grade=Grade.POOR,
                mos=3.0,
                mos_conversational=2.84,
                loss_percent=9.1,
                jitter_ms=14.0,
                round_trip_ms=81.2,
            ),
            "quality poor: MOS 2.8, loss 9.1 %, jitter 14.0 ms, round trip 81 ms",
        ),
        (SIP, "a:1 -> b:2\nBYE sip:b SIP/2.0\n"),
    ],
)
def test_each_event_has_a_line(event: FeedEvent, words: str) -> None:
    assert in_words(event) == words


def test_the_end_tells_by_whom_and_after_how_long() -> None:
    event = verbs.Ended(call=ID, outcome=verbs.Outcome.COMPLETED, by="remote", duration=2.345)
    assert in_words(event) == "completed after 2.3 s (by remote)"


@pytest.mark.parametrize(
    ("level", "cells"),
    [(-127.0, "      "), (-60.0, "      "), (0.0, "██████"), (3.0, "██████"), (-30.0, "███   ")],
)
def test_a_bar_goes_from_60_db_down_to_full_scale(level: float, cells: str) -> None:
    assert bar(level) == cells


def test_a_bar_grows_with_the_level() -> None:
    bars = [bar(level / 2) for level in range(-130, 1)]
    assert bars == sorted(bars, key=lambda cells: sum(" ▁▂▃▄▅▆▇█".index(c) for c in cells))
    assert len(set(bars)) == 49


def test_the_live_line() -> None:
    call = Call(Desk(), ID, uri="sip:b@host", from_uri="", state=CallState.CALLING)
    assert live_line(call, None) == "calling  sip:b@host"
    call.apply(ANSWERED, 100.0)
    assert live_line(call, None, now=161.5) == "up 01:01  PCMU"
    quality = Quality(packets_received=99, packets_lost=1, jitter_ms=0.26)
    reading = Reading(level_received=0.0, level_sent=-127.0, quality=quality)
    line = live_line(call, reading, now=161.5)
    assert line == "up 01:01  PCMU  in ██████  out         loss 1.0 %  jitter 0.3 ms"


def test_scores_are_shown_once_there_are_some() -> None:
    assert len(quality_summary(Quality()).splitlines()) == 2
    quality = Quality(mos=4.36, mos_conversational=4.1, mos_worst=3.0, remote_mos=4.2)
    assert quality_summary(quality).splitlines()[2] == (
        "MOS 4.4 (worst 5 s: 3.0), with the delay 4.1, the peer says 4.2"
    )
    quality = Quality(mos_conversational=4.1, round_trip_ms=31.6, loss_percent=0.5, jitter_ms=2.0)
    assert media_cells(quality) == ("4.1", "0.5", "2.0", "32")
    assert media_cells(None) == ("", "", "", "")


def test_loss_of_nothing_is_none() -> None:
    assert loss_percent(Quality()) == 0.0


def test_quality_is_told_for_both_directions() -> None:
    quality = Quality(packets_sent=50, packets_received=49, packets_lost=1, remote_lost=2)
    received, sent = quality_summary(quality).splitlines()
    assert received.startswith("received 49 packets, lost 1 (2.0 %)")
    assert sent.startswith("sent 50 packets, peer lost 2")
