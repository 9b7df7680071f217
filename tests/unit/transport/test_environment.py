"""Proxies and certificates in the environment: errors name the variable, and hide its value."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import trustme

from dataform_action.emulator import Emulator
from dataform_action.errors import Misconfigured, NoResponse, NotConnected
from dataform_action.transport.client import Transport
from dataform_action.transport.environment import (
    HOST_HINT,
    LOCAL_PROXY_HINT,
    PROXY_FORM,
    find_proxy,
    is_loopback,
)
from tests.unit.transport.servers import over_tls, recording, reply, respond, serve
from tests.unit.transport.support import RUNS, connect

#: Characters with a special meaning in an address.
SPECIAL = ["#", "?", "/", "\\", "#@", "/@", "@#", "?@:"]
HARMLESS = ["@", "%", "%zz", " ", "é", "€", "日本", "[", "]", ":", "+", "&", "'", '"', "<"]
VARIABLES = [
    *(("HTTP_PROXY", "http"), ("http_proxy", "http"), ("HTTPS_PROXY", "https")),
    *(("https_proxy", "https"), ("ALL_PROXY", "http"), ("all_proxy", "https")),
]


def _pieces(secret: str) -> set[str]:
    """Return every part of a secret that is long enough to recognize."""
    return {secret[at : at + 4] for at in range(len(secret) - 3)}


def _send(url: str) -> object:
    return Transport(url, lambda: "token").send("POST", "/v1/x", {"a": 1})


def _misconfigured(url: str, *, unprocessed: bool = True) -> Misconfigured:
    with pytest.raises(Misconfigured) as caught:
        _send(url)
    assert caught.value.unprocessed is unprocessed
    assert not caught.value.retryable
    return caught.value


@pytest.mark.parametrize(("variable", "scheme"), VARIABLES)
@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize(
    "form",
    [
        "http://svcq7z9:lefq{}xrig1234@proxy.invalid:3128",
        "http://svcq7z9:12{}xrig1234@proxy.invalid:3128",
        "svcq7z9:lefq{}xrig1234@proxy.invalid:3128",
        "https://sv{}cq7z9:lefqxrig1234@proxy.invalid:3128/",
    ],
)
def test_password_with_a_special_character(
    monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str, special: str, form: str
) -> None:
    """An unescaped special character in a password is refused. No part of the password is shown."""
    value = form.format(special)
    monkeypatch.setenv(variable, value)
    error = _misconfigured(f"{scheme}://api.internal" if scheme == "https" else "http://api")
    assert error.message == f"{variable} is not the address of a proxy."
    assert error.hint == PROXY_FORM
    shown = error.message + error.hint + repr(error)
    for secret in ("svcq7z9", f"lefq{special}xrig1234", "lefqxrig1234"):
        assert not any(piece in shown for piece in _pieces(secret))


@pytest.mark.parametrize(
    "value",
    [
        "http://",
        "http://:3128",
        "http://svcq7z9:hunter22",
        "http://proxy.example:hunter22@",
        "http://proxy.example:99999",
        "://hunter22",
        '{"type": "service_account", "private_key": "hunter22"}',
        "hunter22\nhunter22",
        "gopher://hunter22:1",
        "socks5://svcq7z9:hunter22@proxy:1080",
        "http://[hunter22",
    ],
)
def test_invalid_proxy(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Any other invalid value is refused immediately, and the error names the variable."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    error = _misconfigured("https://api.example")
    assert error.message.startswith("HTTPS_PROXY ")
    assert "hunter" not in error.message + error.hint
    assert "svcq7z9" not in error.message + error.hint


@pytest.mark.parametrize(
    "host", [".", ".a", "a..b", "a" * 64, f"{'a' * 64}.b", "é..b", "ß" * 64, "☃"]
)
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_proxy_with_an_invalid_host(
    monkeypatch: pytest.MonkeyPatch, scheme: str, host: str
) -> None:
    """A host name that no resolver accepts is refused immediately, and is not shown."""
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://svcq7z9:hunter22@{host}:3128")
    error = _misconfigured("https://api.example")
    assert error.message == "HTTPS_PROXY contains an invalid host name."
    assert error.hint == HOST_HINT


@pytest.mark.parametrize("host", ["a" * 63, "a.", "é.example", "a_b", "[::1]", "127.0.0.1"])
def test_proxy_with_a_valid_host(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Every other host is accepted."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://{host}:3128")
    proxy = find_proxy("https://api.example")
    assert proxy is not None
    assert proxy.host == host


@pytest.mark.parametrize("special", HARMLESS)
def test_password_in_the_failure_of_a_proxy(monkeypatch: pytest.MonkeyPatch, special: str) -> None:
    """An error of a proxy never shows its user or password, even if the proxy repeats them."""
    password = f"hun{special}ter22"
    echo = b"HTTP/1.1 502 No " + password.encode("latin-1", "ignore") + b"\r\n\r\n"
    shown = ""
    for response in (b"", echo) if special.isascii() or special == "é" else (b"",):
        with serve(respond(response)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://svcq7z9:{password}@{proxy.host}")
            with pytest.raises(NotConnected) as caught:
                _send("https://api.example")
            shown += caught.value.message + caught.value.hint
    assert "svcq7z9" not in shown
    assert "ter22" not in shown


@pytest.mark.parametrize("special", [*HARMLESS, "%23", "%2F", "%40", "%25"])
def test_password_reaches_the_proxy(monkeypatch: pytest.MonkeyPatch, special: str) -> None:
    """The proxy receives the user and the password decoded."""
    requests: list[bytes] = []
    user = special.replace(":", "")
    with serve(recording(requests)) as proxy:
        value = f"http://us{user}er:pass{special}word@{proxy.host}"
        monkeypatch.setenv("HTTP_PROXY", value)
        assert _send("http://api") == {"id": "1"}
    [header] = [line for line in requests[0].split(b"\r\n") if line.startswith(b"Proxy-Auth")]
    data = base64.b64decode(header.removeprefix(b"Proxy-Authorization: Basic "))
    sent = data.decode("utf-8" if special in ("€", "日本") else "latin-1")
    assert sent == unquote(f"us{user}er:pass{special}word")
    assert requests[0].startswith(b"POST http://api/v1/x HTTP/1.1\r\n")


@pytest.mark.parametrize("value", ["127.0.0.1:{}", "http://127.0.0.1:{}", " http://127.0.0.1:{}/ "])
def test_forms_of_a_proxy(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """The address of a proxy may have no scheme, and spaces around it."""
    with serve(reply) as proxy:
        monkeypatch.setenv("all_proxy", value.format(proxy.port))
        assert _send("http://api") == {"id": "1"}


@pytest.mark.parametrize("value", ["", " "])
def test_blank_proxy(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A blank variable means no proxy."""
    monkeypatch.setenv("HTTP_PROXY", value)
    assert set(connect(emulator).send("POST", RUNS, {})) == {"id"}


