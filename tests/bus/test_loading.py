from pathlib import Path

import pytest

from bus.errors import SettingsError
from bus.loading import describe, load_settings, read_settings, write_settings
from bus.settings import MediaSettings, Settings


def test_the_later_source_wins(tmp_path: Path) -> None:
    config = tmp_path / "offhook.toml"
    config.write_text('[media]\nworkers = 1\nstandbys = 2\nstreams = 3\n[log]\nlevel = "error"\n')
    environ = {"OFFHOOK__MEDIA__STANDBYS": "4", "OFFHOOK__MEDIA__STREAMS": "5", "HOME": "/"}
    settings = load_settings(config, environ, {"media.streams": 6})
    media = settings.media
    assert (media.workers, media.standbys, media.streams) == (1, 4, 6)
    assert settings.log.level == "error"
    assert settings.sip == Settings().sip


def test_texts_of_the_environment_become_values() -> None:
    settings = load_settings(
        None,
        {
            "OFFHOOK__SIP__LISTEN": "udp:127.0.0.1:5070, tcp:[::1]:5070",
            "OFFHOOK__MEDIA__REALTIME": "false",
            "OFFHOOK__SUPERVISOR__DRAIN": "2.5",
            "OFFHOOK__SIP__USER_AGENT": "5",
        },
        {"sip.t1": 0.1},
    )
    assert settings.sip.listen == ("udp:127.0.0.1:5070", "tcp:[::1]:5070")
    assert settings.media.realtime is False
    assert settings.supervisor.drain == 2.5
    assert settings.sip.user_agent == "5"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[media]\nwrkers = 3", r"unknown setting media.wrkers = 3 in .*c.toml:2; .* workers\?"),
        ("[media]\ndrain = 3", r"unknown setting media.drain = 3 .*; .* supervisor.drain\?"),
        ("\n[meda]\nworkers = 3", r"unknown section \[meda\] in .*c.toml:2; did you mean media\?"),
        ("[media]\n\nworkers = 99", r"media.workers = 99 in .*c.toml:3: Expected int <= 64"),
        ('[media]\nworkers = "3"', r'media.workers = "3" in .*c.toml:2: Expected int, got str'),
        ("media.workers = true", r"media.workers = true in .*c.toml:1: Expected int, got bool"),
        ("media = 3", r"media = 3 in .*c.toml:1: is a section; write \[media\]"),
        ('[log]\nlevel = "loud"', r"log.level = .loud. .*: is none of debug, info, warning, error"),
        ("[sip]\nlisten = [5]", r"sip.listen = \[5\] .*: Expected str, got int \(item \[0\]\)"),
        ("[sip]\nlisten = []", r"sip.listen = \[\] .*: names no listener"),
        ("[sip]\nt1 = inf", r"sip.t1 = .* Expected float <= 1000000000"),
        ("[sip]\nt1 = nan", r"sip.t1 = .* Expected"),
        ("[sip", r"c.toml is not TOML: Expected"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(SettingsError, match=complaint):
        load_settings(tmp_path / "c.toml", {}, {})


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("OFFHOOK__MEDIA__WRKERS", "3", r"variable OFFHOOK__MEDIA__WRKERS; .*MEDIA__WORKERS\?"),
        ("OFFHOOK__MEDIA", "3", r"unknown environment variable OFFHOOK__MEDIA"),
        ("OFFHOOK__MEDIA__WORKERS", "x", r'media.workers = "x" in environment variable OFFHOOK__M'),
        (
            "OFFHOOK__SIP__LISTEN",
            "sctp:1:1",
            r"sip.listen = .sctp:1:1. .*does not begin with udp:,",
        ),
        ("OFFHOOK__MEDIA__PORT_FIRST", "20001", r"media.port_first = .20001. .*must be even"),
        ("OFFHOOK__MEDIA__PORT_LAST", "20", r"media.port_last = .20. .*above media.port_first"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    variable: str, value: str, complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load_settings(None, {variable: value}, {})


def test_a_mistake_in_a_flag_is_named() -> None:
    with pytest.raises(SettingsError, match=r"media.workers = -1 in a flag: Expected int >= 0"):
        load_settings(None, {}, {"media.workers": -1})
    with pytest.raises(SettingsError, match=r"unknown setting media.worker .*workers\?"):
        load_settings(None, {}, {"media.worker": 1})


def test_a_default_that_a_flag_made_wrong_is_named() -> None:
    with pytest.raises(SettingsError, match=r"media.port_last = 32767 in the defaults"):
        load_settings(None, {}, {"media.port_first": 40000})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: No such file"):
        load_settings(tmp_path / "none.toml", {}, {})


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    settings = Settings(media=MediaSettings(workers=7))
    write_settings(path, settings)
    assert read_settings(path) == settings
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "{", '{"media": 3}', '{"medai": {}}'])
def test_a_broken_settings_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"settings\.json"):
        read_settings(path)


def test_every_setting_is_described() -> None:
    rows = {row.key: row for row in describe()}
    assert all(row.meaning and row.kind for row in rows.values())
    workers = rows["media.workers"]
    assert (workers.variable, workers.kind, workers.default) == (
        "OFFHOOK__MEDIA__WORKERS",
        "whole number",
        "0",
    )
    for row in rows.values():
        variable = {row.variable: row.default.strip('"[]').replace('","', ",")}
        assert load_settings(None, variable, {}) == Settings()
