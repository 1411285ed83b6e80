"""Transfers: asked for, and decided on."""

from typing import Final

from bus.calls import Dial, Dialled, Ok
from bus.errors import BadRequestError, ForbiddenError, NotFoundError
from bus.transfers import AcceptTransfer, DeclineTransfer
from signaling.calls.call import Waiting
from signaling.calls.domains import in_domain
from signaling.calls.transfer import Referral, Turn
from signaling.calls.transferee import accept, decline
from signaling.checks import check_text
from signaling.clients import Client
from signaling.core import Core
from signaling.sip.message import Header
from signaling.verbs.dialling import begin, place
from signaling.verbs.verb import Verbs

REQUIRES_REPLACES: Final[Header] = ("Require", "replaces")


def _accept(core: Core, client: Client, waiting: Waiting, command: AcceptTransfer) -> None:
    referral = _referral_named(core, client, command.transfer)
    uri = command.uri or referral.to.uri
    if not command.any_domain and not in_domain(uri, referral.domains):
        asker = " or ".join(sorted(set(referral.domains)))
        raise ForbiddenError(f"{uri} is in another domain than {asker}, which asks for it")
    old = core.state.calls.get(referral.call)
    dial = Dial(
        uri=uri,
        from_uri=old.local_uri if old else "",
        play=command.play,
        record=command.record,
        headers=command.headers,
        ring_timeout=command.ring_timeout,
        redirect_any_domain=command.any_domain,
        user=command.user,
        password=command.password,
        on_owner_lost=referral.on_owner_lost,
    )
    call = place(core, client, dial)
    if call.out is not None:
        call.out.headers = (*_carried(referral, command), *call.out.headers)
    call.transfers = old.transfers + 1 if old else 1
    core.reply(waiting, Dialled(call=call.id))
    accept(core, referral, call)
    begin(core, call)


def _carried(referral: Referral, command: AcceptTransfer) -> tuple[Header, ...]:
    """Return what the INVITE says because of the REFER; the owner's own words come first."""
    to, said = referral.to, {name.lower() for name, _ in command.headers}
    headers: list[Header] = []
    if referral.referred_by:
        headers.append(("Referred-By", referral.referred_by))
    if to.replaces and not command.uri:
        headers.append(("Replaces", to.replaces))
        headers += [REQUIRES_REPLACES] if to.requires_replaces else []
    known = said | {name.lower() for name, _ in headers}
    headers += [header for header in to.headers if header[0].lower() not in known]
    return tuple(header for header in headers if header[0].lower() not in said)


def _decline(core: Core, client: Client, waiting: Waiting, command: DeclineTransfer) -> None:
    if not 400 <= command.status <= 699:
        raise BadRequestError(f"decline: status {command.status} is not from 400 to 699")
    check_text("reason", command.reason)
    referral = _referral_named(core, client, command.transfer)
    decline(core, referral, command.status, command.reason)
    core.reply(waiting, Ok())


def _referral_named(core: Core, client: Client, name: str) -> Referral:
    referral = core.state.referrals.get(name)
    if referral is None or referral.turn is not Turn.ASKED or referral.owner != client.peer:
        raise NotFoundError(f"no transfer {name!r} waits for a decision")
    return referral


VERBS: Verbs = {AcceptTransfer: _accept, DeclineTransfer: _decline}
