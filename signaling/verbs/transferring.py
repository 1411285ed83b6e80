"""Transfers: asked for, and decided on."""

from typing import Final

from bus.calls import Dial, Dialled, Ok
from bus.errors import BadRequestError, ForbiddenError, NotFoundError, WrongStateError
from bus.sources import Music
from bus.transfers import AcceptTransfer, CancelTransfer, DeclineTransfer, Transfer
from signaling.calls import transferor
from signaling.calls.call import Call, Purpose, Waiting
from signaling.calls.domains import in_domain
from signaling.calls.referral import Referral, Turn
from signaling.calls.requests import pending
from signaling.calls.states import State
from signaling.calls.transfer import Stage, Transferring
from signaling.calls.transferee import accept, decline
from signaling.checks import call_named, call_up, check_headers, check_source, check_text, check_uri
from signaling.clients import Client
from signaling.core import Core
from signaling.sip.message import Header
from signaling.sip.referring import render_refer_to
from signaling.verbs.dialling import begin, place
from signaling.verbs.verb import Verbs

REQUIRES_REPLACES: Final[Header] = ("Require", "replaces")

LONGEST: Final = 86400.0
"""Seconds of a transfer."""

NOT_YET: Final = frozenset({State.PLACING, State.CALLING, State.RINGING})


def _transfer(core: Core, client: Client, waiting: Waiting, command: Transfer) -> None:
    call = call_up(core, command.call)
    if bool(command.uri) == bool(command.other):
        raise BadRequestError("transfer: exactly one of `uri` and `other` is to be given")
    if command.uri:
        check_uri("uri", command.uri)
    if not 0 < command.timeout <= LONGEST:  # NaN is neither
        raise BadRequestError(f"timeout: {command.timeout} is not above 0, to a day")
    check_headers(command.headers)
    check_source(command.music)
    _check_idle(call)
    if command.other:
        _check_target(call, call_named(core, command.other))
    transfer = Transferring(
        stage=Stage.WAITING,
        targets=[render_refer_to(command.uri)] if command.uri else [],
        headers=command.headers,
        other=command.other,
        hold=command.hold,
        music=command.music or Music(),
    )
    core.reply(waiting, Ok())
    transferor.begin(core, call, transfer, command.timeout)


def _check_idle(call: Call) -> None:
    if call.transfer or call.consulting or pending(call, Purpose.REFER):
        raise WrongStateError(f"call {call.id} is being transferred")
    if call.referral:
        raise WrongStateError(f"the peer of call {call.id} asks for a transfer itself")


def _check_target(call: Call, other: Call) -> None:
    if other is call:
        raise BadRequestError("other: a call cannot be transferred to itself")
    if other.state is not State.UP and not (other.out and other.state in NOT_YET):
        raise WrongStateError(f"call {other.id} is {other.info().state}, nobody to talk to")
    if other.transfer or other.consulting:
        raise WrongStateError(f"call {other.id} is being transferred")


def _cancel(core: Core, client: Client, waiting: Waiting, command: CancelTransfer) -> None:
    call = call_named(core, command.call)
    if call.transfer is None:
        raise WrongStateError(f"call {call.id} is not being transferred")
    core.reply(waiting, Ok())
    transferor.cancel(core, call)


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
        srtp=old.srtp if old else "",
    )
    call = place(core, client, dial)
    if call.out is not None:
        call.out.headers = (*_carried(referral, command), *call.out.headers)
    call.transfers = old.transfers + 1 if old else 1
    call.succeeds = referral.call
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


VERBS: Verbs = {
    Transfer: _transfer,
    CancelTransfer: _cancel,
    AcceptTransfer: _accept,
    DeclineTransfer: _decline,
}
