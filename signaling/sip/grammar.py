r"""The grammar of RFC 3261 section 25.1 as pieces of regular expressions, each under its rule.

Folding is undone before a value is matched, so LWS is SP and HTAB only.  Every repetition is
possessive (``++``, ``*+``) or in an atomic group: no input makes a pattern try twice, all of them
run in linear time.  Groups are repeated by ``some``, ``any_number`` and ``perhaps`` only, because
Python before 3.11.5 lets possessive groups match too much.

More is accepted than the rules say where phones are known to need it, and where it is said below.
"""

import re
from typing import Final


def some(piece: str) -> str:
    """Return the pattern of ``1*( piece )``, all there are."""
    return f"(?>(?:{piece})+)"


def any_number(piece: str) -> str:
    """Return the pattern of ``*( piece )``, all there are."""
    return f"(?>(?:{piece})*)"


def perhaps(piece: str) -> str:
    """Return the pattern of ``[ piece ]``, taken if it is there."""
    return f"(?>(?:{piece})?)"


# token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )
TOKEN: Final = r"[A-Za-z0-9\-.!%*_+`'~]++"

# LWS = [*WSP CRLF] 1*WSP         SWS = [LWS]
LWS: Final = r"[ \t]++"
SWS: Final = r"[ \t]*+"

# quoted-string = SWS DQUOTE *(qdtext / quoted-pair ) DQUOTE
# qdtext = LWS / %x21 / %x23-5B / %x5D-7E / UTF8-NONASCII
# quoted-pair = "\" (%x00-09 / %x0B-0C / %x0E-7F)                        we: any character
QUOTED: Final = '"' + any_number(r'[^"\\\x00-\x08\x0a-\x1f\x7f]++|\\[^\r\n]') + '"'

# generic-param = token [ EQUAL gen-value ]
# gen-value = token / host / quoted-string          we: anything that ends no parameter
GEN_VALUE: Final = rf"(?:{QUOTED}|[^\x00-\x20\x7f\"<>,;]++)"
PARAMETER: Final = f"{SWS};{SWS}({TOKEN})" + perhaps(f"{SWS}={SWS}({GEN_VALUE})")
GENERIC: Final = f"{SWS};{SWS}{TOKEN}" + perhaps(f"{SWS}={SWS}{GEN_VALUE}")
PARAMETERS: Final = f"({any_number(GENERIC)}){SWS}"  # *( SEMI generic-param )

# hostname = *( domainlabel "." ) toplabel [ "." ]      we: "_" too, and IPv4address is one of these
# IPv6reference = "[" IPv6address "]"                                 the address is checked apart
LABEL: Final = r"[A-Za-z0-9_][A-Za-z0-9_\-]*+"
HOSTNAME: Final = LABEL + any_number(rf"\.{LABEL}") + r"\.?+"
HOST: Final = rf"(?:{HOSTNAME}|\[[0-9A-Fa-f:.]++\])"
PORT: Final = r"[0-9]{1,5}+"  # 1*DIGIT, but at most 65535

# unreserved = alphanum / mark        mark = "-" / "_" / "." / "!" / "~" / "*" / "'" / "(" / ")"
UNRESERVED: Final = r"A-Za-z0-9\-_.!~*'()"
ESCAPED: Final = r"%[0-9A-Fa-f]{2}"  # escaped = "%" HEXDIG HEXDIG

# user = 1*( unreserved / escaped / user-unreserved )
# user-unreserved = "&" / "=" / "+" / "$" / "," / ";" / "?" / "/"
USER: Final = some(rf"[{UNRESERVED}&=+$,;?/]++|{ESCAPED}")
# password = *( unreserved / escaped / "&" / "=" / "+" / "$" / "," )
PASSWORD: Final = any_number(rf"[{UNRESERVED}&=+$,]++|{ESCAPED}")

# uri-parameters = *( ";" uri-parameter)              other-param = pname [ "=" pvalue ]
# param-unreserved = "[" / "]" / "/" / ":" / "&" / "+" / "$"
PARAMCHARS: Final = some(rf"[{UNRESERVED}\[\]/:&+$]++|{ESCAPED}")
URI_PARAMETERS: Final = any_number(f";{PARAMCHARS}" + perhaps(f"={PARAMCHARS}"))

