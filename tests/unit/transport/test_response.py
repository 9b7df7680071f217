"""How responses are classified, and how they are reported without secrets."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from dataform_action.emulator import Emulator, Fault
from dataform_action.errors import (
    DataformError,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    Refused,
    Throttled,
    TooLarge,
    Unusable,
)
from dataform_action.transport.client import Transport
from dataform_action.transport.json_values import parse_json
from dataform_action.transport.response import Response, parse_retry_after, read_response
from tests.unit.transport.support import RUNS, connect


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault("reset"), NoResponse, "Connection reset by peer"),
        (Fault("close"), NoResponse, "Remote end closed connection without response"),
        (Fault("short"), NoResponse, "bytes read"),
        (Fault("cut-json"), InvalidResponse, "HTTP 200, but no JSON object: {"),
        (Fault("html"), InvalidResponse, "HTTP 200, but no JSON object: an HTML page"),
        (Fault("json", body="[1]"), InvalidResponse, "HTTP 200, but no JSON object: [1]"),
        (Fault("json", body=""), InvalidResponse, "HTTP 200, but no JSON object: an empty body"),
        (Fault("json", body="x" * 600), InvalidResponse, f"{'x' * 500}…"),
        (Fault("json", body="[" * 100_000), InvalidResponse, "HTTP 200, but no JSON object"),
        (
            Fault("redirect", headers={"Location": "/elsewhere"}),
            InvalidResponse,
            "HTTP 302: redirects are not followed",
        ),
        (Fault("status", status=500, body="<html>"), NoResponse, "HTTP 500: an HTML page"),
        (Fault("status", status=503, body='{"error": "busy"}'), NoResponse, "HTTP 503: busy"),
        (
            Fault("status", status=504, body='{"error": {"message": "late"}}'),
            NoResponse,
            "504: late",
        ),
        (Fault("status", status=408, body='{"message": "slow"}'), NoResponse, "HTTP 408: slow"),
        (Fault("status", status=429, body='{"error": {}}'), Throttled, "HTTP 429"),
        (Fault("status", status=400, body="[]"), Refused, "HTTP 400: []"),
        (Fault("hang", seconds=60), NoResponse, "timed out"),
        (Fault("drip", seconds=60), NoResponse, "no complete response within 1 seconds"),
    ],
)
def test_failures(emulator: Emulator, fault: Fault, error: type[DataformError], words: str) -> None:
    """Each failure has its own class, and a message that names the request and the cause."""
    emulator.add_fault(fault)
    seconds = 0.5 if fault.kind in ("hang", "drip") else 30
    with pytest.raises(error) as caught:
        connect(emulator).send("GET", f"{RUNS}/1", read_seconds=seconds)
    assert type(caught.value) is error
    assert caught.value.message.startswith(f"GET {emulator.url}{RUNS}/1: ")
    assert words in caught.value.message
    assert len(emulator.requests) == 1


def _google(status: str, message: str = "x", **more: object) -> str:
    return json.dumps({"error": {"code": 400, "message": message, "status": status, **more}})


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        *(
            (status, "", NoResponse)
            for status in (408, 421, 425, 499, 500, 502, 503, 504, 520, 529)
        ),
        *((status, "<html>", NoResponse) for status in (408, 425, 499, 502)),
        *((status, "", Refused) for status in (400, 401, 402, 403, 404, 405, 410, 412, 413, 422)),
        *(
            (status, _google(code), NoResponse)
            for status in (400, 401, 403, 404, 409, 412)
            for code in ("CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL")
        ),
        *((status, _google("UNAVAILABLE"), NoResponse) for status in (400, 403, 404, 417)),
        *((status, _google("RESOURCE_EXHAUSTED"), NoResponse) for status in (400, 403)),
        *(
            (400, _google(code), Refused)
            for code in ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE", "unavailable")
        ),
        (403, _google("PERMISSION_DENIED"), Refused),
        (403, _google("x", errors=[{"reason": "rateLimitExceeded"}]), NoResponse),
        (403, _google("x", errors=[{"reason": "userRateLimitExceeded"}, 1]), NoResponse),
        (403, _google("x", errors=[{"reason": "accessDenied"}, {"reason": 1}]), Refused),
        (403, _google("x", errors="rateLimitExceeded"), Refused),
        (403, '{"error": "busy", "code": 14, "message": "busy"}', NoResponse),
        (400, '{"error": "late", "code": 4}', NoResponse),
        (403, '{"error": "no", "code": 7}', Refused),
        (403, '{"error": "what", "code": 2}', Refused),
        (429, _google("RESOURCE_EXHAUSTED"), Throttled),
        (429, "", Throttled),
        (407, "", NoResponse),
    ],
)
def test_error_responses(
    emulator: Emulator, method: str, status: int, body: str, error: type[DataformError]
) -> None:
    """Google's transient codes are outages with any HTTP status."""
    emulator.add_fault(Fault("status", status=status, body=body))
    with pytest.raises(error) as caught:
        connect(emulator).send(method, RUNS)
    assert type(caught.value) is error
    # A create may be repeated only after these errors.
    unprocessed = isinstance(caught.value, Unusable) and caught.value.unprocessed
    assert unprocessed is (error in (Throttled, Misconfigured))