def test_no_proxy(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts in NO_PROXY are reached without the proxy."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert set(connect(emulator).send("POST", RUNS, {})) == {"id"}


@pytest.mark.parametrize("proxy", ["http://proxy.invalid:3128", "https://proxy.invalid:3128"])
def test_plain_http_does_not_leave_the_local_network(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """A request to a local http address does not use a proxy that is not local."""
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert set(connect(emulator).send("POST", RUNS, {})) == {"id"}
    for url in ("http://127.0.0.1:8080/x", "http://emulator/x", "http://10.0.0.7/x"):
        assert find_proxy(url) is None
    for url in ("https://127.0.0.1:8080/x", "http://api.example.com/x"):
        assert find_proxy(url) is not None
    monkeypatch.setenv("HTTP_PROXY", "socks5://proxy.invalid:1080")
    assert find_proxy("http://emulator/x") is None


def test_plain_http_through_a_local_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request to a local http address uses a local proxy."""
    with serve(reply) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://{server.host}")
        _send("http://emulator")
    assert server.connections == 1


def test_lower_case_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """If both spellings exist, the lower-case variable is used and named."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("https_proxy", "http://a#b@c")
    assert _misconfigured("https://api.example").message.startswith("https_proxy ")


@pytest.mark.parametrize("name", ["Https_Proxy", "aLL_pROXY"])
def test_variable_in_any_case(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The name of a variable may have any case. Others that end alike have no effect."""
    monkeypatch.setenv("MY_HTTPS_PROXY", "http://proxy:1")
    assert find_proxy("https://api.example") is None
    monkeypatch.setenv(name, "http://proxy:2")
    proxy = find_proxy("https://api.example")
    assert proxy is not None
    assert (proxy.variable, proxy.url) == (name, "http://proxy:2")


def test_proxy_that_is_set_during_a_wait(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the environment counts from the next request."""
    client = connect(emulator)
    client.send("POST", RUNS, {})
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with pytest.raises(Misconfigured, match="the proxy set in HTTP_PROXY failed"):
        client.send("POST", RUNS, {})
    monkeypatch.delenv("HTTP_PROXY")
    client.send("POST", RUNS, {})
    assert len(emulator.requests) == 2


def test_proxy_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy may come from a setting of the system instead of a variable."""
    monkeypatch.setattr("requests.utils.getproxies", lambda: {"https": "http://a#hunter22@b"})
    message = _misconfigured("https://api.example").message
    assert message == "The proxy setting of this system is not the address of a proxy."


def test_socks_proxy_with_its_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A SOCKS request counts as sent, because another library makes the connection."""
    tmp_path.joinpath("socks.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ALL_PROXY", "socks5://svcq7z9:hunter22@127.0.0.1:1")
    with pytest.raises(NoResponse) as caught:
        _send("https://api.example")
    assert caught.value.message == "POST https://api.example/v1/x: InvalidSchema"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1.2.3"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_on_this_machine_itself(
    monkeypatch: pytest.MonkeyPatch, scheme: str, host: str
) -> None:
    """If nothing listens at a proxy on loopback, the request fails at once, with a hint."""
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://svcq7z9:hunter22@{host}:1")
    error = _misconfigured(f"{scheme}://api")
    assert f"the proxy set in {scheme.upper()}_PROXY failed: Connection refused" in error.message
    assert error.hint == LOCAL_PROXY_HINT
    assert "In a container, 127.0.0.1 and localhost mean the container itself" in error.hint


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("localhost", True),
        ("a.localhost.", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("0.0.0.0", True),  # noqa: S104
        ("172.17.0.1", False),
        ("proxy", False),
    ],
)
def test_loopback_hosts(host: str, found: bool) -> None:
    """Loopback names and addresses are recognized without a name lookup."""
    assert is_loopback(host) is found


@pytest.mark.parametrize(
    ("code", "kind"), [(socket.EAI_NONAME, Misconfigured), (socket.EAI_AGAIN, NotConnected)]
)
def test_unknown_proxy_host(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[NotConnected]
) -> None:
    """An unknown proxy host is a configuration error. A temporary resolver failure is an outage."""

    def resolve(*_: object) -> None:
        raise socket.gaierror(code, "Name or service not known")

    monkeypatch.setenv("HTTPS_PROXY", "http://svcq7z9:hunter22@proxy.corp:3128")
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolve)
        with pytest.raises(NotConnected) as caught:
            connect(emulator, "https://api.example").send("POST", RUNS, {})
    assert type(caught.value) is kind
    assert "the proxy set in HTTPS_PROXY failed: Name or service not known" in caught.value.message
    assert "HTTPS_PROXY" in caught.value.hint


