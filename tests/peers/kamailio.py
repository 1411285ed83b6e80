"""kamailio as a peer: a proxy that record-routes, forks, registers and challenges.

One configuration, written for each run: UDP and TCP on one port, TLS if there is a certificate,
WebSocket on a port of its own.  Whoever is in ``users`` must show a password to register, and to
call if ``challenge_calls``; registered contacts are forked to in parallel, and so are ``forks``.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.peers.certificates import Certificate
from tests.peers.ports import free_port, wait_bound
from tests.peers.processes import Running

REALM: Final = "kamailio.example"
MODULES: Final = (
    "tm", "tmx", "sl", "rr", "maxfwd", "pv", "textops", "siputils", "usrloc", "registrar",
    "auth", "htable", "xhttp", "websocket", "nathelper", "corex",
)  # fmt: skip

# One child for UDP: of two, one may forward a BYE before the other has the ACK ahead of it.
CONFIG: Final = """\
#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=2
auto_aliases=no
alias="127.0.0.1:{port}"
dns=no
rev_dns=no
tcp_accept_no_cl=yes
{enable_tls}
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{ws_port}
{listen_tls}
mpath="{modules}"
{load}
modparam("rr", "enable_full_lr", 1)
modparam("rr", "append_fromtag", 1)
modparam("tm", "fr_timer", 5000)
modparam("tm", "fr_inv_timer", 30000)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "gruu_enabled", 0)
modparam("registrar", "max_contacts", 8)
modparam("registrar", "min_expires", {min_expires})
modparam("registrar", "default_expires", 3600)
modparam("registrar", "received_avp", "$avp(received)")
modparam("nathelper", "received_avp", "$avp(received)")
modparam("auth", "algorithm", "{algorithm}")
modparam("auth", "nonce_expire", {nonce_expire})
modparam("auth", "qop", "auth")
modparam("htable", "htable", "users=>size=4;")
{tls_params}

{users}
request_route {{
    if (!mf_process_maxfwd_header("70")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    force_rport();
    if (proto == WS || proto == WSS) {{
        if (is_method("REGISTER")) fix_nated_register();
        else add_contact_alias();
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (has_totag()) {{
        if (loose_route()) {{
            handle_ruri_alias();
            t_relay();
        }} else if (is_method("ACK") && t_check_trans()) {{
            t_relay();
        }} else if (!is_method("ACK")) {{
            sl_send_reply("404", "Not Here");
        }}
        exit;
    }}
    t_check_trans();
    if (is_method("REGISTER")) {{
        route(CHALLENGE_REGISTER);
        save("location");
        exit;
    }}
    if (is_method("OPTIONS") && $rU == $null) {{ sl_send_reply("200", "OK"); exit; }}
    {challenge_calls}
    remove_hf("Route");
    record_route();
{forks}
    if (uri == myself) {{
        if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    }}
    t_relay();
}}

route[CHALLENGE_REGISTER] {{
    {register}
}}

route[CHALLENGE_CALL] {{
    if (!pv_proxy_authenticate("{realm}", "$sht(users=>$fU)", "0")) {{
        proxy_challenge("{realm}", "1");
        exit;
    }}
    consume_credentials();
}}

event_route[xhttp:request] {{
    if ($hdr(Upgrade) =~ "websocket" && $hdr(Sec-WebSocket-Protocol) =~ "sip") {{
        if (ws_handle_handshake()) exit;
    }}
    xhttp_reply("404", "Not Found", "", "");
}}
"""

REGISTER_CHALLENGE: Final = """\
if (!pv_www_authenticate("{realm}", "$sht(users=>$fU)", "0")) {{
        www_challenge("{realm}", "1");
        exit;
    }}"""


class Kamailio(Running):
    """A running kamailio on 127.0.0.1; a context manager.

    ``forks`` maps the user of a Request-URI to the URIs that are all called at once.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: Mapping[str, str] | None = None,
        challenge_calls: bool = False,
        forks: Mapping[str, Sequence[str]] | None = None,
        algorithm: str = "MD5",
        nonce_expire: int = 300,
        min_expires: int = 1,
        tls: Certificate | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.ws_port = free_port()
        self.tls_port = free_port() if tls else 0
        config = folder / "kamailio.cfg"
        modules = [*MODULES, *(["tls"] if tls else [])]
        config.write_text(
            CONFIG.format(
                port=self.port,
                ws_port=self.ws_port,
                enable_tls="enable_tls=yes" if tls else "",
                listen_tls=f"listen=tls:127.0.0.1:{self.tls_port}" if tls else "",
                tls_params=_tls_parameters(tls) if tls else "",
                modules=_module_path(),
                load="\n".join(f'loadmodule "{name}.so"' for name in modules),
                algorithm=algorithm,
                nonce_expire=nonce_expire,
                min_expires=min_expires,
                realm=REALM,
                users=_passwords(users) if users else "",
                register=REGISTER_CHALLENGE.format(realm=REALM) if users else "return;",
                challenge_calls="route(CHALLENGE_CALL);" if challenge_calls else "",
                forks="\n".join(_fork(user, uris) for user, uris in (forks or {}).items()),
            )
        )
        super().__init__(
            ["kamailio", "-DD", "-E", "-f", config, "-Y", folder, "-w", folder, "-m", "32"],
            folder=folder,
            log="kamailio.log",
        )
        try:
            for port in filter(None, (self.port, self.ws_port, self.tls_port)):
                wait_bound(port, "tcp")
            wait_bound(self.port, "udp")
        except OSError as error:
            self.kill()
            raise AssertionError(f"kamailio does not serve: {error}\n{self.output()}") from None

    @property
    def sip(self) -> str:
        """Its URI without a user and scheme, ``127.0.0.1:PORT``."""
        return f"127.0.0.1:{self.port}"

    def kill(self) -> int:
        """End it and all the processes that it made: they are a session of their own."""
        self.signal(signal.SIGTERM)  # it ends its own children, and waits for them
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(3.0)
        os.killpg(self.pid, signal.SIGKILL)
        return self.process.wait()


def _module_path() -> str:
    folders = Path("/usr").glob("lib*/**/kamailio/modules")
    found = next(folders, None)
    assert found is not None, "kamailio has no modules"
    return f"{found}/"


def _passwords(users: Mapping[str, str]) -> str:
    lines = [f'$sht(users=>{user}) = "{password}";' for user, password in users.items()]
    return "\n    ".join(["event_route[htable:mod-init] {", *lines]) + "\n}\n"


def _tls_parameters(tls: Certificate) -> str:
    return "\n".join(
        f'modparam("tls", "{name}", {value})'
        for name, value in (
            ("tls_method", '"TLSv1.2+"'),
            ("certificate", f'"{tls.certificate}"'),
            ("private_key", f'"{tls.key}"'),
            ("verify_certificate", 0),
            ("require_certificate", 0),
        )
    )


def _fork(user: str, uris: Sequence[str]) -> str:
    first, *others = uris
    branches = "".join(f' append_branch("{uri}");' for uri in others)
    return f'    if ($rU == "{user}") {{ $ru = "{first}";{branches} t_relay(); exit; }}'
