"""Keeping our registrations (RFC 3261 10.2): what the acts of ``registration`` do.

All REGISTERs of one address of record share a Call-ID and count CSeq up (10.2.4).  It is refreshed
well before it expires; while the registrar fails, the time between two tries doubles (RFC 5626
4.5), and the first success goes on as if nothing had been.  A 423 is asked again with the time it
names.  Where the registrar saw us at another address than we said (RFC 3581), that is what we
register.
"""

from typing import Final

import msgspec

from bus.registrations import RegistrationChanged, RegistrationInfo
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.credentials import CREDENTIALS, Account, answer, realms_of
from signaling.effects import KeepOpen
from signaling.locating import is_numeric
from signaling.registration import TABLE, Act, Cue, Registration, State
from signaling.sending import branch, contact, listener_for, locate, send_outside, via
from signaling.sip.errors import SipError
from signaling.sip.flow import Flow
from signaling.sip.headers import parse_cseq, parse_name_addr, parse_via
from signaling.sip.intervals import delta_seconds
from signaling.sip.message import Header, Request, Response, every, first
from signaling.sip.uri import HIGHEST_PORT, parse_uri, render_uri
from signaling.state import Listener, Outside

PURPOSE: Final = "register"
TIMER: Final = "register"

FIRST_WAIT, LONGEST_WAIT = 4.0, 300.0
"""Seconds of back-off after the first failure, and at most."""
SOONEST: Final = 1.0
"""Seconds until a refresh, however little the registrar grants."""
MOST_RAISES: Final = 3
"""423s in a row that are followed."""
SOON: Final = 1.0
"""Seconds, and up to twice that, until we register again when the connection breaks."""
EARLY: Final = (0.75, 0.9)
"""Share of its time after which a registration is refreshed."""


def begin(core: Core, registration: Registration) -> None:
    """Register, in place of what was there under the same address of record."""
    former = core.state.registrations.get(registration.aor)
    if former is not None:
        registration.call_id, registration.cseq = former.call_id, former.cseq
    core.state.registrations[registration.aor] = registration
    _send(core, registration, registration.expires)


def end(core: Core, registration: Registration) -> None:
    """Remove our contact."""
    _step(core, registration, Cue.STOP)


def take_timer(core: Core, aor: str, at: float) -> None:
    """Refresh or try again, if the timer is still true."""
    registration = core.state.registrations.get(aor)
    if registration is not None and registration.due_at == at:
        registration.due_at = 0.0
        _step(core, registration, Cue.DUE)


def take_final(core: Core, outside: Outside, happening: Happening) -> None:
    """Take the final response to a REGISTER."""
    registration = core.state.registrations.get(outside.owner)
    if registration is None or parse_cseq(_cseq(outside)).number != registration.cseq:
        return  # overtaken by a later one
    registration.status, registration.reason = happening.status, happening.reason
    response = happening.response
    if response is not None and happening.status in (401, 407):
        if _answered(core, registration, outside, response):
            return
    elif response is not None and happening.status == 423 and _lengthened(registration, response):
        _send(core, registration, registration.expires)
        return
    registration.flow = outside.flow
    if outside.flow is not None and 200 <= happening.status < 300:
        core.effects.append(KeepOpen(outside.flow, float(first(outside.request, "Expires") or 0)))
    _step(core, registration, _judge(core, registration, happening))


def connection_lost(core: Core, flow: Flow) -> None:
    """Register soon again over a new connection: calls came in on the one that broke."""
    for registration in core.state.registrations.values():
        ours = registration.flow
        if ours is None or not ours.reliable or registration.state is not State.REGISTERED:
            continue
        if (ours.listener, ours.host, ours.port) == (flow.listener, flow.host, flow.port):
            _wait(core, registration, SOON * (1.0 + core.entropy.fraction()))


def _cseq(outside: Outside) -> str:
    return first(outside.request, "CSeq") or ""


def _judge(core: Core, registration: Registration, happening: Happening) -> Cue:
    status, response = happening.status, happening.response
    if 200 <= status < 300 and response is not None:
        corrected, registration.former = bool(registration.former), ""
        registration.failures = registration.raises = 0
        registration.expires_at = core.now + _granted(registration, response)
        if not corrected:  # who sees us elsewhere each time is believed once a refresh
            _learn_address(registration, response)
        return Cue.ACCEPTED
    registration.failures += 1
    registration.retry_after = _retry_after(response)
    return Cue.FAILED if status in (408, 480) or 500 <= status < 600 else Cue.REFUSED


def _step(core: Core, registration: Registration, cue: Cue) -> None:
    cell = TABLE[registration.state].get(cue)
    if cell is None:
        return
    before = registration.info()
    registration.state, acts = cell
    for act in acts:
        match act:
            case Act.SEND:
                _send(core, registration, registration.expires)
            case Act.REMOVE:
                registration.due_at = 0.0
                _send(core, registration, 0)
            case Act.WAIT_REFRESH:
                _wait(core, registration, _until_refresh(core, registration))
            case Act.WAIT_RETRY:
                _wait(core, registration, _until_retry(core, registration))
            case Act.TELL:
                _tell(core, registration, before)
    if registration.state is State.ENDED:
        core.state.registrations.pop(registration.aor, None)


def _tell(core: Core, registration: Registration, before: RegistrationInfo) -> None:
    after = registration.info()
    same = msgspec.structs.replace(before, expires_at=after.expires_at) == after
    if same and before.state == after.state:
        return  # a refresh is no news
    event = RegistrationChanged(registration=after)
    client = core.state.clients.known.get(registration.owner)
    if client is not None:
        core.send_event(client, event)
    core.publish("registration", event)