@pytest.mark.parametrize("user", ["", "svcq7z9:hunter22@"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_that_requires_a_password(
    monkeypatch: pytest.MonkeyPatch, scheme: str, user: str
) -> None:
    """HTTP 407 is a configuration error: the user and password are missing or wrong.

    For an http address, the response may be that of a server behind the proxy.
    """
    with serve(respond(b"HTTP/1.1 407 hunter22\r\nContent-Length: 0\r\n\r\n")) as proxy:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://{user}{proxy.host}")
        error = _misconfigured(f"{scheme}://api", unprocessed=scheme == "https")
    problem = "rejects the" if user else "requires a"
    assert error.message.endswith(
        f"the proxy set in {scheme.upper()}_PROXY {problem} user name and password (HTTP 407)"
    )
    assert error.hint.startswith(f"Correct {scheme.upper()}_PROXY. Use the form ")
    assert "hunter22" not in error.message


@pytest.fixture
def https() -> Iterator[str]:
    """The address of a server with TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with serve(over_tls(context, reply)) as server:
        yield f"https://{server.host}"


_KEY = '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nhunter22\\n"}'
_PEM = "-----BEGIN CERTIFICATE-----\nhunter22hunter22\n-----END CERTIFICATE-----\n"
_ENCODED = base64.b64encode(_KEY.encode()).decode()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("/nowhere/hunter22.pem", "does not exist."),
        ("hunter22", "does not exist."),
        (_KEY, "does not exist. The variable contains JSON."),
        (_PEM, "does not exist. The variable contains a key or a certificate."),
        (_ENCODED, "does not exist. The variable contains Base64."),
        ("hunter22" * 100, "The variable contains Base64."),
        ("x/" * 5000, "cannot be read: File name too long."),
    ],
)
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_missing_bundle(
    monkeypatch: pytest.MonkeyPatch, https: str, variable: str, value: str, words: str
) -> None:
    """If the certificate file does not exist, the error names the variable and hides its value."""
    monkeypatch.setenv(variable, value)
    error = _misconfigured(https)
    assert error.message.startswith(f"The certificate file set in {variable} ")
    assert error.message.endswith(words)
    assert "hunter22" not in error.message
    assert "/nowhere" not in error.message
    assert "PEM certificates" in error.hint


def test_bundle_without_certificates(
    monkeypatch: pytest.MonkeyPatch, https: str, tmp_path: Path
) -> None:
    """A file without PEM certificates is refused."""
    path = tmp_path / "bundle.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    for content in (b"", b"hunter22", b"\x00\xff"):
        path.write_bytes(content)
        error = _misconfigured(https)
        assert error.message == (
            "The certificate file set in REQUESTS_CA_BUNDLE contains no PEM certificates."
        )


def test_bundle_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, https: str) -> None:
    """A file that cannot be read is refused. Even root cannot read this one."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/proc/self/mem")
    message = _misconfigured(https).message
    assert message.startswith("The certificate file set in REQUESTS_CA_BUNDLE ")


def test_bundle_that_is_a_folder(
    monkeypatch: pytest.MonkeyPatch, https: str, tmp_path: Path
) -> None:
    """The variable may name a folder. If the folder is empty, no certificate is trusted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    assert "CERTIFICATE_VERIFY_FAILED" in _misconfigured(https).message


def test_bundle_in_another_variable(monkeypatch: pytest.MonkeyPatch, https: str) -> None:
    """The hint says that SSL_CERT_FILE has no effect, although other programs read it."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/hunter22.pem")
    error = _misconfigured(https)
    assert "CERTIFICATE_VERIFY_FAILED" in error.message
    assert error.hint == f"SSL_CERT_FILE has no effect here. {Misconfigured.hint}"


