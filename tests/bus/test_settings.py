from bus.settings import MediaSettings, Settings, SipSettings, problems


def test_the_defaults_have_no_problem() -> None:
    assert list(problems(Settings())) == []


def test_every_problem_is_found() -> None:
    settings = Settings(
        sip=SipSettings(
            listen=("udp:", "tls:h:1", "x"),
            nameserver="dns.example.com",
            proxy="a.b",
            session_expires=60,
        ),
        media=MediaSettings(port_first=7, port_last=6),
    )
    found = [key for key, _ in problems(settings)]
    assert found == [
        *("sip.listen", "tls.certificate", "sip.listen", "sip.session_expires"),
        *("sip.proxy", "sip.nameserver"),
        *("media.port_first", "media.port_last"),
    ]