def _wait(core: Core, registration: Registration, seconds: float) -> None:
    registration.due_at = core.now + seconds
    core.push_timer(registration.due_at, registration.aor, TIMER)


def _until_refresh(core: Core, registration: Registration) -> float:
    if registration.former:
        return 0.0  # we have just learned the address that it should have been
    least, most = EARLY
    share = least + (most - least) * core.entropy.fraction()
    return max((registration.expires_at - core.now) * share, SOONEST)


def _until_retry(core: Core, registration: Registration) -> float:
    longest = min(FIRST_WAIT * 2 ** (registration.failures - 1), LONGEST_WAIT)
    wait: float = longest * (0.5 + core.entropy.fraction() / 2)
    return max(wait, registration.retry_after)


# -------------------------------------------------------------------------------- the request


def _send(core: Core, registration: Registration, expires: int) -> None:
    listener = _listener(core, registration)
    registration.cseq += 1
    request = Request(
        method="REGISTER",
        uri=registration.registrar,
        headers=_fields(core, registration, listener, expires),
        body=b"",
    )
    _dispatch(core, registration, Outside(purpose=PURPOSE, owner=registration.aor, request=request))


def _dispatch(core: Core, registration: Registration, outside: Outside) -> None:
    try:
        send_outside(core, outside, registration.registrar)
    except SipError as error:
        take_final(core, outside, Happening(status=503, reason=str(error)))


def _fields(
    core: Core, registration: Registration, listener: Listener, expires: int
) -> list[Header]:
    contacts: list[Header] = [("Contact", f"{registration.contact};expires={expires}")]
    if registration.former:
        contacts.insert(0, ("Contact", f"{registration.former};expires=0"))
    return [
        ("Via", via(listener, branch(core))),
        ("Max-Forwards", "70"),
        ("From", f"<{registration.aor}>;tag={registration.tag}"),
        ("To", f"<{registration.aor}>"),
        ("Call-ID", registration.call_id),
        ("CSeq", f"{registration.cseq} REGISTER"),
        *contacts,
        ("Expires", str(expires)),
        ("User-Agent", core.state.settings.sip.user_agent),
        *registration.headers,
    ]


def _answered(core: Core, registration: Registration, outside: Outside, response: Response) -> bool:
    """Send the request again with credentials; False if they were not taken or there are none."""
    user = registration.user if registration.password else ""
    account = Account(user, registration.password)
    credentials = answer(core, response, outside.request, account, outside.attempts)
    if not credentials:
        return False
    registration.realm = ""
    realms = realms_of(response)
    if len(realms) == 1:
        (registration.realm,) = realms
    registration.cseq += 1
    renewed = {
        "via": via(_listener(core, registration), branch(core)),
        "cseq": f"{registration.cseq} REGISTER",
    }
    former = outside.request.headers
    fields = [
        (name, renewed.get(name.lower(), value))
        for name, value in former
        if name.lower() not in CREDENTIALS
    ]
    request = msgspec.structs.replace(outside.request, headers=[*fields, *credentials])
    again = Outside(
        purpose=PURPOSE, owner=registration.aor, request=request, attempts=outside.attempts + 1
    )
    _dispatch(core, registration, again)
    return True


def _listener(core: Core, registration: Registration) -> Listener:
    transports = locate(core, parse_uri(registration.registrar)).transports
    found = listener_for(core, *transports[:1]) if transports else None
    found = found or core.state.listeners[0]
    if not registration.contact:
        user = parse_uri(registration.aor).user or "offhook"
        registration.contact, registration.listener = contact(found, user), found.name
    return found


# ------------------------------------------------------------------------------- the response


def _lengthened(registration: Registration, response: Response) -> bool:
    """Take the Min-Expires of a 423; False if it asks for no more than we did, or too often."""
    least = delta_seconds(first(response, "Min-Expires") or "")
    if least <= registration.expires or registration.raises == MOST_RAISES:
        return False
    registration.expires, registration.raises = least, registration.raises + 1
    return True


def _granted(registration: Registration, response: Response) -> float:
    """Return the seconds that the registrar gave our contact (10.2.4)."""
    ours = parse_name_addr(registration.contact).uri
    default = delta_seconds(first(response, "Expires") or "")
    for value in every(response, "Contact"):
        try:
            found = parse_name_addr(value)
        except SipError:
            continue
        seconds = delta_seconds(found.parameter("expires") or "")
        if found.uri == ours and max(seconds, default) >= 0:
            return float(seconds if seconds >= 0 else default)
    return float(default if default >= 0 else registration.expires)


def _learn_address(registration: Registration, response: Response) -> None:
    """Register what the registrar saw, if that is another address than we said (RFC 3581)."""
    seen = parse_via(first(response, "Via") or "")
    host, port = seen.parameter("received"), delta_seconds(seen.parameter("rport") or "")
    said = parse_name_addr(registration.contact)
    uri = parse_uri(said.uri)
    if not 0 < port <= HIGHEST_PORT or seen.transport.upper() != "UDP":
        return
    learned = msgspec.structs.replace(uri, host=host or seen.host, port=port)
    if not is_numeric(learned.host):
        return
    if (learned.host, learned.port) != (uri.host, uri.port or 5060):
        registration.former = registration.contact
        registration.contact = f"<{render_uri(learned)}>"


def _retry_after(response: Response | None) -> float:
    """Return the Retry-After of a response, seconds to a day; 0 if there is none."""
    value = first(response, "Retry-After") if response else None
    return float(min(max(delta_seconds(value or ""), 0), 86400))
