"""Registrations with registrars: begin, end, list."""

from bus.calls import Ok
from bus.errors import BadRequestError, NotFoundError
from bus.ids import PeerId
from bus.registrations import (
    ListRegistrations,
    Register,
    Registering,
    RegistrationInfo,
    Registrations,
    Unregister,
)
from signaling.calls.call import Waiting
from signaling.checks import check_headers, check_text
from signaling.clients import Client
from signaling.core import Core
from signaling.registering import begin, end
from signaling.registration import Registration
from signaling.sip.errors import SipError
from signaling.sip.uri import Uri, parse_uri, render_uri
from signaling.verbs.verb import Verbs

SHORTEST, LONGEST = 1.0, 2.0**31
"""Seconds of a registration."""


def _register(core: Core, client: Client, waiting: Waiting, command: Register) -> None:
    aor = _uri("aor", command.aor)
    if not aor.user:
        raise BadRequestError(f"aor: {command.aor!r} has no user")
    registrar = _uri("registrar", command.registrar) if command.registrar else _domain(aor)
    if not SHORTEST <= command.expires < LONGEST:
        raise BadRequestError(f"expires: {command.expires} is not from 1 to 2**31 seconds")
    check_headers(command.headers)
    check_text("user", command.user)
    former = core.state.registrations.get(command.aor)
    if former is not None and former.owner != client.peer:
        raise BadRequestError(f"aor: {command.aor} is registered by {former.owner}")
    core.reply(waiting, Registering(aor=command.aor))
    begin(
        core,
        Registration(
            aor=command.aor,
            registrar=render_uri(registrar),
            owner=client.peer,
            user=command.user or aor.user,
            password=command.password,
            expires=int(command.expires),
            headers=command.headers,
            call_id=core.entropy.token(16),
            tag=core.entropy.token(),
            listener="",
            contact="",
        ),
    )


def _unregister(core: Core, client: Client, waiting: Waiting, command: Unregister) -> None:
    registration = core.state.registrations.get(command.aor)
    if registration is None or registration.owner != client.peer:
        raise NotFoundError(f"no registration of {command.aor!r}")
    core.reply(waiting, Ok())
    end(core, registration)


def _list(core: Core, client: Client, waiting: Waiting, command: ListRegistrations) -> None:
    ours = [each.info() for each in core.state.registrations.values()]
    theirs = [
        RegistrationInfo(
            aor=aor,
            registrar="here",
            state="bound",
            owner=PeerId(""),
            contact=each.contact,
            expires_at=each.expires_at,
        )
        for aor in core.state.location.bindings
        for each in core.state.location.of(aor, core.now)
    ]
    core.reply(waiting, Registrations(registrations=(*ours, *theirs)))


def _uri(field: str, text: str) -> Uri:
    try:
        uri = parse_uri(text)
    except SipError as error:
        raise BadRequestError(f"{field}: {error}") from None
    if uri.scheme not in ("sip", "sips"):
        raise BadRequestError(f"{field}: scheme {uri.scheme!r} is not sip or sips")
    return uri


def _domain(aor: Uri) -> Uri:
    """Return the registrar's URI: the domain, without a user (RFC 3261 10.2)."""
    return Uri(scheme=aor.scheme, host=aor.host, port=aor.port, parameters=aor.parameters)


VERBS: Verbs = {Register: _register, Unregister: _unregister, ListRegistrations: _list}
