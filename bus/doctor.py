"""What this machine lacks for Offhook, and the exact line that mends it.

Each check is a function of no arguments that returns one ``Finding`` and changes nothing.
"""

import ctypes
import errno
import importlib.metadata
import importlib.util
import os
import resource
import shutil
import socket
import sys
from collections.abc import Callable
from ctypes.util import find_library
from pathlib import Path
from typing import Final

import msgspec

from bus.settings import MediaSettings, Settings

FILES_WANTED: Final = 16384
RECEIVE_BUFFER_WANTED: Final = 8 << 20
SPACE_WANTED: Final = 512 << 20
SYS_IO_URING_SETUP: Final = 425
IO_URING_FLAGS: Final = 1 << 12 | 1 << 13
"""SINGLE_ISSUER and DEFER_TASKRUN, of Linux 6.1."""
PACKAGES: Final = {
    "cryptography": "cryptography>=44,<52",
    "msgspec": "msgspec>=0.19,<1",
    "numpy": "numpy>=1.26,<3",
    "pyzmq": "pyzmq>=26,<28",
    "sounddevice": "sounddevice>=0.5,<1",
}
OURS: Final = ("bus", "signaling", "mediaworker", "offhook")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at."""

    name: str
    ok: bool
    found: str
    fix: str = ""
    """A line for the shell; empty if nothing is to be done."""
    needed: bool = True
    """False: it works without, only slower or with fewer tests."""


def python_version() -> Finding:
    """Python 3.11 or newer."""
    found = ".".join(map(str, sys.version_info[:3]))
    fix = "apt-get install -y python3 python3-venv"
    return Finding(name="Python", ok=sys.version_info >= (3, 11), found=found, fix=fix)


def package(name: str) -> Finding:
    """Return whether a package that we need is installed, and which version."""
    fix = f"{sys.executable} -m pip install '{PACKAGES[name]}'"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name=name, ok=False, found="not installed", fix=fix)
    return Finding(name=name, ok=True, found=version, fix=fix)


def one_place() -> Finding:
    """Our packages come from one folder: others of the same names exist."""
    homes = {name: _home(name) for name in OURS}
    places = sorted({str(home) for home in homes.values()})
    known = ", ".join(f"{name} in {home}" for name, home in homes.items())
    return Finding(
        name="one installation",
        ok=len(places) == 1 and None not in homes.values(),
        found=places[0] if len(places) == 1 else known,
        fix=f"{sys.executable} -m pip uninstall -y signaling mediaworker bus",
    )


def _home(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent.parent if origin.name == "__init__.py" else origin.parent


def open_files() -> Finding:
    """Descriptors: a stream takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = hard if hard != resource.RLIM_INFINITY else FILES_WANTED
    return Finding(
        name="open files",
        ok=allowed >= FILES_WANTED,
        found=f"{_limit(soft)} now, {_limit(hard)} allowed; {FILES_WANTED} wanted",
        fix=f"ulimit -Hn {FILES_WANTED} && ulimit -Sn {FILES_WANTED}",
    )


def realtime() -> Finding:
    """SCHED_RR for the tick: without it a busy machine delays packets by up to 50 ms."""
    before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError as error:
        found, ok = f"refused: {error.strerror}", False
    else:
        os.sched_setscheduler(0, before, parameters)
        found, ok = "permitted", True
    fix = f"setcap cap_sys_nice,cap_ipc_lock+ep {Path(sys.executable).resolve()}"
    return Finding(name="real-time scheduling", ok=ok, found=found, fix=fix, needed=False)


def locked_memory() -> Finding:
    """Memory that may not be paged out; io_uring takes a page of it for each stream."""
    hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    enough = hard == resource.RLIM_INFINITY or hard >= SPACE_WANTED or os.geteuid() == 0
    return Finding(
        name="locked memory",
        ok=enough,
        found="no limit applies to root" if os.geteuid() == 0 else _limit(hard),
        fix="ulimit -Hl unlimited && ulimit -Sl unlimited",
        needed=False,
    )


