from pathlib import Path

from tests.bus.commands.running import lines_of, offhook


def test_right_settings_are_shown_with_what_differs(tmp_path: Path) -> None:
    config = tmp_path / "offhook.toml"
    config.write_text("[media]\nworkers = 3\n")
    done = offhook("check-config", config)
    assert done.returncode == 0, done.stderr
    rows = [line.split()[:2] for line in done.stdout.splitlines()]
    assert ["*media.workers", "3"] in rows
    assert ["sip.t1", "0.5"] in rows
    [line] = lines_of(offhook("check-config", "--config", config, "--json").stdout)
    assert line["event"] == "settings"
    assert '"workers":3' in str(line["settings"]).replace(" ", "").replace("'", '"')


def test_a_wrong_key_is_named_in_one_line(tmp_path: Path) -> None:
    config = tmp_path / "offhook.toml"
    config.write_text("[media]\nworker = 3\n")
    done = offhook("check-config", config)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "did you mean workers?" in done.stderr


def test_the_environment_counts_too() -> None:
    done = offhook("check-config", OFFHOOK__SIP__T1="soon")
    assert done.returncode == 1
    assert "OFFHOOK__SIP__T1" in done.stderr
