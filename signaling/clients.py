"""The applications on the control bus: sessions, at-most-once commands, owners of calls.

A client is known by its ``peer``; a program that starts again says hello with a new incarnation and
finds its calls.  A session names one incarnation of each side: a command under any other session is
refused (``stale_session``), so nothing stale is applied after a restart of either.
"""

from fnmatch import fnmatchcase

import msgspec

from bus.calls import OnOwnerLost
from bus.ids import PeerId
from bus.requests import Remembered


class Subscription(msgspec.Struct, frozen=True):
    """Wants incoming calls to a user."""

    user: str
    on_owner_lost: OnOwnerLost


class Client(msgspec.Struct, kw_only=True):
    """One program."""

    peer: PeerId
    incarnation: str
    session: str
    identity: str
    seen_at: float
    sequence: int = 0
    """Of the last event sent."""
    subscriptions: list[Subscription] = []


class Clients(msgspec.Struct):
    """All programs, in the order in which they first came."""

    known: dict[PeerId, Client] = {}
    peer_of: dict[str, PeerId] = {}
    """By session."""
    remembered: Remembered = msgspec.field(default_factory=Remembered)
    """What commands were answered, so that each is applied at most once."""

    def admit(
        self, peer: PeerId, incarnation: str, identity: str, session: str, now: float
    ) -> Client:
        """Let a program in: a reconnect keeps its session, a new incarnation begins one."""
        client = self.known.get(peer)
        if client is None or client.incarnation != incarnation:
            if client is not None:
                self._forget_session(client)
            client = Client(
                peer=peer,
                incarnation=incarnation,
                session=session,
                identity=identity,
                seen_at=now,
                sequence=client.sequence if client else 0,
            )
            self.known[peer] = client
            self.peer_of[session] = peer
        client.identity, client.seen_at = identity, now
        return client

    def of_session(self, session: str) -> Client | None:
        """Return the client whose session it is."""
        peer = self.peer_of.get(session)
        return self.known.get(peer) if peer is not None else None

    def of_identity(self, identity: str) -> Client | None:
        """Return the client behind a socket."""
        return next((c for c in self.known.values() if c.identity == identity), None)

    def owner_for(self, user: str) -> tuple[Client, Subscription] | None:
        """Return the first subscriber whose pattern matches."""
        for client in self.known.values():
            for subscription in client.subscriptions:
                if fnmatchcase(user, subscription.user):
                    return client, subscription
        return None

    def wants(self, user: str) -> bool:
        """Whether somebody subscribed to this very user, not just to a pattern."""
        return any(
            subscription.user == user
            for client in self.known.values()
            for subscription in client.subscriptions
        )

    def lost(self, before: float) -> list[Client]:
        """Remove and return those who have been silent since before an instant."""
        silent = [client for client in self.known.values() if client.seen_at < before]
        for client in silent:
            del self.known[client.peer]
            self._forget_session(client)
        return silent

    def _forget_session(self, client: Client) -> None:
        del self.peer_of[client.session]
        self.remembered.forget(client.session)
