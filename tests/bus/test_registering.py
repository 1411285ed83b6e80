import asyncio

import pytest

from bus.calls import Ok
from bus.errors import NotFoundError
from bus.ids import PeerId
from bus.registering import Registration, RegistrationFailedError, RegistrationState, Registry
from bus.registrations import (
    ListRegistrations,
    Register,
    Registering,
    RegistrationInfo,
    Registrations,
    Unregister,
)
from tests.bus.test_call import Desk, run

AOR = "sip:a@host"
ME = PeerId("me")


def info(state: str, *, aor: str = AOR, owner: PeerId = ME, status: int = 0) -> RegistrationInfo:
    return RegistrationInfo(
        aor=aor, registrar="sip:host", state=state, owner=owner, status=status, reason=""
    )


async def registered(registry: Registry, desk: Desk) -> Registration:
    desk.answer = Registering(aor=AOR)
    registration = await registry.register(AOR, password="secret")
    desk.answer = Ok()
    return registration


def test_it_is_followed_until_the_registrar_has_us() -> None:
    async def scenario() -> None:
        desk = Desk()
        registry = Registry(desk, ME)
        registration = await registered(registry, desk)
        assert desk.asked == [Register(aor=AOR, password="secret")]
        assert registration.state is RegistrationState.TRYING
        waiting = asyncio.create_task(registration.registered())
        for each in (info("trying"), info("failing", status=503), info("registered", status=200)):
            registry.changed(each)
            await asyncio.sleep(0)
        assert (await waiting).status == 200
        assert await registration.until("registered", "failing") == registration.info

    run(scenario)


@pytest.mark.parametrize(("state", "words"), [("rejected", "rejected 403"), ("ended", "ended 403")])
def test_what_will_not_come_is_not_waited_for(state: str, words: str) -> None:
    async def scenario() -> None:
        desk = Desk()
        registry = Registry(desk, ME)
        registration = await registered(registry, desk)
        registry.changed(info(state, status=403))
        with pytest.raises(RegistrationFailedError, match=words) as caught:
            await registration.registered()
        assert caught.value.info == registration.info

    run(scenario)


def test_unregistering_waits_for_the_end_and_does_nothing_twice() -> None:
    async def scenario() -> None:
        desk = Desk()
        registry = Registry(desk, ME)
        registration = await registered(registry, desk)
        registry.changed(info("rejected"))
        async with registration:
            following = asyncio.create_task(states(registration))
            desk.before_reply = lambda _: registry.changed(info("ended"))
        assert await following == ["rejected", "ended"]
        await registration.unregister()
        assert desk.asked[1:] == [Unregister(aor=AOR)]

    async def states(registration: Registration) -> list[str]:
        return [each.state async for each in registration.changes()]

    run(scenario)


def test_one_that_has_just_ended_is_no_error() -> None:
    async def scenario() -> None:
        desk = Desk()
        registration = await registered(Registry(desk, ME), desk)
        desk.refusal = NotFoundError("no such registration")
        await registration.unregister()

    run(scenario)


def test_registering_again_changes_it() -> None:
    async def scenario() -> None:
        desk = Desk()
        registry = Registry(desk, ME)
        first = await registered(registry, desk)
        assert await registered(registry, desk) is first
        registry.changed(info("ended"))
        assert await registered(registry, desk) is not first

    run(scenario)


def test_those_of_others_are_not_ours() -> None:
    async def scenario() -> None:
        desk = Desk()
        registry = Registry(desk, ME)
        registration = await registered(registry, desk)
        registry.changed(info("registered", owner=PeerId("you")))
        registry.changed(info("registered", aor="sip:b@host"))
        assert registration.info is None

    run(scenario)


def test_a_restarted_signaling_is_asked_again_unless_the_registrar_refused() -> None:
    async def scenario() -> None:
        desk = Desk()
        registry = Registry(desk, ME)
        await registered(registry, desk)
        registry.renew()
        assert desk.told == [Register(aor=AOR, password="secret")]
        registry.changed(info("rejected"))
        registry.renew()
        assert len(desk.told) == 1

    run(scenario)


def test_after_a_loss_of_events_they_are_fetched() -> None:
    async def scenario() -> None:
        desk = Desk()
        registry = Registry(desk, ME)
        await registry.refresh()
        assert desk.asked == []  # there is nothing to ask
        registration = await registered(registry, desk)
        desk.answer = Registrations(registrations=(info("registered"),))
        await registry.refresh()
        assert desk.asked[-1] == ListRegistrations()
        assert (await registration.registered()).owner == ME
        desk.answer = Registrations(registrations=())
        await registry.refresh()
        assert registration.state is RegistrationState.ENDED

    run(scenario)


def test_at_the_end_all_are_removed() -> None:
    async def scenario() -> None:
        desk = Desk()
        registry = Registry(desk, ME)
        registration = await registered(registry, desk)
        desk.before_reply = lambda _: registry.changed(info("ended"))
        await registry.end()
        assert registration.state is RegistrationState.ENDED
        assert desk.asked[-1] == Unregister(aor=AOR)

    run(scenario)


def test_a_lost_engine_ends_them() -> None:
    async def scenario() -> None:
        desk = Desk()
        registry = Registry(desk, ME)
        registration = await registered(registry, desk)
        registry.lose()
        with pytest.raises(RegistrationFailedError, match="sip:a@host: ended"):
            await registration.registered()

    run(scenario)
