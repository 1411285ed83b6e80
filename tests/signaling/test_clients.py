import msgspec

from bus.calls import OnOwnerLost
from bus.ids import PeerId
from signaling.clients import Client, Clients, Subscription


def admit(clients: Clients, peer: str, incarnation: str, session: str, now: float = 0.0) -> Client:
    return clients.admit(PeerId(peer), incarnation, f"id-{session}", session, now)


def test_a_reconnect_keeps_the_session_and_a_restart_begins_one() -> None:
    clients = Clients()
    first = admit(clients, "ivr", "1", "s1")
    first.sequence = 7
    assert admit(clients, "ivr", "1", "s2").session == "s1"
    second = admit(clients, "ivr", "2", "s3")
    assert (second.session, second.sequence) == ("s3", 7)
    assert clients.of_session("s1") is None


def test_a_restart_forgets_what_the_old_session_was_answered() -> None:
    clients = Clients()
    admit(clients, "ivr", "1", "s1")
    clients.remembered.remember("s1", 1, b"reply")
    admit(clients, "ivr", "2", "s2")
    assert clients.remembered.recall("s1", 1) is None


def test_the_first_matching_subscriber_owns_a_call() -> None:
    clients = Clients()
    for peer, pattern in (("sales", "1*"), ("all", "*"), ("late", "*")):
        client = admit(clients, peer, "1", peer)
        client.subscriptions.append(Subscription(pattern, OnOwnerLost.HANG_UP))
    owners = [clients.owner_for(user) for user in ("100", "200")]
    assert [found[0].peer for found in owners if found] == ["sales", "all"]
    assert Clients().owner_for("100") is None


def test_the_silent_are_lost() -> None:
    clients = Clients()
    admit(clients, "quiet", "1", "s1", now=1.0)
    admit(clients, "lively", "1", "s2", now=9.0)
    assert [client.peer for client in clients.lost(before=5.0)] == ["quiet"]
    assert list(clients.known) == ["lively"]
    assert clients.of_session("s1") is None


def test_the_state_survives_encoding() -> None:
    clients = Clients()
    admit(clients, "ivr", "1", "s1")
    clients.remembered.remember("s1", 1, b"reply")
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(clients), type=Clients)
    assert again == clients
