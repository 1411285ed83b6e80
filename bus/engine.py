"""The engine, as an application holds it: place calls, take calls, see what runs."""

import asyncio
import contextlib
import os
import secrets
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self, TypeVar

from bus import calls as verbs
from bus.call import Call, CallState, IncomingCall
from bus.calls import CallInfo, OnOwnerLost, Welcome, WorkerInfo
from bus.client import Client
from bus.columns import SchemaMismatchError
from bus.errors import EngineLostError, OffhookError
from bus.feed import Feed
from bus.gauges import Gauges, Reading
from bus.ids import CallId, PeerId, StreamId, WorkerId
from bus.incoming import Desk, IncomingCalls
from bus.launching import Value, launched
from bus.overseer import ask_supervisor
from bus.playing import Playable, absolute, as_source
from bus.protocol import ClientEvent, Command, Reply
from bus.registrations import RegistrationChanged
from bus.sockets import default_run_dir, endpoint
from bus.sources import Silence
from bus.workers import ListProcesses, Processes, ProcessInfo, Scale

R = TypeVar("R", bound=Reply)

SILENCE: Final = Silence()
LOCAL: Final = ("udp:127.0.0.1:0", "tcp:127.0.0.1:0")
JOIN_WITHIN: Final = 5.0
GOODBYE_WITHIN: Final = 3.0


