"""The search for secrets finds every encoding and every part, and nothing else."""

from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest

from dataform_action.github.markdown import prose
from tests.support.leaks import Leaks

SECRET = 'p4ss"w/or+d=Xy7&Zq<kL9~tUv'
LEAKS = Leaks({"the password": SECRET})


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": json.dumps,
    "JSON with escaped slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON in JSON": lambda text: json.dumps({"inside": json.dumps(text)}),
    "percent": lambda text: quote(text, safe=""),
    "percent, twice": lambda text: quote(quote(text, safe="")),
    "percent in lower case": lambda text: quote(text, safe="").replace("%2F", "%2f"),
    "HTML": html.escape,
    "Markdown": prose,
    "a part": lambda text: text[5:13],
    "the end": lambda text: text[-8:],
    "with an invisible character": lambda text: text[:9].replace("/", "\u200b/"),
}


def in_base64(encode: Callable[[bytes], bytes], before: str) -> Callable[[str], str]:
    return lambda text: encode(f"{before}{text} and more".encode()).decode()


for _encode in (b64encode, urlsafe_b64encode):
    for _before in ("", "x", "xy"):
        SPELLINGS[f"{_encode.__name__} after {_before!r}"] = in_base64(_encode, _before)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_secret_is_found(spelling: str) -> None:
    """A secret is found in every encoding, and so is a part of eight characters."""
    assert LEAKS.find(f"before {SPELLINGS[spelling](SECRET)} after")


@pytest.mark.parametrize(
    "text", ["", "the password is hidden: ***", SECRET[:7], f"::add-mask::{SECRET}\nnext line"]
)
def test_texts_without_a_leak(text: str) -> None:
    """A mask command and a shorter part are not leaks."""
    assert LEAKS.find(text) == []
