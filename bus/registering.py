"""Registrations, as an application holds them: ``await engine.register("sip:alice@example.com")``.

    async with await engine.register("sip:alice@example.com", password="...") as registration:
        await registration.registered()
        ...

The engine refreshes it, and tries again while the registrar fails, until ``unregister`` or the end
of the connection; a restarted engine is asked again.

    state     trying ─► registered ⇄ failing        rejected    ending ─► ended
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

from bus.asking import Engine
from bus.calls import Ok
from bus.errors import NotFoundError, OffhookError
from bus.history import History
from bus.ids import PeerId
from bus.registrations import (
    ListRegistrations,
    Register,
    Registering,
    RegistrationInfo,
    Registrations,
    Unregister,
)

GOODBYE_WITHIN: Final = 3.0


class RegistrationState(StrEnum):
    """Where a registration is in its life."""

    TRYING = "trying"
    REGISTERED = "registered"
    FAILING = "failing"
    """The registrar does not answer, or with an error; it is tried again."""
    REJECTED = "rejected"
    """The registrar does not want us: a wrong password, an unknown user."""
    ENDING = "ending"
    ENDED = "ended"


FINAL: Final = frozenset({RegistrationState.REJECTED, RegistrationState.ENDED})


class RegistrationFailedError(OffhookError):
    """What was waited for will not come; ``info`` says how it stands."""

    def __init__(self, aor: str, info: RegistrationInfo | None) -> None:
        words = f"{info.state} {info.status or ''} {info.reason}" if info else "ended"
        super().__init__(f"{aor}: {' '.join(words.split())}")
        self.info = info


class Registration:
    """One address of record that the engine keeps registered for us."""

    def __init__(self, engine: Engine, aor: str, request: Register) -> None:
        self.aor: Final = aor
        self.state = RegistrationState.TRYING
        self.info: RegistrationInfo | None = None
        """How it stands: contact, when it expires, the last response."""
        self.request = request
        self._engine = engine
        self._log = History[RegistrationInfo]()

    def __repr__(self) -> str:
        return f"<Registration {self.aor} {self.state}>"

    async def registered(self) -> RegistrationInfo:
        """Wait until the registrar has us.  Raises RegistrationFailedError if it refuses."""
        return await self.until(RegistrationState.REGISTERED)

    async def until(self, *states: str) -> RegistrationInfo:
        """Wait for one of these states and return how it stands then.

        Raises RegistrationFailedError if it is rejected or ended instead.
        """
        return await self._log.until(lambda: self._in(states))

    def changes(self) -> AsyncGenerator[RegistrationInfo, None]:
        """Yield how it stands after each change, from the first; ends when it is over."""
        return self._log.follow(lambda: self.state is RegistrationState.ENDED)

    async def unregister(self) -> None:
        """Remove our contact at the registrar and wait until it has answered (or does not)."""
        if self.state is not RegistrationState.ENDED:
            with contextlib.suppress(NotFoundError):  # it has just ended
                await self._engine.ask(Unregister(aor=self.aor), Ok)
                await self._log.until(lambda: self.state is RegistrationState.ENDED or None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.unregister()

    def apply(self, info: RegistrationInfo) -> None:
        """Take how it stands."""
        self.info, self.state = info, RegistrationState(info.state)
        self._log.add(info)
        self._log.wake()

    def lose(self) -> None:
        """Give it up: the engine is gone."""
        self.state = RegistrationState.ENDED
        self._log.wake()

    def _in(self, states: tuple[str, ...]) -> RegistrationInfo | None:
        if self.info is not None and self.state in states:
            return self.info
        if self.state in FINAL:
            raise RegistrationFailedError(self.aor, self.info)
        return None


class Registry:
    """The registrations of one program."""

    def __init__(self, engine: Engine, peer: PeerId) -> None:
        self._engine = engine
        self._peer = peer
        self._known: dict[str, Registration] = {}

    async def register(
        self,
        aor: str,
        *,
        password: str = "",
        user: str = "",
        registrar: str = "",
        expires: float = 3600.0,
        headers: Mapping[str, str] | None = None,
    ) -> Registration:
        """Begin, or change the one that there is."""
        request = Register(
            aor=aor,
            registrar=registrar,
            user=user,
            password=password,
            expires=expires,
            headers=tuple((headers or {}).items()),
        )
        made: list[Registration] = []

        def begun(reply: Registering) -> None:
            known = self._known.get(reply.aor)
            if known is None or known.state is RegistrationState.ENDED:
                known = Registration(self._engine, reply.aor, request)
            known.request = request
            self._known[reply.aor] = known
            made.append(known)

        await self._engine.ask(request, Registering, then=begun)
        return made[0]

    async def infos(self) -> tuple[RegistrationInfo, ...]:
        """Return all registrations of the engine, whoever owns them."""
        listed = await self._engine.ask(ListRegistrations(), Registrations)
        return listed.registrations

    def changed(self, info: RegistrationInfo) -> None:
        """Take how one stands; it may be somebody else's."""
        known = self._known.get(info.aor)
        if known is None or info.owner != self._peer:
            return
        known.apply(info)
        if known.state is RegistrationState.ENDED:
            del self._known[info.aor]

    def renew(self) -> None:
        """Ask again, of a signaling that does not know them."""
        for registration in self._known.values():
            if registration.state is not RegistrationState.REJECTED:
                self._engine.tell(registration.request)

    async def refresh(self) -> None:
        """Fetch how they stand, after events were missed."""
        if not self._known:
            return
        try:
            infos = {i.aor: i for i in await self.infos() if i.owner == self._peer}
        except OffhookError:
            return  # the connection is cut again
        for aor in [aor for aor in self._known if aor not in infos]:
            self._known.pop(aor).lose()
        for info in infos.values():
            self.changed(info)

    def lose(self) -> None:
        """Give them up: the engine is gone."""
        for registration in self._known.values():
            registration.lose()
        self._known.clear()

    async def end(self) -> None:
        """Unregister all, within a few seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_WITHIN):
                ours = list(self._known.values())
                await asyncio.gather(*map(_goodbye, ours))


async def _goodbye(registration: Registration) -> None:
    with contextlib.suppress(OffhookError):
        await registration.unregister()
