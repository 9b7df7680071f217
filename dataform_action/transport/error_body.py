"""The texts in the body of an error, with secrets hidden."""

from __future__ import annotations

from collections.abc import Callable

from dataform_action.transport.json_values import parse_json

_EXCERPT = 500
#: The part of a long text in which secrets are hidden before the text is cut.
_READ = 512 * 1024
#: The end of that part is not shown: it may be the start of a secret, in any encoding.
_LONGEST_SECRET = 384 * 1024
#: The longest error message of a service that is kept, in characters.
LONGEST_MESSAGE = 2000


def describe_error(body: bytes, hide: Callable[[str], str]) -> str:
    """Return the message in an error's body. If there is none, return the start of the body.

    Google's APIs send ``{"error": {"message"}}``, and gRPC gateways ``{"error", "message"}``.
    ``hide`` removes secrets before the message is cut: it would not find a part of a secret.
    """
    value = parse_json(body)
    if not isinstance(value, dict):
        return excerpt(body, hide)
    error = value.get("error")
    candidates = (error.get("message") if isinstance(error, dict) else error, value.get("message"))
    messages = (text for text in candidates if isinstance(text, str) and text.strip())
    message = next(messages, None)
    return _start_of(message, hide)[:LONGEST_MESSAGE] if message else excerpt(body, hide)


def excerpt(body: bytes, hide: Callable[[str], str]) -> str:
    """Return the start of a body that is not understood, on one line and without secrets."""
    # A character of the start has at most 4 bytes.
    text = " ".join(_start_of(body[: 4 * _READ + 4].decode("utf-8", "replace"), hide).split())
    if not text:
        return "a long body" if len(body) > _READ else "an empty body"
    if text[:1] == "<":
        return "an HTML page"
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


def _start_of(text: str, hide: Callable[[str], str]) -> str:
    """Return the start of a text without secrets, and without a part of a secret at its end."""
    clean = hide(text[:_READ])
    return clean if len(text) <= _READ else clean[:-_LONGEST_SECRET]
