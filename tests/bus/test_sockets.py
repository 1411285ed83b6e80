import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from bus.errors import LaunchError
from bus.settings import BusSettings
from bus.sockets import (
    bind_router,
    bind_xpub,
    check_run_dir,
    connect_dealer,
    connect_sub,
    default_run_dir,
    endpoint,
    prepare_run_dir,
)

PATIENCE_MS = 5000


class Bench:
    """Makes sockets in a run directory and keeps them until the test is over."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.context = zmq.Context[zmq.SyncSocket]()
        self.sockets = list[zmq.SyncSocket]()

    def kept(self, socket: zmq.SyncSocket) -> zmq.SyncSocket:
        self.sockets.append(socket)
        return socket

    def dealer(self) -> zmq.SyncSocket:
        return self.kept(connect_dealer(self.context, endpoint(self.run_dir, "control")))

    def router(self, settings: BusSettings | None = None) -> zmq.SyncSocket:
        address = endpoint(self.run_dir, "control")
        return self.kept(bind_router(self.context, address, settings or BusSettings()))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.context.destroy(linger=0)


def test_a_dealer_and_a_router_talk(bench: Bench) -> None:
    dealer = bench.dealer()
    router = bench.router()
    assert dealer.poll(PATIENCE_MS, zmq.POLLOUT)
    dealer.send(b"hello")
    identity, frame = router.recv_multipart()
    router.send_multipart([identity, frame + b" yourself"])
    assert dealer.recv() == b"hello yourself"


def test_nothing_is_queued_for_a_server_that_is_not_there(bench: Bench) -> None:
    dealer = bench.dealer()
    with pytest.raises(zmq.Again):
        dealer.send(b"stale", zmq.NOBLOCK)


def test_a_frame_to_a_peer_that_left_is_an_error(bench: Bench) -> None:
    router = bench.router()
    with pytest.raises(zmq.ZMQError, match="Host unreachable"):
        router.send_multipart([b"nobody", b"hello"])


def test_too_long_a_frame_ends_the_connection_only(bench: Bench) -> None:
    router = bench.router(BusSettings(max_frame_bytes=1024))
    hostile, polite = bench.dealer(), bench.dealer()
    assert hostile.poll(PATIENCE_MS, zmq.POLLOUT)
    hostile.send(bytes(2000))
    assert polite.poll(PATIENCE_MS, zmq.POLLOUT)
    polite.send(bytes(1000))
    assert len(router.recv_multipart()[1]) == 1000
    assert not router.poll(0)


def test_a_dealer_finds_a_server_that_came_back(bench: Bench) -> None:
    dealer = bench.dealer()
    for _ in range(2):
        router = bench.router()
        assert dealer.poll(PATIENCE_MS, zmq.POLLOUT)
        dealer.send(b"hello")
        assert router.poll(PATIENCE_MS)
        router.close()
        while dealer.poll(0, zmq.POLLOUT):
            dealer.poll(10, zmq.POLLIN)


def test_the_feed_hears_who_listens_and_sends_what_was_asked(bench: Bench) -> None:
    address = endpoint(bench.run_dir, "events")
    feed = bench.kept(bind_xpub(bench.context, address, BusSettings()))
    reader = bench.kept(connect_sub(bench.context, address, ["call"]))
    assert feed.recv() == b"\x01call"
    feed.send_multipart([b"sip", b"not this"])
    feed.send_multipart([b"call", b"this"])
    assert reader.recv_multipart() == [b"call", b"this"]


def test_a_place_that_cannot_be_bound_is_named(bench: Bench) -> None:
    bench.run_dir /= "missing"
    with pytest.raises(LaunchError, match=r"missing/control\.sock"):
        bench.router()


def test_the_run_directory_is_made_for_us_alone(tmp_path: Path) -> None:
    run_dir = tmp_path / "a" / "b"
    assert prepare_run_dir(run_dir)
    assert run_dir.stat().st_mode & 0o777 == 0o700
    assert not prepare_run_dir(run_dir)


def test_a_run_directory_open_to_others_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(LaunchError, match="chmod 700"):
        prepare_run_dir(tmp_path)


def test_what_is_no_directory_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LaunchError, match="is not a directory"):
        prepare_run_dir(tmp_path / "file")
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(LaunchError, match="is not a directory"):
        check_run_dir(tmp_path / "link")
    with pytest.raises(LaunchError, match="No such file"):
        check_run_dir(tmp_path / "missing")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_run_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 12345, 12345)
    with pytest.raises(LaunchError, match="belongs to user 12345"):
        check_run_dir(theirs)


def test_too_long_a_path_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    run_dir = tmp_path / ("x" * 100)
    with pytest.raises(LaunchError, match="shorter run directory"):
        prepare_run_dir(run_dir)
    assert not run_dir.exists()


def test_the_default_run_directory_is_per_user() -> None:
    assert default_run_dir({"XDG_RUNTIME_DIR": "/run/user/7"}) == Path("/run/user/7/offhook")
    assert default_run_dir({}).name == f"offhook-{os.geteuid()}"
