"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bus", "mediaworker", "signaling")
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
MAY_IMPORT = {
    "bus": {"bus"},
    "mediaworker": {"bus", "mediaworker"},
    "signaling": {"bus", "signaling"},
}
IMPURE = {"asyncio", "os", "random", "secrets", "select", "socket", "threading", "time", "zmq"}

# Inside signaling a module imports from its own layer and from what is listed here.
LAYERS = {
    "sip": {"sip"},
    "transactions": {"sip", "transactions"},
    "dialogs": {"sip", "transactions", "dialogs"},
    "sdp": {"sdp"},
    "calls": {"sip", "transactions", "dialogs", "sdp", "calls", "core"},
    "core": {"sip", "transactions", "dialogs", "sdp", "calls", "core"},
    "shell": {"sip", "transactions", "dialogs", "sdp", "calls", "core", "shell"},
}
# The edges of the mediaworker; the audio path (streams, rows, tick, stages ...) is not one.
EDGES_OF_MEDIAWORKER = {
    "__main__",
    "boot",
    "clerk",
    "clock",
    "desk",
    "devices",
    "files",
    "filing",
    "home",
    "lifetime",
    "link",
    "net",
    "overseer",
    "pool",
    "ports",
    "realtime",
    "recorder",
    "shelf",
    "worker",
}
TESTED_ELSEWHERE = {
    "bus/sources.py": "structs without behaviour, through the messages that carry them",
    "bus/calls.py": "structs without behaviour, tests/bus/test_codec.py",
    "bus/body.py": "the base of all messages, tests/bus/test_codec.py",
    "bus/asking.py": "a protocol, tests/bus/test_call.py",
    "bus/audio.py": "structs without behaviour, through the client that sends them",
    "bus/speaking.py": "structs without behaviour, through the client that sends them",
    "bus/routing.py": "structs without behaviour, tests/scenarios/test_routing.py",
    "bus/holding.py": "structs without behaviour, through the client that sends them",
    "bus/transfers.py": "structs without behaviour, through the client that sends them",
    "bus/registrations.py": "structs without behaviour, through the client that sends them",
    "bus/tracing.py": "structs without behaviour, tests/signaling/shell/test_trace_ring.py",
    "bus/protocol.py": "unions of messages, tests/bus/test_events.py",
    "bus/streams.py": "structs without behaviour, tests/bus/test_codec.py",
    "bus/workers.py": "structs without behaviour, tests/bus/test_codec.py",
    "bus/ids.py": "names only",
    "bus/envelope.py": "structs without behaviour, tests/bus/test_codec.py",
    "mediaworker/streams.py": "columns without behaviour, through the stages that write them",
    "mediaworker/rooms.py": "structs without behaviour, tests/mediaworker/test_connecting.py",
    "mediaworker/media.py": "what the stages share, tests/mediaworker/test_tick.py",
    "mediaworker/net/backend.py": "a protocol, tests/mediaworker/net/test_portable.py",
    "signaling/conference.py": "structs without behaviour, tests/scenarios/test_routing.py",
    "signaling/conferring.py": "tests/scenarios/test_routing.py",
    "signaling/calls/bridging.py": "tests/scenarios/test_routing.py",
    "signaling/calls/link.py": "structs without behaviour, tests/scenarios/test_links.py",
    "signaling/calls/linking.py": "tests/scenarios/test_links.py",
    "signaling/verbs/routing.py": "tests/scenarios/test_routing.py",
    "signaling/forwarding.py": "tests/scenarios/test_registrar.py",
    "signaling/guarding.py": "tests/scenarios/test_challenges.py",
    "signaling/registering.py": "tests/scenarios/test_registration.py",
    "signaling/registrar.py": "tests/scenarios/test_registrar.py",
    "signaling/verbs/verb.py": "a type",
    "signaling/verbs/registering.py": "tests/scenarios/test_registration.py",
    "signaling/calls/waiting.py": "a struct without behaviour, through the replies it leads to",
    "signaling/effects.py": "structs without behaviour, tests/signaling/test_agent.py",
    "signaling/state.py": "structs without behaviour, tests/scenarios (dropped and read again)",
    "signaling/calls/describing.py": "two calls of sdp, tests/signaling/calls/test_reinvite.py",
}


def imports(path: Path) -> Iterator[str]:
    """All modules that a module imports, as written out in full."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


def layer(module: str) -> str:
    """The layer of a dotted name within signaling: its folder, or ``core`` at the top."""
    parts = module.split(".")
    if len(parts) > 1 and parts[1] in LAYERS:
        return parts[1]
    return "shell" if parts[-1] == "__main__" else "core"


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_packages_meet_only_on_the_bus(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    assert tops(path) & {*PACKAGES, "offhook"} <= MAY_IMPORT[package]


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_nobody_imports_tests_or_tools(path: Path) -> None:
    assert not tops(path) & {"tests", "tools"}


def test_the_public_face_imports_the_bus_only() -> None:
    assert tops(ROOT / "offhook.py") & set(PACKAGES) == {"bus"}


@pytest.mark.parametrize("path", [p for p in MODULES if "signaling" in p.parts], ids=label)
def test_layers_import_downwards(path: Path) -> None:
    allowed = LAYERS[layer(dotted(path))]
    inside = {name for name in imports(path) if name.startswith("signaling.")}
    wrong = {name for name in inside if layer(name) not in allowed}
    assert not wrong, f"{dotted(path)} must not know {sorted(wrong)}"


@pytest.mark.parametrize("path", [p for p in MODULES if "signaling" in p.parts], ids=label)
def test_only_the_shell_of_signaling_does_io(path: Path) -> None:
    if layer(dotted(path)) != "shell":
        assert not tops(path) & IMPURE


@pytest.mark.parametrize("path", [p for p in MODULES if "mediaworker" in p.parts], ids=label)
def test_only_the_edges_of_the_mediaworker_do_io(path: Path) -> None:
    if path.relative_to(ROOT).with_suffix("").parts[1] not in EDGES_OF_MEDIAWORKER:
        assert not tops(path) & IMPURE


def test_each_module_has_its_test_file() -> None:
    """``bus/outbox.py`` is answered for by ``tests/bus/test_outbox.py``."""
    modules = [path.relative_to(ROOT) for path in MODULES if not path.name.startswith("_")]
    missing = [
        str(path)
        for path in modules
        if not (ROOT / "tests" / path.parent / f"test_{path.name}").exists()
        and str(path) not in TESTED_ELSEWHERE
    ]
    assert not missing, f"without a test file of their own: {missing}"


def test_modules_that_are_tested_elsewhere_exist() -> None:
    gone = [name for name in TESTED_ELSEWHERE if not (ROOT / name).exists()]
    assert not gone


def test_each_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert {folder for folder in folders if not (folder / "__init__.py").exists()} == set()


# Places of a particular machine do not belong into the tree; ``../shared`` may be named.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|work|Users)/\w")


def test_the_tree_names_no_place_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = [name for name in listed.stdout.decode().split("\0") if name]
    for path in (ROOT / name for name in names if name != "tests/test_architecture.py"):
        if path.is_file():
            text = path.read_bytes().decode("utf-8", errors="ignore")
            found = MACHINE_PATH.search(text)
            assert found is None, f"{label(path)} names {found.group()!r}"