@pytest.mark.parametrize(
    ("method", "body", "error"),
    [
        ("GET", "", NoResponse),
        ("GET", _google("ALREADY_EXISTS"), NoResponse),
        ("POST", "", NoResponse),
        ("POST", _google("ALREADY_EXISTS"), Refused),
        ("POST", _google("ABORTED"), NoResponse),
        ("PATCH", _google("ABORTED"), NoResponse),
    ],
)
def test_conflicts(emulator: Emulator, method: str, body: str, error: type[DataformError]) -> None:
    """HTTP 409 is an outage for a read. For a write, the code in the body decides."""
    emulator.add_fault(Fault("status", status=409, body=body))
    with pytest.raises(error):
        connect(emulator).send(method, RUNS)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            "The remote server unexpectedly closed the connection during remote operation",
            NoResponse,
        ),
        ("THE REMOTE SERVER UNEXPECTEDLY CLOSED THE CONNECTION.", NoResponse),
        ("Git: connection was reset by the remote", NoResponse),
        ("read: connection reset by peer", NoResponse),
        ("Connection timed out", NoResponse),
        ("The connection was interrupted", NoResponse),
        ("fatal: the remote end hung up unexpectedly", NoResponse),
        ("RPC failed; early EOF", NoResponse),
        ("The remote server timed out", NoResponse),
        ("The requested URL returned error: 503", NoResponse),
        ("Remote has disconnected", NoResponse),
        ("Temporary failure in name resolution", NoResponse),
        ("Could not read from remote repository", Refused),
        ("The requested URL returned error: 403", Refused),
        ("The repository is closed", Refused),
        ("Only a commitish value of 'main' is allowed.", Refused),
        ("Service account must be set when strict act as checks are enabled", Refused),
        ("Compilation timed out", Refused),
        ("Unknown connection: my-connection", Refused),
    ],
)
def test_lost_connection_of_the_service(
    emulator: Emulator, words: str, error: type[DataformError]
) -> None:
    """HTTP 400 about a lost connection between the service and another server is an outage."""
    emulator.add_fault(Fault("status", status=400, body=_google("FAILED_PRECONDITION", words)))
    with pytest.raises(error) as caught:
        connect(emulator).send("POST", RUNS, {})
    assert type(caught.value) is error
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("25", 25.0),
        (" 0 ", 0.0),
        ("9" * 50, 999999999.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        pytest.param(
            format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True),
            7200.0,
            id="in two hours",
        ),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
        ("٣", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("", None),
    ],
)
def test_retry_after(emulator: Emulator, value: str, seconds: float | None) -> None:
    """Retry-After is a number of seconds or a date. Other values are ignored."""
    found = parse_retry_after({"Retry-After": value})
    assert found == (None if seconds is None else pytest.approx(seconds, abs=900))


