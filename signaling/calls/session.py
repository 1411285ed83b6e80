"""The session timer of a call (RFC 4028): what its messages say, and when something is due."""

from signaling.calls.call import Call
from signaling.core import Core
from signaling.dialogs.session_timer import (
    Wanted,
    ask,
    expires_after,
    grant,
    hear,
    raised,
    refresh_after,
    too_brief,
)
from signaling.sip.message import Header, Request, Response

REFRESH, EXPIRY = "refresh", "expiry"


def ask_session(core: Core, call: Call) -> list[Header]:
    """Return what an INVITE or UPDATE of ours says of it."""
    return ask(call.session, _wanted(core))


def grant_session(core: Core, call: Call, request: Request) -> list[Header]:
    """Return what our 2xx to an INVITE or UPDATE says of it; the time begins anew."""
    headers = grant(call.session, _wanted(core), request)
    begin_session(core, call)
    return headers


def hear_session(core: Core, call: Call, response: Response) -> None:
    """Take the 2xx to an INVITE or UPDATE of ours; the time begins anew."""
    hear(call.session, response)
    begin_session(core, call)


def refuse_brief(core: Core, request: Request) -> list[Header]:
    """Return the Min-SE of a 422 to a request whose interval is too small, else nothing."""
    wanted = _wanted(core)
    return [("Min-SE", str(wanted.shortest))] if too_brief(request, wanted) else []


def raise_session(core: Core, call: Call, response: Response | None) -> bool:
    """Whether a response is a 422 after which the same request with more time may do."""
    if response is None or response.status != 422:
        return False
    return raised(call.session, _wanted(core), response)


def begin_session(core: Core, call: Call) -> None:
    """Let the time begin anew."""
    lengths = {
        REFRESH: refresh_after(call.session, _wanted(core)),
        EXPIRY: expires_after(call.session),
    }
    for name, seconds in lengths.items():
        call.timers.pop(name, None)
        if seconds:
            core.set_timer(call, name, seconds)


def _wanted(core: Core) -> Wanted:
    settings = core.state.settings.sip
    return Wanted(settings.session_expires, settings.min_session_expires)
