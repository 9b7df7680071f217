"""Stand-ins on loopback for the services that issue Google's access tokens.

One server replaces GitHub's identity tokens, the Security Token Service, the IAM Service Account
Credentials API, the OAuth token endpoint and a metadata server. It is also a proxy that replaces
them under their real names. Every token is new and ends with its number.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast
from urllib.parse import parse_qsl

RUNTIME_TOKEN = "runtime-token-of-the-job"
SERVICE_ACCOUNT = "runner@my-project.iam.gserviceaccount.com"
AUDIENCE = (
    "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/github/providers/ci"
)
IDENTITY = "/idtoken"
EXCHANGE = "/v1/token"
IMPERSONATION = f"/v1/projects/-/serviceAccounts/{SERVICE_ACCOUNT}:generateAccessToken"
OAUTH = "/token"
METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"


@dataclass(frozen=True)
class ReceivedRequest:
    """A received request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True)
class Reply:
    """A response, or a fault instead."""

    status: int = 200
    body: object = b""
    headers: dict[str, str] = field(default_factory=dict)
    #: "hang" sends no response, "close" hangs up, and "drip" and "flood" never end.
    fault: str = ""


class GoogleStandIns:
    """The server. ``faults`` contains the next responses of a path, before the usual ones."""

    def __init__(self) -> None:
        self.requests: list[ReceivedRequest] = []
        self.faults: dict[str, deque[Reply]] = {}
        #: The lifetime of the access tokens, in seconds.
        self.lifetime = 3600
        self.certificate: ssl.SSLContext | None = None
        #: Called with the path of each request before the response.
        self.on_request: Callable[[str], object] = lambda _path: None
        self._count = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stand_ins = self
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def paths(self) -> list[str]:
        return [request.path.partition("?")[0] for request in self.requests]

    def fail(self, path: str, *replies: Reply) -> None:
        self.faults.setdefault(path, deque()).extend(replies)

    def external_account(self, *, impersonation: bool = True) -> dict[str, Any]:
        """Return the file of google-github-actions/auth for workload identity federation."""
        info: dict[str, Any] = {
            "type": "external_account",
            "audience": AUDIENCE,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": self.url + EXCHANGE,
            "credential_source": {
                "url": f"{self.url}{IDENTITY}?api-version=2.0&audience=x",
                "headers": {"Authorization": f"Bearer {RUNTIME_TOKEN}"},
                "format": {"type": "json", "subject_token_field_name": "value"},
            },
        }
        if impersonation:
            info["service_account_impersonation_url"] = self.url + IMPERSONATION
        return info

    def respond(self, request: ReceivedRequest) -> Reply:
        path = request.path.partition("?")[0]
        with self._lock:
            self.requests.append(request)
            self._count += 1
            number = self._count
            fault = self.faults[path].popleft() if self.faults.get(path) else None
        self.on_request(path)
        if fault is not None:
            return fault
        match path:
            case "/idtoken":
                return Reply(body={"value": f"identity-token-{number}"})
            case "/v1/token":
                return self._token(f"federated-token-{number}")
            case "/token":
                return self._token(f"oauth-token-{number}")
            case "/computeMetadata/v1/instance/service-accounts/default/token":
                flavor = {"Metadata-Flavor": request.headers["metadata-flavor"]}
                return Reply(body=self._token(f"machine-token-{number}").body, headers=flavor)
        assert path == IMPERSONATION, f"no stand-in for {path}"
        end = datetime.now(UTC) + timedelta(seconds=self.lifetime)
        token = f"impersonated-token-{number}"
        return Reply(body={"accessToken": token, "expireTime": f"{end:%Y-%m-%dT%H:%M:%SZ}"})

    def _token(self, token: str) -> Reply:
        return Reply(
            body={"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}
        )

    def pause(self, seconds: float = 60) -> None:
        """Delay a request, at most until the server is shut down."""
        self._over.wait(seconds)


class _Server(ThreadingHTTPServer):
    stand_ins: GoogleStandIns
    daemon_threads = True
    # In many tests, the client gives up.
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        stand_ins = cast(_Server, self.server).stand_ins
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = stand_ins.respond(ReceivedRequest(self.command, self.path, headers, body))
        if reply.fault == "hang":
            stand_ins.pause()
        self.close_connection = True
        if reply.fault in {"hang", "close"}:
            return
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Connection", "close")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.fault == "":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        # Until the client closes the connection, so that writing fails.
        while reply.fault:
            stand_ins.pause(0.01 if reply.fault == "drip" else 0)
            self.wfile.write(b" " if reply.fault == "drip" else b" " * 65536)

    do_POST = do_PUT = do_GET  # noqa: N815

    def do_CONNECT(self) -> None:
        """Open a tunnel to this server for any host."""
        stand_ins = cast(_Server, self.server).stand_ins
        stand_ins.requests.append(ReceivedRequest(self.command, self.path, {}, b""))
        if stand_ins.certificate is None:
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        self.connection = stand_ins.certificate.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def log_message(self, *args: object) -> None:
        pass