def test_retry_after_of_a_server_error(emulator: Emulator) -> None:
    """HTTP 503 may have a Retry-After header, as HTTP 429."""
    emulator.add_fault(Fault("status", status=503, headers={"Retry-After": "7"}))
    with pytest.raises(NoResponse) as caught:
        connect(emulator).send("GET", RUNS)
    assert caught.value.retry_after == 7


def test_token_is_hidden_at_any_depth(emulator: Emulator) -> None:
    """A token in any string or name of a response is hidden, and nothing else changes."""
    text = f'{{"a": ["x {emulator.token} y", 1, null], "{emulator.token}": {{"b": true}}}}'
    emulator.add_fault(Fault("json", body=text))
    response = connect(emulator).send("GET", RUNS)
    assert response == {"a": ["x *** y", 1, None], "***": {"b": True}}


@pytest.mark.parametrize(
    "echo",
    [
        r"ya29.a\/b+c=",
        "ya29.a%2fb%2bc%3d",
        r"ya29.a\u002fb\u002Bc\u003d",
        "ya29.a&#x2F;b&plus;c&#61;",
        "eWEyOS5hL2IrYz0=",
    ],
)
def test_token_is_hidden_in_every_form(emulator: Emulator, echo: str) -> None:
    """The token is also hidden if the service repeats it in another encoding."""
    client = Transport(emulator.url, lambda: "ya29.a/b+c=")
    for body in (f"<p>{echo}", f'{{"error": {{"message": "bad {echo}"}}}}', f'["{echo}'):
        emulator.add_fault(Fault("status", status=400, body=body.replace("<p>", "p ")))
        with pytest.raises(Refused) as caught:
            client.send("GET", RUNS)
        assert "***" in caught.value.message
        assert "ya29" not in caught.value.message
        assert "eWEyO" not in caught.value.message
    emulator.add_fault(Fault("json", body=f'{{"{echo}": ["{echo}"]}}'))
    assert "ya29" not in str(client.send("GET", RUNS))


@pytest.mark.parametrize("echo", [r"\u0026#43;", "&plus;", "%26%2343%3B", r"\\u002b"])
@pytest.mark.parametrize("status", [200, 400])
def test_token_is_hidden_in_decoded_values(emulator: Emulator, echo: str, status: int) -> None:
    """A token whose special characters are escaped twice is hidden in the values of the JSON."""
    client = Transport(emulator.url, lambda: "ya29.aBcD+eFgH")
    message = f"bad ya29.aBcD{echo}eFgH!"
    body = f'{{"error": {{"message": "{message}"}}}}'
    emulator.add_fault(Fault("status" if status == 400 else "json", status=status, body=body))
    if status == 200:
        assert client.send("GET", RUNS) == {"error": {"message": "bad ***!"}}
    else:
        with pytest.raises(Refused, match=r"bad \*\*\*!$"):
            client.send("GET", RUNS)


