"""Words that are not ours: on one line, short, without secrets, and nothing in them that a terminal obeys."""

from __future__ import annotations

import json
import unicodedata
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harvest_time_tracking import Secret
from harvest_time_tracking.words import printable, printable_lines, without_login

TOKEN = Secret("7654321.pt.Zq8v/k3x=Nf6y~Rb1u")
ESC, BEL, ST = "\x1b", "\x07", "\x1b\\"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Not authorized!", "Not authorized!"),
        ("  Zoë & Søn, 名前 🙂  ", "Zoë & Søn, 名前 🙂"),
        ("first\r\nError: all is lost\tnow", "first Error: all is lost now"),
        ("a\u2028b\u2029c\x85d\x0be\xa0f", "a b c d e f"),
        (f"{ESC}[2J{ESC}[1;31mred{ESC}[0m", "red"),
        ("\x9b2Jred\x9b0m", "red"),
        (f"{ESC}]52;c;ZXZpbA=={BEL}copied", "copied"),
        (f"{ESC}]8;;http://evil.example{ST}link{ESC}]8;;{ST}", "link"),
        ("\x9d0;title\x9cwindow", "window"),
        (f"{ESC}Pq#0{ST}picture{ESC}c", "picture"),
        (f"{ESC}]0;never ended", "0;never ended"),
        (f"{ESC}", ""),
        ("a\x00b\x08c\x7fd", "abcd"),
        ("user\u202etxt.exe\u2066x\u200f", "usertxt.exex"),
        ("zero\u200bwidth\u00ad\ufeff", "zerowidth"),
        ("half \ud800, none \U0010ffff, private \ue000", "half �, none �, private �"),
        ("[bold]markup[/] <b>*is*</b> left", "[bold]markup[/] <b>*is*</b> left"),
    ],
)
def test_nothing_in_it_moves_a_cursor_or_hides(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "denied for Bearer 7654321.pt.Zq8v/k3x=Nf6y~Rb1u",
        "no: 7654321.pt.Zq8v/k3x=Nf6y~Rb1u (7654321.pt.Zq8v/k3x=Nf6y~Rb1u)",
        "GET /v2?access_token=7654321.pt.Zq8v%2Fk3x%3DNf6y~Rb1u&x=1",
        "/v2/7654321.pt.Zq8v%2fk3x%3dNf6y%7eRb1u",
        "denied: 7654321.pt.Zq8v/\n   k3x=Nf6y~Rb1u",
        "denied: 7654321.pt.Zq8v\u200b/k3x=\x1b[0mNf6y~Rb1u",
        f"{'x' * 290}7654321.pt.Zq8v/k3x=Nf6y~Rb1u",
    ],
)
def test_the_token_is_not_in_it_however_it_is_spelled(text: str) -> None:
    shown = printable(text)
    assert "***" in shown or len(shown) == 300
    for part in ("Zq8v", "k3x", "Nf6y", "Rb1u"):
        assert part not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("denied for Bearer 999.pt.abcdef-cut-o", "denied for Bearer ***"),
        ("authorization: bearer eyJhbGciOi.J9-_x", "authorization: bearer ***"),
        ("/v2/clients?access_token=999.pt.abc&page=2", "/v2/clients?access_token=***&page=2"),
        ('{"access_token": "999.pt.abc"}', '{"access_token": "***'),
        ("a bearer token is expected", "a bearer token is expected"),
        ("access_token and account_id missing", "access_token and account_id missing"),
        ("postgresql://bi:p@ss:w/rd@db.example/x failed", "postgresql://***@db.example/x failed"),
        ("host=db.example user=bi password=hunter2", "host=db.example user=bi password=***"),
        ("md:ours?motherduck_token=eyJhbGciOi.x", "md:ours?motherduck_token=***"),
        ("write to data@acme.example", "write to data@acme.example"),
    ],
)
def test_what_looks_like_somebodys_secret_is_not_in_it_either(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_it_has_300_characters_at_most() -> None:
    assert printable("x" * 300) == "x" * 300
    assert printable("x" * 301) == "x" * 299 + "…"
    assert printable("many words, " * 1_000_000, most=20) == "many words, many wo…"


def test_a_secret_of_hardly_a_letter_does_not_blank_every_word() -> None:
    short = Secret("a"), Secret("")
    assert printable("an axe") == "an axe"
    assert short


def test_a_secret_is_kept_out_for_as_long_as_it_is_there() -> None:
    secrets = [Secret("a-secret-of-ours"), Secret("a-secret-of-ours")]
    assert printable("it is a-secret-of-ours") == "it is ***"
    secrets.pop()
    assert printable("it is a-secret-of-ours") == "it is ***"
    secrets.pop()
    assert printable("it is a-secret-of-ours") == "it is a-secret-of-ours"


@pytest.mark.parametrize(
    "spelled",
    [
        json.dumps,
        lambda token: token.replace("/", "\\/"),
        lambda token: "".join(f"\\u{ord(sign):04X}" for sign in token),
        lambda token: "".join(f"&#{ord(sign)};" for sign in token),
        lambda token: quote(quote(token, safe=""), safe=""),
        lambda token: b64encode(token.encode()).decode(),
        lambda token: b64encode(f"bi:{token}".encode()).decode(),
        lambda token: urlsafe_b64encode(f"user:{token}:x".encode()).decode(),
    ],
)
def test_a_secret_is_known_however_it_is_spelled(spelled: Callable[[str], str]) -> None:
    secret = Secret("7654321.pt.Zq8v/k3x=Nf6y~Rb1u?>")
    shown = printable(f"denied: {spelled(secret.reveal())}")
    assert "***" in shown
    # Of base64, at most the letters that it has in common with its neighbours.
    assert len(shown) < 32, shown


def test_lines_stay_lines_with_their_indentation_and_a_secret_does_not_hide_in_two() -> None:
    text = f"Traceback\n  File 'x'\r\n    {ESC}[2Jraise\nError: 7654321.pt.Zq8v/\n    k3x=Nf6y~Rb1u"
    assert printable_lines(text) == ["Traceback", "  File 'x'", "    raise", "Error: ***"]


@given(st.text())
@example("\x1b\x1b[2J[2J")
@example("\x1b[\x1b[2J2J")
@example("\x9d\x1b]0;a\x07b")
def test_whatever_it_is_it_comes_out_as_one_plain_line(text: str) -> None:
    shown = printable(text)
    assert len(shown) <= 300
    assert shown.isprintable()
    assert not {unicodedata.category(sign) for sign in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    shown.encode()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://api.harvestapp.com/v2", "https://api.harvestapp.com/v2"),
        ("https://user:secret@api.harvestapp.com/v2", "https://api.harvestapp.com/v2"),
        ("https://user:se@cret://x/@api.harvestapp.com/v2", "https://api.harvestapp.com/v2"),
        ("user:secret://@api.harvestapp.com/v2", "api.harvestapp.com/v2"),
        ("https//user:secret@api.harvestapp.com/v2", "api.harvestapp.com/v2"),
        ("postgresql+psycopg2://bi:secret@db/x?y=z", "postgresql+psycopg2://db/x?y=z"),
        ("", ""),
    ],
)
def test_of_an_address_nothing_before_the_last_at_is_shown(address: str, shown: str) -> None:
    assert without_login(address) == shown
