"""Calls in words: an event, the live line, what the media was like."""

import time
from typing import assert_never

from bus import calls as verbs
from bus.call import Call
from bus.calls import Quality
from bus.devices import DeviceChanged
from bus.gauges import Reading, Summary
from bus.holding import HoldChanged
from bus.outcomes import outcome_of
from bus.protocol import FeedEvent
from bus.quality import MediaResumed, MediaTimeout, QualityChanged, QualityEvent
from bus.registrations import RegistrationChanged, RegistrationInfo
from bus.routing import Bridged, ConferenceEnded, MemberChanged, RoutingEvent, Unbridged
from bus.speaking import SpeechChanged
from bus.transfers import Replaced, TransferAsked, TransferEnded, TransferProgress

MEDIA_HEAD = ("MOS", "LOSS %", "JITTER ms", "ROUND TRIP ms")
BLOCKS = " ▁▂▃▄▅▆▇█"
BAR = 6
QUIETEST = -60.0
"""dBov at which a bar is empty."""


def in_words(event: FeedEvent) -> str:
    """Return one line for an event."""
    match event:
        case verbs.IncomingCall():
            return f"incoming: {event.from_uri} calls {event.request_uri} from {event.source}"
        case verbs.Progress():
            return f"{event.status} {event.reason}"
        case verbs.Answered():
            codec = f"{event.codec} {event.srtp}".rstrip()
            return f"up: {codec} {event.local_media} <-> {event.remote_media}"
        case verbs.DigitReceived():
            return f"digit {event.digit} ({event.duration_ms} ms, {event.method})"
        case verbs.DigitsSent():
            return f"digits sent, {event.refused} not taken" if event.refused else "digits sent"
        case verbs.PlayFinished():
            return "played to the end"
        case verbs.MediaChanged():
            return f"media {event.direction} {event.codec} {event.remote_media}"
        case DeviceChanged():
            return f"{event.part} {event.device} {event.state} {event.reason}".rstrip()
        case SpeechChanged():
            return "the peer speaks" if event.speaks else "the peer is silent"
        case HoldChanged():
            return held_by(local=event.local, remote=event.remote) or "talking again"
        case TransferProgress():
            return f"transfer: {event.status} {event.reason}"
        case TransferEnded():
            verdict = "done" if event.ok else "failed"
            return f"transfer {verdict}: {event.status or ''} {event.reason}".rstrip(": ")
        case TransferAsked():
            who = f" (by {event.referred_by})" if event.referred_by else ""
            return f"asked to call {event.uri}{who}"
        case Replaced():
            return f"{event.remote} takes over as {event.by}"
        case RegistrationChanged():
            return registration_in_words(event.registration)
        case Bridged() | Unbridged() | MemberChanged() | ConferenceEnded():
            return _routing_in_words(event)
        case QualityChanged() | MediaTimeout() | MediaResumed():
            return _media_in_words(event)
        case verbs.Ended():
            return _ending(event)
        case verbs.Snapshot():
            return f"snapshot: {len(event.calls)} calls (events were lost)"
        case verbs.WorkerChanged():
            return f"worker {event.worker.worker} {event.worker.state} (pid {event.worker.pid})"
        case verbs.SipMessage():
            arrow = "->" if event.direction == "sent" else "<-"
            return f"{event.local} {arrow} {event.remote}\n{event.text.rstrip()}\n"
        case _:
            assert_never(event)


def _media_in_words(event: QualityEvent) -> str:
    match event:
        case QualityChanged():
            return (
                f"quality {event.grade}: MOS {event.mos_conversational:.1f},"
                f" loss {event.loss_percent:.1f} %, jitter {event.jitter_ms:.1f} ms,"
                f" round trip {event.round_trip_ms:.0f} ms"
            )
        case MediaTimeout():
            why = ", the peer said goodbye" if event.goodbye else ""
            return f"no media for {event.seconds:.1f} s{why}"
        case MediaResumed():
            return f"media again, after {event.seconds:.1f} s"


def _routing_in_words(event: RoutingEvent | ConferenceEnded) -> str:
    match event:
        case Bridged():
            return f"bridged with {event.other}"
        case Unbridged():
            return f"no more bridged with {event.other} ({event.reason})"
        case MemberChanged() if not event.role:
            return f"left conference {event.conference} ({event.reason})"
        case MemberChanged():
            muted = ", muted" if event.muted else ""
            role = f"{event.role} to {event.to}" if event.to else event.role
            return f"in conference {event.conference}: {role}{muted}"
        case ConferenceEnded():
            return f"conference {event.conference} ended ({event.reason})"