def memory_folder() -> Finding:
    """Room for the tables in a file system in memory."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or "/dev/shm")
    fix = "mount -o remount,size=1G /dev/shm && export XDG_RUNTIME_DIR=/dev/shm"
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(name="memory folder", ok=False, found=f"{folder}: {error.strerror}", fix=fix)
    kind = _file_system(folder)
    found = f"{folder}: {kind}, {free >> 20} MiB free"
    ok = free >= SPACE_WANTED and kind in ("tmpfs", "ramfs")
    return Finding(name="memory folder", ok=ok, found=found, fix=fix)


def _file_system(folder: Path) -> str:
    """Return the type of the file system that holds a folder, as the kernel lists it."""
    best, kind = "", "unknown"
    for line in Path("/proc/mounts").read_text(errors="replace").splitlines():
        _, mount, this, *_ = line.split(" ")
        inside = folder == Path(mount) or Path(mount) in folder.parents
        if inside and len(mount) >= len(best):
            best, kind = mount, this
    return kind


def sip_port() -> Finding:
    """UDP port 5060, where ``offhook up`` listens unless told otherwise."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("0.0.0.0", 5060))
        except OSError as error:
            found = f"taken: {error.strerror}"
            fix = "ss -ulpn 'sport = :5060'   # who has it; or: offhook up --sip udp:0.0.0.0:5070"
            return Finding(name="SIP port", ok=False, found=found, fix=fix, needed=False)
    return Finding(name="SIP port", ok=True, found="UDP 5060 is free")


def rtp_ports() -> Finding:
    """The RTP range and the range from which the kernel gives ports to others."""
    media: MediaSettings = Settings().media
    ours = range(media.port_first, media.port_last + 1)
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    low, high = map(int, path.read_text().split())
    apart = ours.stop <= low or ours.start > high
    reserved = Path("/proc/sys/net/ipv4/ip_local_reserved_ports").read_text().strip()
    safe = apart or f"{max(low, ours.start)}-{min(high, ours.stop - 1)}" in reserved
    span = f"{max(low, ours.start)}-{min(high, ours.stop - 1)}"
    return Finding(
        name="RTP ports",
        ok=safe,
        found=f"{ours.start}-{ours.stop - 1}; the kernel gives away {low}-{high}",
        fix=f"sysctl -w net.ipv4.ip_local_reserved_ports={span}",
        needed=False,
    )


def receive_buffer() -> Finding:
    """How many datagrams the kernel keeps for us; root may exceed it."""
    limit = int(Path("/proc/sys/net/core/rmem_max").read_text())
    return Finding(
        name="UDP buffer",
        ok=limit >= RECEIVE_BUFFER_WANTED or os.geteuid() == 0,
        found=f"up to {limit >> 10} KiB{' (root may exceed it)' if os.geteuid() == 0 else ''}",
        fix=f"sysctl -w net.core.rmem_max={RECEIVE_BUFFER_WANTED}",
        needed=False,
    )


def peer(program: str, debian_package: str) -> Finding:
    """Return whether a foreign SIP program for the tests is there."""
    path = shutil.which(program)
    return Finding(
        name=f"test peer {program}",
        ok=path is not None,
        found=path or "not found",
        fix=f"apt-get install -y --no-install-recommends {debian_package}",
        needed=False,
    )


def io_uring() -> Finding:
    """Whether the kernel lets us have a ring; containers often refuse, and 6.1 is needed."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = bytes(8) + IO_URING_FLAGS.to_bytes(4, sys.byteorder)
    parameters = ctypes.create_string_buffer(flags, 120)
    descriptor = int(libc.syscall(SYS_IO_URING_SETUP, 1, parameters))
    if descriptor >= 0:
        os.close(descriptor)
        return Finding(name="io_uring", ok=True, found="permitted, and used", needed=False)
    number = ctypes.get_errno()
    fix = "sysctl -w kernel.io_uring_disabled=0   # in a container: allow it in the seccomp profile"
    old = number in (errno.ENOSYS, errno.EINVAL)
    found = "the kernel is older than 6.1" if old else f"refused: {os.strerror(number)}"
    return Finding(
        name="io_uring", ok=False, found=f"{found}; epoll is used", fix=fix, needed=False
    )


def sound() -> Finding:
    """Whether there is PortAudio, which sound cards are reached through."""
    library = find_library("portaudio")
    return Finding(
        name="PortAudio",
        ok=library is not None,
        found=library or "not found; calls cannot use sound cards",
        fix="apt-get install -y --no-install-recommends libportaudio2",
        needed=False,
    )


CHECKS: Final[tuple[Callable[[], Finding], ...]] = (
    python_version,
    *((lambda name=name: package(name)) for name in PACKAGES),
    one_place,
    open_files,
    realtime,
    locked_memory,
    memory_folder,
    sip_port,
    rtp_ports,
    receive_buffer,
    lambda: peer("sipp", "sip-tester"),
    lambda: peer("baresip", "baresip-core"),
    io_uring,
    sound,
)


def examine() -> list[Finding]:
    """Look at everything; a check that cannot look says why."""
    return [_looked(check) for check in CHECKS]


def _looked(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except (OSError, ValueError) as error:
        return Finding(name=check.__name__, ok=False, found=f"cannot tell: {error}", needed=False)


def _limit(value: int) -> str:
    return "unlimited" if value == resource.RLIM_INFINITY else str(value)
