"""A call that came to us: ring, answer, reject or redirect it; then it is a call as any other."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bus import calls as verbs
from bus.asking import Engine
from bus.call import SILENCE, Call, CallState
from bus.call_routing import RoutedCall
from bus.calls import OnOwnerLost
from bus.conferencing import Conference
from bus.outcomes import CallEndedError, Completed
from bus.playing import Playable, absolute, as_source
from bus.protocol import Command


class IncomingCall(Call):
    """A call that came to us; it rings until it is answered, rejected or redirected."""

    def __init__(
        self,
        engine: Engine,
        event: verbs.IncomingCall,
        policy: OnOwnerLost,
        state: CallState = CallState.RINGING,
    ) -> None:
        super().__init__(
            engine,
            event.call,
            uri=event.request_uri,
            from_uri=event.from_uri,
            state=state,
            on_owner_lost=policy,
        )
        self.event: Final = event
        """The event that announced it: display name, To, headers, where it came from."""

    def header(self, name: str) -> str:
        """Return the first value of a header of the INVITE, empty if it has none."""
        found = (value for key, value in self.event.headers if key.lower() == name.lower())
        return next(found, "")

    async def ring(
        self,
        status: int | None = None,
        reason: str = "",
        *,
        play: Playable | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Tell the caller that it rings (180, or another status from 101 to 199).

        With ``play`` the caller hears that before the answer (early media, by default with 183).
        """
        request = verbs.Ring(
            call=self.id,
            status=status or (180 if play is None else 183),
            reason=reason,
            play=None if play is None else as_source(play),
            headers=tuple((headers or {}).items()),
        )
        await self._decide(request)

    async def answer(
        self,
        *,
        play: Playable = SILENCE,
        record: str | Path = "",
        headers: Mapping[str, str] | None = None,
        srtp: str = "",
        codecs: Sequence[str] = (),
        near: RoutedCall | Conference | None = None,
    ) -> verbs.Answered:
        """Answer, and return when the caller has confirmed it and media flows.

        ``srtp``: one of ``off offer require``, in place of the setting ``media.srtp``.
        ``codecs``: those that it may be answered with, in place of the setting ``media.codecs``.
        ``near``: whom it is to be bridged or to confer with (one worker is to carry both).
        Raises WrongStateError, and the call rings on, if the offer cannot be answered so.
        Raises CallFailed if it comes to nothing, for example Cancelled if the caller gave up.
        """
        request = verbs.Answer(
            call=self.id,
            play=as_source(play),
            record=absolute(record),
            headers=tuple((headers or {}).items()),
            srtp=srtp,
            codecs=tuple(codecs),
            near=near.id if near else "",
        )
        await self._decide(request, then=self._answering)
        return await self.answered()

    async def reject(self, status: int = 486, reason: str = "") -> None:
        """Refuse with a status from 400 to 699."""
        await self._decide(verbs.Reject(call=self.id, status=status, reason=reason))
        await self.ended()

    async def redirect(self, *uris: str, status: int = 302) -> None:
        """Send the caller elsewhere."""
        await self._decide(verbs.Redirect(call=self.id, contacts=uris, status=status))
        await self.ended()

    async def _decide(self, body: Command, then: Callable[[verbs.Ok], None] | None = None) -> None:
        """Ask it; a call that the caller gave up meanwhile raises how it ended."""
        try:
            await self._ask(body, then)
        except CallEndedError as over:
            if isinstance(over.outcome, Completed):
                raise
            raise over.outcome from None

    def _answering(self, _: verbs.Ok) -> None:
        if self.state is CallState.RINGING:
            self.state = CallState.ANSWERING