def _ending(event: verbs.Ended) -> str:
    after = f" after {event.duration:.1f} s" if event.duration else ""
    whose = f" (by {event.by})" if event.by else ""
    return f"{outcome_of(event)}{after}{whose}"


def clock(at: float) -> str:
    """Return the local time of day, to a millisecond, of Unix time."""
    return f"{time.strftime('%H:%M:%S', time.localtime(at))}.{int(at * 1000) % 1000:03}"


def held_by(*, local: bool, remote: bool) -> str:
    """Return who holds whom, empty if nobody does."""
    match local, remote:
        case True, True:
            return "both hold"
        case True, False:
            return "held by us"
        case False, True:
            return "held by the peer"
        case _:
            return ""


def registration_in_words(info: RegistrationInfo) -> str:
    """Return how a registration stands: ``sip:a@b registered until 12:00:00 (200 OK)``."""
    until = time.strftime(" until %H:%M:%S", time.localtime(info.expires_at))
    why = " ".join(word for word in (str(info.status or ""), info.reason) if word)
    return f"{info.aor} {info.state}{until if info.expires_at else ''}{f' ({why})' if why else ''}"


def quality_summary(quality: Quality) -> str:
    """Return what the media was like, in two lines."""
    return (
        f"received {quality.packets_received} packets, lost {quality.packets_lost}"
        f" ({loss_percent(quality):.1f} %), late {quality.packets_late},"
        f" concealed {quality.frames_concealed}, jitter {quality.jitter_ms:.1f} ms\n"
        f"sent {quality.packets_sent} packets, peer lost {quality.remote_lost},"
        f" peer's jitter {quality.remote_jitter_ms:.1f} ms,"
        f" round trip {quality.round_trip_ms:.1f} ms{_scores(quality)}"
    )


def _scores(quality: Quality) -> str:
    """Return a third line, if there is a score."""
    if not quality.mos:
        return ""
    worst = f" (worst 5 s: {quality.mos_worst:.1f})" if quality.mos_worst else ""
    peers = f", the peer says {quality.remote_mos:.1f}" if quality.remote_mos else ""
    with_delay = f"with the delay {quality.mos_conversational:.1f}"
    return f"\nMOS {quality.mos:.1f}{worst}, {with_delay}{peers}"


def loss_percent(quality: Quality) -> float:
    """Return the share of the peer's packets that never came."""
    expected = quality.packets_received + quality.packets_lost
    return 100 * quality.packets_lost / expected if expected else 0.0


def live_line(call: Call, reading: Reading | None, now: float | None = None) -> str:
    """Return state, time, codec, levels, loss and jitter of a call; ``now`` is Unix time."""
    if call.media is None:
        return f"{call.state}  {call.uri}"
    seconds = int((time.time() if now is None else now) - call.answered_at)
    head = f"{call.state} {seconds // 60:02d}:{seconds % 60:02d}  {call.codec}"
    if reading is None:
        return head
    quality = reading.quality
    mos = f"  MOS {quality.mos_conversational:.1f}" if quality.mos_conversational else ""
    trip = f"  round trip {quality.round_trip_ms:.0f} ms" if quality.round_trip_ms else ""
    return (
        f"{head}  in {bar(reading.level_received)}  out {bar(reading.level_sent)}"
        f"  loss {loss_percent(quality):.1f} %  jitter {quality.jitter_ms:.1f} ms{trip}{mos}"
    )


def media_cells(quality: Quality | Summary | None) -> tuple[str, str, str, str]:
    """Return MOS, loss, jitter and round trip for a table; empty where they are not known."""
    if quality is None:
        return "", "", "", ""
    return (
        f"{quality.mos_conversational:.1f}" if quality.mos_conversational else "",
        f"{quality.loss_percent:.1f}",
        f"{quality.jitter_ms:.1f}",
        f"{quality.round_trip_ms:.0f}" if quality.round_trip_ms else "",
    )


def bar(level: float) -> str:
    """Return a level in dBov as a bar of six cells, each of eight steps."""
    steps = round((1 - max(QUIETEST, min(level, 0.0)) / QUIETEST) * BAR * 8)
    cells = [BLOCKS[max(0, min(8, steps - 8 * cell))] for cell in range(BAR)]
    return "".join(cells)