# headers = "?" header *( "&" header )                header = hname "=" hvalue
# hnv-unreserved = "[" / "]" / "/" / "?" / ":" / "+" / "$"
HNAME: Final = some(rf"[{UNRESERVED}\[\]/?:+$]++|{ESCAPED}")
HVALUE: Final = any_number(rf"[{UNRESERVED}\[\]/?:+$]++|{ESCAPED}")
URI_HEADERS: Final = rf"\?{HNAME}={HVALUE}" + any_number(f"&{HNAME}={HVALUE}")

# SIP-URI = "sip:" [ userinfo ] hostport uri-parameters [ headers ]
SIP_URI: Final = re.compile(
    rf"([Ss][Ii][Pp][Ss]?+):(?:({USER}){perhaps(f':({PASSWORD})')}@)?"
    rf"({HOST}){perhaps(f':({PORT})')}({URI_PARAMETERS}){perhaps(f'({URI_HEADERS})')}"
)
# telephone-uri = "tel:" telephone-subscriber                                  RFC 3966
TEL_URI: Final = re.compile(rf"[Tt][Ee][Ll]:(\+?+[0-9A-Fa-f*#\-.()]++)({URI_PARAMETERS})")
# absoluteURI = scheme ":" ( hier-part / opaque-part )            we: anything visible after the ":"
SCHEME: Final = r"[A-Za-z][A-Za-z0-9+\-.]*+:"
ABSOLUTE_URI: Final = re.compile(rf"{SCHEME}[^\x00-\x20\x7f\"<>]++")

# name-addr = [ display-name ] LAQUOT addr-spec RAQUOT
# display-name = *(token LWS)/ quoted-string
# without brackets "," ";" "?" end the addr-spec (section 20)
# we: any display name without quotes and brackets
DISPLAY: Final = rf'({QUOTED}{SWS}|[^"<>\x00-\x08\x0a-\x1f\x7f]*+)'
NAME_ADDR: Final = re.compile(
    rf"(?:{DISPLAY}<([^<>\" \t]++)>|({SCHEME}[^<>\",;? \t]++)){PARAMETERS}",
)

# via-parm = sent-protocol LWS sent-by *( SEMI via-params )
# sent-protocol = protocol-name SLASH protocol-version SLASH transport
VIA: Final = re.compile(
    rf"[Ss][Ii][Pp]{SWS}/{SWS}({TOKEN}){SWS}/{SWS}({TOKEN}){LWS}"
    rf"({HOST}){perhaps(f'{SWS}:{SWS}({PORT})')}{PARAMETERS}"
)

# CSeq = "CSeq" HCOLON 1*DIGIT LWS Method                   the number must be less than 2**31
CSEQ: Final = re.compile(rf"([0-9]{{1,20}}+){LWS}({TOKEN})")
# callid = word [ "@" word ]                                                   we: anything visible
CALL_ID: Final = re.compile(r"[^\x00-\x20\x7f]++")
NUMBER: Final = re.compile(r"[0-9]{1,20}+")
# media-type = m-type SLASH m-subtype *(SEMI m-parameter)
MEDIA_TYPE: Final = re.compile(rf"({TOKEN}){SWS}/{SWS}({TOKEN}){PARAMETERS}")

# challenge = ("Digest" LWS digest-cln *(COMMA digest-cln)) / other-challenge
CHALLENGE: Final = re.compile(rf"{SWS}({TOKEN})(?:{LWS}|\Z)")
AUTH_PARAM: Final = re.compile(
    rf"{SWS}({TOKEN}){SWS}={SWS}({QUOTED}|[^\x00-\x20\x7f\",]++){SWS}" + any_number(f",{SWS}")
)

# Request-Line = Method SP Request-URI SP SIP-Version CRLF
# SIP-Version = "SIP" "/" 1*DIGIT "." 1*DIGIT
SIP_VERSION: Final = re.compile(r"[Ss][Ii][Pp]/[0-9]++\.[0-9]++")
A_SCHEME: Final = re.compile(SCHEME)
A_TOKEN: Final = re.compile(TOKEN)
A_PARAMETER: Final = re.compile(PARAMETER)
A_GEN_VALUE: Final = re.compile(r"[^\x00-\x20\x7f\"<>,;]++")
FOLD: Final = re.compile(r"\r\n[ \t]++")
# An element of a comma-separated list: commas in quotes and brackets are the element's own.
ROUGHLY_QUOTED: Final = '"' + any_number(r'[^"\\]++|\\.') + '"'
ELEMENT: Final = re.compile(
    "(" + any_number(rf'[^,"<]++|{ROUGHLY_QUOTED}|<[^>]*+>|["<].*+') + r")(?:,|\Z)", re.DOTALL
)
