import contextlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bus import doctor
from bus.doctor import CHECKS, Finding, examine, one_place, package, peer, sip_port

ROOT = Path(__file__).parent.parent.parent


def test_everything_is_looked_at_and_each_lack_has_its_remedy() -> None:
    findings = examine()
    assert len(findings) == len(CHECKS)
    assert len({finding.name for finding in findings}) == len(CHECKS)
    for finding in findings:
        assert finding.found
        assert finding.ok or finding.fix, finding


def test_packages_that_we_need_are_here_and_others_would_be_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert package("msgspec").ok
    monkeypatch.setitem(doctor.PACKAGES, "no-such-package", "no-such-package>=1")
    lack = package("no-such-package")
    assert not lack.ok
    assert lack.fix == f"{sys.executable} -m pip install 'no-such-package>=1'"


def test_our_packages_come_from_here() -> None:
    finding = one_place()
    assert finding.ok
    assert finding.found == str(ROOT)


def test_a_second_package_of_our_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "signaling").mkdir()
    (tmp_path / "signaling" / "__init__.py").touch()
    code = "from bus.doctor import one_place; f = one_place(); print(f.ok, f.found)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("False")
    assert f"signaling in {tmp_path}" in done.stdout


def test_a_program_that_is_missing_names_its_package() -> None:
    lack = peer("no-such-program", "some-package")
    assert not lack.ok
    assert not lack.needed
    assert lack.fix.endswith("some-package")
    assert peer("sh", "dash").ok


def test_a_taken_sip_port_is_noticed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        with contextlib.suppress(OSError):  # somebody else has it: just as good
            holder.bind(("127.0.0.1", 5060))
        assert not sip_port().ok


def test_a_check_that_cannot_look_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind() -> Finding:
        raise FileNotFoundError("/proc is not mounted")

    monkeypatch.setattr(doctor, "CHECKS", (blind,))
    [finding] = examine()
    assert (finding.name, finding.ok, finding.needed) == ("blind", False, False)
    assert "/proc is not mounted" in finding.found
