"""The implicit subscription of a REFER: its two tables, and what NOTIFYs say."""

import pytest

from signaling.dialogs.subscription import (
    NOTIFIER,
    SUBSCRIBER,
    Cue,
    Heard,
    Phase,
    Subscription,
    Table,
    find,
    granted,
    notify_headers,
    read,
    step,
    subscription_of,
)
from signaling.sip.errors import RemoteError
from signaling.sip.message import Header, Request, Response


def notify(*headers: Header, body: bytes = b"SIP/2.0 180 Ringing\r\n") -> Request:
    return Request(method="NOTIFY", uri="sip:bob@h", headers=list(headers), body=body)


FRAGMENT = ("Content-Type", "message/sipfrag;version=2.0")


@pytest.mark.parametrize("table", [SUBSCRIBER, NOTIFIER])
def test_every_phase_has_a_row_and_over_is_over(table: Table) -> None:
    assert set(table) == set(Phase)
    assert not table[Phase.OVER]


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("cue", Cue)
def test_a_step_follows_the_table(phase: Phase, cue: Cue) -> None:
    for table in (SUBSCRIBER, NOTIFIER):
        subscription = Subscription(number=1, phase=phase)
        target = table[phase].get(cue)
        assert step(table, subscription, cue) == (target is not None)
        assert subscription.phase is (target or phase)


def test_a_notify_may_come_before_the_202() -> None:
    subscription = Subscription(number=1)
    assert step(SUBSCRIBER, subscription, Cue.TERMINATED)
    assert not step(SUBSCRIBER, subscription, Cue.GRANTED)
    assert subscription.phase is Phase.OVER


def test_whose_a_notify_is() -> None:
    first, second = Subscription(number=7), Subscription(number=9)
    both = [first, second]
    assert find(both, notify(("Event", "refer;id=7"))) is first
    assert find(both, notify(("Event", "refer;id=9"))) is second
    assert find(both, notify(("Event", "refer"))) is second
    for event, status in (("refer;id=8", 481), ("presence", 489), ("", 489)):
        with pytest.raises(RemoteError) as caught:
            find(both, notify(("Event", event)))
        assert caught.value.status == status
    first.phase = Phase.OVER
    with pytest.raises(RemoteError) as caught:
        find(both, notify(("Event", "refer;id=7")))
    assert caught.value.status == 481


def test_what_a_notify_says() -> None:
    active = notify(("Subscription-State", "active;expires=60"), FRAGMENT)
    assert read(active) == Heard(Cue.NOTIFIED, 180, "Ringing", 60)
    over = notify(("Subscription-State", "terminated;reason=noresource"), FRAGMENT)
    assert read(over).cue is Cue.TERMINATED
    assert read(notify(("Subscription-State", "active"), body=b"")) == Heard(Cue.NOTIFIED)
    with pytest.raises(RemoteError) as caught:
        read(notify(("Content-Type", "text/plain")))
    assert caught.value.status == 415


def test_an_old_phone_says_no_state() -> None:
    assert read(notify(FRAGMENT)).cue is Cue.NOTIFIED
    assert read(notify(FRAGMENT, body=b"SIP/2.0 486 Busy Here\r\n")).cue is Cue.TERMINATED


def test_what_a_2xx_grants() -> None:
    assert granted(Response(status=202, reason="", headers=[])) is Cue.GRANTED
    silent = Response(status=202, reason="", headers=[("Refer-Sub", "false")])
    assert granted(silent) is Cue.SILENCED


def test_the_id_is_the_number_of_the_refer() -> None:
    refer = Request(method="REFER", uri="sip:h", headers=[("CSeq", "42 REFER")])
    assert notify_headers(subscription_of(refer), expires=60) == [
        ("Event", "refer"),
        ("Subscription-State", "active;expires=60"),
    ]
    assert notify_headers(subscription_of(refer, named=True), expires=None) == [
        ("Event", "refer;id=42"),
        ("Subscription-State", "terminated;reason=noresource"),
    ]