@pytest.mark.parametrize("value", ["/nowhere/hunter22.log", _KEY, "/", "x/" * 5000])
def test_key_log_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, https: str, value: str
) -> None:
    """If the file in SSLKEYLOGFILE cannot be written, nothing is sent."""
    monkeypatch.setenv("SSLKEYLOGFILE", value)
    error = _misconfigured(https)
    assert error.message.startswith("The file set in SSLKEYLOGFILE cannot be written: ")
    assert error.hint.startswith("Unset SSLKEYLOGFILE for this step")
    assert "hunter22" not in error.message
    assert "nowhere" not in error.message
    assert not [path for path in Path.cwd().iterdir() if "hunter22" in path.name]


def test_key_log_that_can_be_written(
    monkeypatch: pytest.MonkeyPatch, https: str, tmp_path: Path
) -> None:
    """A usable SSLKEYLOGFILE is not reported as the cause of another problem."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    assert "CERTIFICATE_VERIFY_FAILED" in _misconfigured(https).message


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSLKEYLOGFILE"])
def test_tls_file_that_is_a_pipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """A pipe is not opened: it would block the request until its deadline."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv(variable, str(tmp_path / "pipe"))
    error = _misconfigured("https://127.0.0.1:1")
    assert error.message.endswith(f"set in {variable} cannot be used: it is not a regular file.")
    assert error.hint


def test_bundle_that_is_too_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that is much too large for certificates is not read."""
    with (tmp_path / "bundle").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle"))
    assert "it is larger than 65536 KiB" in _misconfigured("https://127.0.0.1:1").message


def test_no_ciphers(tmp_path: Path, https: str) -> None:
    """If OpenSSL's configuration leaves no ciphers, another attempt does not help."""
    config = tmp_path / "openssl.cnf"
    config.write_text(
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
        "[c]\nCipherString = AES128-SHA\nMinProtocol = TLSv1.3\nCiphersuites =\n"
    )
    code = (
        "from dataform_action.transport.client import Transport\n"
        "from dataform_action.errors import Misconfigured\n"
        f"try: Transport({https!r}, lambda: 'token').send('GET', '/v1')\n"
        "except Misconfigured as error: print(error.message, error.hint)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"OPENSSL_CONF": str(config)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "If OPENSSL_CONF is set" in ran.stdout


def test_plain_http_needs_no_certificates(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without TLS, invalid certificate files and key logs have no effect."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    monkeypatch.setenv("SSLKEYLOGFILE", "/nowhere/x")
    assert set(connect(emulator).send("POST", RUNS, {})) == {"id"}
    with pytest.raises(NotConnected) as caught:
        connect(emulator, "http://127.0.0.1:1").send("POST", RUNS, {})
    assert type(caught.value) is NotConnected


def test_variable_that_is_not_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy variable with invalid bytes is a configuration error, not an internal error."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "\udcff/8")
    with pytest.raises(Misconfigured, match="NO_PROXY"):
        find_proxy("http://127.0.0.1:2/x")