@pytest.mark.parametrize("size", [256, 512, 2048])
@pytest.mark.parametrize("as_message", [False, True])
def test_no_part_of_a_token_is_shown(emulator: Emulator, size: int, *, as_message: bool) -> None:
    """A token at the place where a long body is cut is not shown in part."""
    token = "ya29.secret-" + "x7Kq" * 300
    # Blanks and tokens are short in the message, so the place of the cut comes to its start.
    for filler in (" ", f"{token} "):
        for shift in (0, 5, 600):
            text = (filler * (size * 1024 // len(filler) + 1))[: size * 1024 - shift]
            text = f"{text.rpartition(' ')[0]} {token} {token} end"
            body = json.dumps({"message": f"_{text}"}) if as_message else f"_{text}"
            emulator.add_fault(Fault("status", status=400, body=body))
            with pytest.raises(Refused) as caught:
                Transport(emulator.url, lambda: token).send("GET", RUNS)
            assert "secret" not in caught.value.message
            assert "x7Kq" not in caught.value.message


def test_response_that_does_not_fit_into_the_memory(emulator: Emulator) -> None:
    """A short body can need much memory. It is refused before that, with a remedy."""
    emulator.add_fault(Fault("json", body='{"a": [' + "[]," * 3_000_000 + "[]]}"))
    with pytest.raises(TooLarge, match="HTTP 200: the response has too many values") as caught:
        connect(emulator).send("GET", RUNS)
    assert caught.value.has_remedy


def test_no_memory_for_a_response() -> None:
    """If the memory is used up while a response is read, the response is unusable."""

    def hide(_text: str) -> str:
        raise MemoryError

    with pytest.raises(TooLarge, match="does not fit into the memory"):
        read_response(Response(200, {}, b'{"a": "b"}'), "GET", "GET x", hide)


@pytest.mark.parametrize("body", ["[" * 101 + "]" * 101, '{"a":' * 500 + "1" + "}" * 500])
def test_deeply_nested_json(body: str) -> None:
    """JSON that is nested too deeply is not parsed: a thread may have a small stack."""
    assert parse_json(body.encode()) is None
    assert parse_json(json.dumps({"a": body * 20}).encode()) == {"a": body * 20}


def test_token_in_a_deeply_nested_response(emulator: Emulator) -> None:
    """A response that is nested too deeply is invalid, and its token is not shown."""
    text = f'{"[" * 700}"{emulator.token}"{"]" * 700}'
    emulator.add_fault(Fault("json", body=f'{{"a": {text}}}'))
    with pytest.raises(InvalidResponse) as caught:
        connect(emulator).send("GET", RUNS)
    assert emulator.token not in caught.value.message


def _observed(emulator: Emulator) -> tuple[Transport, list[str]]:
    lines: list[str] = []
    return Transport(emulator.url, lambda: emulator.token, on_exchange=lines.append), lines


def test_each_request_is_reported(emulator: Emulator) -> None:
    """A report has the method, address, status, time and size, also for an error response."""
    client, lines = _observed(emulator)
    client.send("POST", RUNS, {"scheduleName": "nightly"})
    with pytest.raises(Refused):
        client.send("GET", f"{RUNS}/0?secret=1")
    created, refused = lines
    url = re.escape(f"{emulator.url}{RUNS}")
    assert re.fullmatch(rf"POST {url}: HTTP 200 in \d+\.\d\d s, \d+ bytes", created)
    assert re.fullmatch(rf"GET {url}/0: HTTP 404 in \d+\.\d\d s, \d+ bytes", refused)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("close"), "NoResponse after"),
        (Fault("status", status=503), "HTTP 503 in"),
        (Fault("status", status=429), "HTTP 429 in"),
        (Fault("html"), "HTTP 200 in"),
    ],
)
def test_each_failure_is_reported(emulator: Emulator, fault: Fault, words: str) -> None:
    """A report has the status or, without a response, the class of the error."""
    client, lines = _observed(emulator)
    emulator.add_fault(fault)
    with pytest.raises(DataformError):
        client.send("GET", RUNS)
    assert f"GET {emulator.url}{RUNS}: {words} " in lines[0]
    assert len(lines) == 1


def test_reports_contain_no_token(emulator: Emulator) -> None:
    """A token in the address or in a response header is hidden, and bodies are not shown."""
    client, lines = _observed(emulator)
    long = "x" * 99 + emulator.token
    for value in (emulator.token, f"id-{emulator.token}", long, "a b", "ok-1"):
        headers = {"X-Request-Id": value}
        emulator.add_fault(Fault("status", status=400, headers=headers, body=emulator.token))
        with pytest.raises(Refused):
            client.send("GET", f"/v1/{emulator.token}?token={emulator.token}")
    parts = [line.partition(" bytes")[2] for line in lines]
    assert parts == [
        ", X-Request-Id: ***",
        ", X-Request-Id: id-***",
        "",
        "",
        ", X-Request-Id: ok-1",
    ]
    assert all(line.startswith(f"GET {emulator.url}/v1/***: HTTP 400 in ") for line in lines)


def test_observer_that_fails(emulator: Emulator) -> None:
    """If the observer fails, the response is still returned."""

    def fail(_line: str) -> None:
        raise ValueError

    client = Transport(emulator.url, lambda: emulator.token, on_exchange=fail)
    assert set(client.send("POST", RUNS, {})) == {"id"}
