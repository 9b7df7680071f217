"""Secrets are hidden in texts and data."""

from __future__ import annotations

import base64
import html
import itertools
import json
import random
import re
import string
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given

from dataform_action.escapes import decoded
from dataform_action.redaction import Redactor, redacted
from tests.support.golden import hostile_outcome, outcomes
from tests.support.runner import BOUNDED, hostile_texts


def test_every_text_is_redacted() -> None:
    """A secret is hidden in every text of an outcome and a subject, at any depth."""
    outcome, subject = hostile_outcome("a s3cret b")
    assert str((outcome, subject)).count("s3cret") > 20
    clean = redacted((outcome, subject), lambda text: text.replace("s3cret", "***"))
    assert "s3cret" not in str(clean)
    assert str(clean) == str((outcome, subject)).replace("s3cret", "***")


def test_data_without_a_secret_does_not_change() -> None:
    """Data without a secret stays the same object, and states, times and numbers are not texts."""
    for outcome, subject in outcomes().values():
        assert redacted((outcome, subject), str) == (outcome, subject)
        assert redacted(outcome, str) is outcome
        assert redacted(replace(outcome, duration=1.5), str.upper).duration == 1.5


TOKEN = "ya29.A0/b+C-x_Y=z~w%q&r<s>t'u\"v"  # Each encoding escapes some of its characters.


def _escape_all(text: str, form: str) -> str:
    return "".join(form.format(ord(character)) for character in text)


def _only_special(text: str, form: str) -> str:
    return "".join(c if c.isalnum() else form.format(ord(c)) for c in text)