class Engine:
    """A connection to a running engine.  Made by ``launch`` or ``connect``."""

    def __init__(self, address: str, run_dir: Path | None, peer: str) -> None:
        self.run_dir = run_dir
        """Its run directory, None if only an address is known."""
        self.listeners: tuple[str, ...] = ()
        """The SIP addresses that are open, for example ``udp:127.0.0.1:5060``."""
        name = PeerId(peer or f"python-{secrets.token_hex(6)}")
        self._client = Client(address, self, name)
        self._calls: dict[CallId, Call] = {}
        self._desks: list[tuple[Desk, weakref.ref[IncomingCalls]]] = []
        self._feeds = weakref.WeakSet[Feed]()
        self._feed_address = ""
        self._gauges: dict[WorkerId, Gauges] = {}

    @classmethod
    @asynccontextmanager
    async def launch(
        cls,
        *,
        workers: int = 1,
        sip: Sequence[str] = LOCAL,
        settings: Mapping[str, Value] | None = None,
        peer: str = "",
    ) -> AsyncGenerator[Self, None]:
        """Start a private engine for the block; it is gone afterwards, whatever happens.

        ``sip``: listeners (``udp:HOST:PORT``, ``tcp:HOST:PORT``; port 0 is any free one).
        ``settings``: further settings by dotted name, for example ``{"sip.t1": 0.2}``.
        Raises LaunchError if it does not come up.
        """
        async with (
            launched(workers=workers, sip=sip, settings=settings or {}) as started,
            cls.connect(started.run_dir, peer=peer) as engine,
        ):
            watch = asyncio.create_task(engine._end_with(started.process))
            try:
                yield engine
            finally:
                watch.cancel()

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, where: str | Path | None = None, *, peer: str = "", within: float = JOIN_WITHIN
    ) -> AsyncGenerator[Self, None]:
        """Use an engine that runs, for the block; our calls are hung up at its end.

        ``where``: a run directory (default: that of ``offhook up``) or the ``ipc://`` address of a
        control socket.  ``peer``: a name that stays the same when this program starts again; then
        it finds the calls it left with ``OnOwnerLost.KEEP`` in ``own_calls``.
        Raises EngineLostError if nobody answers.
        """
        engine = cls(*locate(where), peer)
        try:
            await engine._client.join(within)
            engine.listeners = (await engine.status()).listeners
            yield engine
        finally:
            await engine._close()

    # --------------------------------------------------------------------------------- calls

    async def dial(
        self,
        uri: str,
        *,
        play: Playable = SILENCE,
        record: str | Path = "",
        headers: Mapping[str, str] | None = None,
        ring_timeout: float = 60.0,
        user: str = "",
        password: str = "",
        from_uri: str = "",
        from_display: str = "",
        codecs: Sequence[str] = ("PCMU", "PCMA"),
        max_redirects: int = 5,
        on_owner_lost: OnOwnerLost = OnOwnerLost.HANG_UP,
    ) -> Call:
        """Place a call and return at once; then ``await call.answered()``.

        ``play`` is what the callee hears, ``record`` a WAV file (the caller left, the callee
        right).  ``ring_timeout`` in seconds.  ``user`` and ``password`` answer a digest challenge.
        Raises BadRequestError for a URI that is none, BadSourceError for a file that is none.
        """
        request = verbs.Dial(
            uri=uri,
            from_uri=from_uri,
            from_display=from_display,
            play=as_source(play),
            record=absolute(record),
            headers=tuple((headers or {}).items()),
            codecs=tuple(codecs),
            ring_timeout=ring_timeout,
            max_redirects=max_redirects,
            user=user,
            password=password,
            on_owner_lost=on_owner_lost,
        )
        return await self._dial(request)

    def incoming(
        self, user: str = "*", *, on_owner_lost: OnOwnerLost = OnOwnerLost.HANG_UP
    ) -> IncomingCalls:
        """Iterate over incoming calls whose Request-URI user matches a pattern (``*``, ``?``)."""
        return IncomingCalls(self, Desk(user, on_owner_lost))

    @property
    def own_calls(self) -> tuple[Call, ...]:
        """The living calls that belong to this program."""
        return tuple(self._calls.values())

    def uri(self, user: str) -> str:
        """Return the SIP URI of a user of this engine, at its first listener."""
        transport, _, address = self.listeners[0].partition(":")
        host, _, port = address.rpartition(":")
        host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
        return f"sip:{user}@{host}:{port}{'' if transport == 'udp' else f';transport={transport}'}"

    # --------------------------------------------------------------------------- the engine

    async def status(self) -> verbs.Status:
        """Return the engine in a glance."""
        return await self.ask(verbs.GetStatus(), verbs.Status)

    async def calls(self) -> tuple[CallInfo, ...]:
        """Return all calls of the engine, whoever owns them."""
        return (await self.ask(verbs.ListCalls(), verbs.Calls)).calls

    async def workers(self) -> tuple[WorkerInfo, ...]:
        """Return the media workers."""
        return (await self.ask(verbs.ListWorkers(), verbs.Workers)).workers

    async def processes(self) -> tuple[ProcessInfo, ...]:
        """Return the children of the supervisor."""
        return (await ask_supervisor(self._home(), ListProcesses(), Processes)).processes

    async def scale(self, workers: int) -> None:
        """Have so many workers; surplus ones finish their calls first."""
        await ask_supervisor(self._home(), Scale(workers=workers), verbs.Ok)

    def events(self, topics: Iterable[str] = ("call", "worker")) -> Feed:
        """Watch everything that happens, also ``"sip"`` messages.  A loss is seen as ``Missed``."""
        feed = Feed(self._feed_address, topics)
        self._feeds.add(feed)
        return feed

    async def ask(
        self, body: Command, reply: type[R], *, then: Callable[[R], None] | None = None
    ) -> R:
        """Send a request as it goes over the bus, and return its reply.

        Raises RefusedError, or EngineLostError if the engine went away.
        """
        return await self._client.ask(body, reply, then=then)

    async def read_gauges(self, worker: WorkerId, stream: StreamId) -> Reading | None:
        """Read a stream's levels and counters; None if it is not there (any more)."""
        gauges = self._gauges.get(worker)
        if gauges is not None and (reading := gauges.read(stream)) is not None:
            return reading
        for info in await self.workers():
            if info.worker == worker and info.table:
                with contextlib.suppress(OSError, SchemaMismatchError):
                    self._gauges[worker] = Gauges(Path(info.table))
                    return self._gauges[worker].read(stream)
        return None

    # ------------------------------------------------- what the connection says (a Listener)

    def happened(self, event: ClientEvent, at: float) -> None:
        """Take an event."""
        match event:
            case verbs.IncomingCall():
                self._came(event)
            case verbs.Snapshot():
                self._reconcile(event.calls, "its events were lost")
            case RegistrationChanged():
                pass
            case _:
                if (call := self._calls.get(event.call)) is not None:
                    call.apply(event, at)
                    if call.outcome is not None:
                        del self._calls[call.id]

    def joined(self, welcome: Welcome, fresh: bool) -> None:
        """Take how our calls stand; renew the subscriptions if signaling does not know them."""
        self._feed_address = welcome.events
        if fresh:
            self._subscribe_all()
        self._reconcile(welcome.calls, "engine lost" if fresh else "its events were lost")

    def lost(self, reason: str) -> None:
        """Give up the calls: the engine is gone."""
        for call in self.own_calls:
            call.lose(f"engine lost: {reason}", time.time())
        self._calls.clear()

    # -------------------------------------------------------------------- desks (a Lobby)

    async def open_desk(self, desk: Desk, holder: IncomingCalls) -> None:
        """Subscribe; a holder that is forgotten closes its desk."""

        def forgotten(_: object) -> None:
            self._remove_desk(desk)

        if self._client.closed:
            desk.waiting.put_nowait(None)
            return
        self._desks.append((desk, weakref.ref(holder, forgotten)))
        with contextlib.suppress(EngineLostError):  # renewed when the engine is back
            await self.ask(_subscription(desk), verbs.Ok)

    async def close_desk(self, desk: Desk) -> None:
        """Unsubscribe and refuse what waits."""
        self._remove_desk(desk)

    def _remove_desk(self, desk: Desk) -> None:
        left = [entry for entry in self._desks if entry[0] is not desk]
        if len(left) == len(self._desks):
            return
        self._desks = left
        self._client.tell(verbs.Unsubscribe())
        self._subscribe_all()
        while not desk.waiting.empty():
            if (call := desk.waiting.get_nowait()) is not None:
                self._client.tell(verbs.Reject(call=call.id, status=480))
        desk.waiting.put_nowait(None)

    def _subscribe_all(self) -> None:
        for desk, _ in self._desks:
            self._client.tell(_subscription(desk))

    def _came(self, event: verbs.IncomingCall) -> None:
        desk = next((desk for desk, _ in self._desks if desk.takes(event.request_uri)), None)
        if desk is None:
            self._client.tell(verbs.Reject(call=event.call, status=480))
            return
        call = IncomingCall(self, event, desk.on_owner_lost)
        self._calls[call.id] = call
        desk.waiting.put_nowait(call)

    # ------------------------------------------------------------------------------- inside

    async def _dial(self, request: verbs.Dial) -> Call:
        made: list[Call] = []
        given_up = False

        def dialled(reply: verbs.Dialled) -> None:
            call = Call(
                self,
                reply.call,
                uri=request.uri,
                from_uri=request.from_uri,
                state=CallState.CALLING,
                on_owner_lost=request.on_owner_lost,
            )
            self._calls[call.id] = call
            made.append(call)
            if given_up:
                self._client.tell(verbs.HangUp(call=call.id))

        try:
            await self.ask(request, verbs.Dialled, then=dialled)
        except asyncio.CancelledError:
            given_up = True
            for call in made:
                self._client.tell(verbs.HangUp(call=call.id))
            raise
        return made[0]

    def _reconcile(self, infos: Iterable[CallInfo], reason: str) -> None:
        """Make our calls agree with what signaling says is ours."""
        ours = {info.call: info for info in infos if info.owner == self._client.peer}
        for call in self.own_calls:
            if call.id not in ours:
                call.lose(reason, time.time())
                del self._calls[call.id]
        for info in ours.values():
            if info.call not in self._calls:
                self._calls[info.call] = _adopted(self, info)
            self._calls[info.call].restore(info)

    def _home(self) -> Path:
        if self.run_dir is None:
            raise EngineLostError("the supervisor is found by the run directory: connect by that")
        return self.run_dir

    async def _end_with(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        self.lost("its supervisor ended")

    async def _close(self) -> None:
        try:
            await self._hang_up_all()
        finally:
            for desk, _ in self._desks:
                desk.waiting.put_nowait(None)
            self._desks.clear()
            for feed in list(self._feeds):
                feed.close()
            self._client.close()
            self.lost("the connection was closed")

    async def _hang_up_all(self) -> None:
        ours = [call for call in self.own_calls if call.on_owner_lost is OnOwnerLost.HANG_UP]
        if self._desks:
            self._client.tell(verbs.Unsubscribe())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_WITHIN):
                await asyncio.gather(*map(_goodbye, ours))


async def _goodbye(call: Call) -> None:
    with contextlib.suppress(OffhookError):
        await call.hang_up()


def locate(where: str | Path | None) -> tuple[str, Path | None]:
    """Return the control socket's address and the run directory of an engine."""
    if isinstance(where, str) and "://" in where:
        socket = Path(where.removeprefix("ipc://"))
        known = where.startswith("ipc://") and socket.name == "control.sock"
        return where, socket.parent if known else None
    run_dir = Path(where) if where is not None else default_run_dir(dict(os.environ))
    return endpoint(run_dir, "control"), run_dir


def _subscription(desk: Desk) -> verbs.Subscribe:
    return verbs.Subscribe(user=desk.user, on_owner_lost=desk.on_owner_lost)


def _adopted(engine: Engine, info: CallInfo) -> Call:
    """Return a call that is ours from before."""
    if info.direction == "out":
        return Call(
            engine,
            info.call,
            uri=info.remote,
            from_uri=info.local,
            state=CallState(info.state),
        )
    event = verbs.IncomingCall(
        call=info.call,
        from_uri=info.remote,
        from_display="",
        to_uri=info.local,
        request_uri=info.local,
        headers=(),
        source="",
    )
    return IncomingCall(engine, event, OnOwnerLost.KEEP)