FORMS = {
    "plain": TOKEN,
    "JSON": json.dumps(TOKEN)[1:-1],
    "JSON with escaped slashes": json.dumps(TOKEN)[1:-1].replace("/", "\\/"),
    "JSON in JSON": json.dumps(json.dumps(TOKEN).replace("/", "\\/"))[3:-3],
    "JSON, special ones as code points": _only_special(TOKEN, "\\u{:04x}"),
    "JSON, special ones as code points, upper case": _only_special(TOKEN, "\\u{:04X}"),
    "JSON, all as code points": _escape_all(TOKEN, "\\u{:04x}"),
    "JSON in JSON, all as code points": _escape_all(TOKEN, "\\\\u{:04x}"),
    "JavaScript": _only_special(TOKEN, "\\x{:02x}"),
    "percent-encoded": quote(TOKEN, safe=""),
    "percent-encoded path": quote(TOKEN),
    "percent-encoded form": quote_plus(TOKEN),
    "percent-encoded, lower case": _only_special(TOKEN, "%{:02x}"),
    "percent-encoded twice": quote(quote(TOKEN, safe=""), safe=""),
    "percent-encoded twice, lower case": _only_special(TOKEN, "%25{:02x}"),
    "percent-encoded, all": _escape_all(TOKEN, "%{:02x}"),
    "HTML": html.escape(TOKEN),
    "HTML twice": html.escape(html.escape(TOKEN)),
    "HTML, decimal": _only_special(TOKEN, "&#{};"),
    "HTML, decimal, all": _escape_all(TOKEN, "&#{};"),
    "HTML, hexadecimal": _only_special(TOKEN, "&#x{:X};"),
    "HTML, hexadecimal, all": _escape_all(TOKEN, "&#x{:02x};"),
    "HTML, names": TOKEN.replace("&", "&amp;").replace("/", "&sol;").replace("=", "&equals;"),
    "Markdown": re.sub(r"([^0-9A-Za-z])", r"\\\1", TOKEN),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_secret_is_hidden_in_every_form(form: str) -> None:
    """A secret is hidden in every encoding in which a service may repeat it."""
    assert Redactor(TOKEN)(f"before {form} after {form}") == "before *** after ***"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:", "Bearer "])
@pytest.mark.parametrize("after", ["", "z", "yz", "xyz"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_hidden_in_base64(
    before: str, after: str, encode: Callable[[bytes], bytes]
) -> None:
    """A secret is hidden in the Base64 of a text that contains it, at any position."""
    encoded = encode(f"{before}{TOKEN}{after}".encode()).decode()
    shown = Redactor(TOKEN)(f"x {encoded} y")
    assert re.fullmatch(r"x \S*\*\*\*\S* y", shown)
    # Only the surrounding text is left, and less than a group of four characters on each side.
    left = shown.removeprefix("x ").removesuffix(" y").split("***")
    assert len("".join(left)) <= len(encoded) - len(encode(TOKEN.encode())) + 8
    assert "***" in Redactor(TOKEN)(quote(encoded, safe=""))


def test_the_lines_of_a_secret_are_secrets() -> None:
    """A PEM key is hidden as a whole, in JSON, and line by line."""
    key = "-----BEGIN KEY-----\nMIIabc/def+ghi\nJKLmno==\n-----END KEY-----\n"
    redact = Redactor(key)
    assert redact(key) == "***"
    assert redact(f"a {json.dumps(key)} b") == 'a "***" b'
    assert redact("x MIIabc/def+ghi y JKLmno== z") == "x *** y *** z"


@pytest.mark.parametrize("secret", ["", " ", "\n", "abc", " a "])
def test_blank_and_short_texts_are_not_secrets(secret: str) -> None:
    """To replace a blank or very short text would make messages unreadable."""
    text = f"x {secret} y abc a"
    assert Redactor(secret)(text) == text


@pytest.mark.parametrize("text", ["100%50 a\\u0041b &#65; %41%zz", "&amp; \\/ %2F", "a" * 10_000])
def test_text_without_a_secret_does_not_change(text: str) -> None:
    """A text without a secret keeps its encoding."""
    assert Redactor(TOKEN)(text) == text


def test_overlapping_secrets() -> None:
    """If the end of one secret is the start of another one, both are hidden."""
    assert Redactor("first-half", "half-second")("a first-half-second b") == "a *** b"


@BOUNDED
@given(hostile_texts(), hostile_texts(), hostile_texts())
@example("\\" * 60, "x", "\\" * 59 + "y")
@example("/" + "x" * 8, "\\" * 50, "%" * 50)
def test_any_secret_is_hidden(secret: str, before: str, after: str) -> None:
    """Any text may be a secret, and any text may surround it."""
    # If little is left of it after decoding, it is too short.
    assume(len(decoded(decoded(secret)).strip("\\%& ")) >= 4 and "*" not in secret)
    redact = Redactor(secret)
    for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe="", errors="replace")):
        assert secret not in redact(before + form + after)
        assert "***" in redact(before + form + after)


def _go_json(text: str) -> str:
    for character in "&<>":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _named(text: str) -> str:
    names = {"+": "&plus;", "/": "&sol;", "=": "&equals;", "-": "&minus;", "_": "&UnderBar;"}
    return "".join({"&": "&amp;", **names}.get(character, character) for character in text)


ENCODERS: dict[str, Callable[[str], str]] = {
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with escaped slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON of Go": lambda text: _go_json(json.dumps(text)[1:-1]),
    "JSON, all": lambda text: _escape_all(text, "\\u{:04x}"),
    "octal": lambda text: _only_special(text, "\\{:03o}"),
    "repr": lambda text: repr(text)[1:-1],
    "HTML": html.escape,
    "HTML of Go": lambda text: html.escape(text).replace("+", "&#43;").replace("&quot;", "&#34;"),
    "HTML, names": _named,
    "HTML, all": lambda text: _escape_all(text, "&#{};"),
    "HTML without semicolons": lambda text: re.sub(
        "=(?!;)", "&#61", re.sub("/(?!;)", "&#x2F", text)
    ),
    "percent": lambda text: quote(text, safe=""),
    "percent, path": quote,
    "percent, form": quote_plus,
    "percent, all": lambda text: _escape_all(text, "%{:02x}"),
    "percent u": lambda text: _only_special(text, "%u{:04X}"),
}


@pytest.mark.parametrize("pair", list(itertools.product(ENCODERS, repeat=2)), ids=" in ".join)
def test_a_secret_is_hidden_in_two_encodings(pair: tuple[str, str]) -> None:
    """A secret is hidden in one encoding inside another, whichever characters it has."""
    source = random.Random(str(pair))  # noqa: S311
    for _ in range(30):
        # A letter that is no hexadecimal digit: half an escape is not the end of a secret.
        middle = source.choices(string.ascii_letters * 2 + string.punctuation, k=30)
        token = f"y{''.join(middle)}y"
        text = ENCODERS[pair[1]](ENCODERS[pair[0]](token))
        assert Redactor(token)(f"before {text} after") == "before *** after", (token, text)


@pytest.mark.parametrize("inner", ["JSON", "HTML", "HTML of Go", "percent", "percent, path"])
@pytest.mark.parametrize("outer", ["JSON with escaped slashes", "HTML of Go", "percent"])
def test_an_encoded_secret_is_hidden_in_base64(inner: str, outer: str) -> None:
    """A secret is hidden in the Base64 of a text that contains it in an encoding."""
    source = random.Random(inner)  # noqa: S311
    for before in ("", "a", "ab"):
        middle = source.choices(string.ascii_letters * 2 + string.punctuation, k=30)
        token = f"y{''.join(middle)}y"
        encoded = base64.b64encode(f"{before}{ENCODERS[inner](token)}".encode()).decode()
        shown = Redactor(token)(ENCODERS[outer](encoded))
        assert re.fullmatch(r".{0,4}\*\*\*.{0,16}", shown), (token, shown)


@pytest.mark.parametrize("before", ["", "a", "ab"])
@pytest.mark.parametrize("prefix", ["", "a", "ab"])
def test_a_secret_is_hidden_in_base64_of_base64(before: str, prefix: str) -> None:
    """A secret is hidden if a service encodes it twice in Base64, as registries do."""
    inner = base64.b64encode(f"{before}{TOKEN}".encode())
    encoded = base64.b64encode(prefix.encode() + inner).decode()
    assert re.fullmatch(r".{0,9}\*\*\*.{0,16}", Redactor(TOKEN)(encoded))


@pytest.mark.parametrize("character", ["\\", "%", "&", "/", "0", "%25", "&amp;", "\\u005c"])
def test_time_for_a_long_text(character: str) -> None:
    """The time grows as the length of a text. If it grew as the square, this would take hours."""
    secret = f"{character * 20}secret{character * 20}"
    text = f"{character * (1_000_000 // len(character))}s-e-c-r-e-t"
    assert Redactor(secret)(text) == text
