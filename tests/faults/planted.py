"""Different secrets in all places that the action reads, and all outcomes of a step.

In some scenarios, the service repeats the secrets of the request. In others, a secret is in the
wrong variable, file or input. Each ``run_*`` function runs a step, and returns its leaks.
"""

from __future__ import annotations

import html
import io
import json
import os
import random
import re
import signal
import socket
import string
import tempfile
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import chdir, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from dataform_action.action.main import main
from dataform_action.action.post import post
from dataform_action.action.service_factory import SERVICES, Services
from dataform_action.emulator import Commit, Course, Emulator, Fault, Repository, make_warehouse
from dataform_action.errors import DataformError
from tests.support.fakes import FakeClock
from tests.support.google_stand_ins import (
    EXCHANGE,
    IDENTITY,
    IMPERSONATION,
    METADATA,
    OAUTH,
    GoogleStandIns,
    ReceivedRequest,
    Reply,
)
from tests.support.leaks import Leaks, written
from tests.support.steps import google_inputs_for, inputs_for, runner_environ
from tests.unit.auth.support import private_key, serve_as

_LETTERS = string.ascii_letters + string.digits


@cache
def make_secret(name: str, joints: str = "/+|=") -> str:
    """Return a secret for a name, with characters that have several spellings."""
    choose = random.Random(name)  # noqa: S311
    words = ["".join(choose.choices(_LETTERS, k=9)) for _ in range(len(joints) + 1)]
    return "".join(map("".join, zip(words, (*joints, ""), strict=True)))


TOKEN = make_secret("token")
_ISSUED = re.compile(r"(identity|federated|oauth|machine|impersonated)-token-[0-9]+")


def echo(*secrets: str) -> str:
    """Return a text that repeats secrets in all spellings that services use."""
    spellings = []
    for secret in secrets:
        encoded = quote(secret, safe="")
        spellings += [
            f"Bearer {secret}",
            json.dumps(secret),
            json.dumps(secret).replace("/", "\\/"),
            encoded,
            re.sub("%..", lambda match: match[0].lower(), encoded),
            html.escape(secret),
            b64encode(f"Bearer {secret}".encode()).decode(),
            urlsafe_b64encode(f"a {secret}, which is odd".encode()).decode(),
        ]
    return " and ".join(spellings)


@dataclass(kw_only=True)
class Scenario:
    """The surroundings of a step: the services with their faults, inputs, variables and files."""

    emulator: Emulator
    google: SecretStandIns
    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    inputs: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    #: The values that must not be shown, by name.
    secrets: dict[str, str] = field(default_factory=dict)
    services: Services = SERVICES
    is_post_step: bool = False

    def plant(self, name: str, secret: str = "") -> str:
        """Add a secret that must not be shown, and return it."""
        self.secrets[name] = secret or make_secret(name)
        return self.secrets[name]

    def fault(self, kind: Any, on: Any, **more: Any) -> None:  # noqa: ANN401
        """Let the service break all responses to a kind of request."""
        self.emulator.add_fault(Fault(kind, on=on, **{"times": None, **more}))

    def refuse(self, status: int, on: Any, *secrets: str) -> None:  # noqa: ANN401
        """Let the service refuse a kind of request, and repeat secrets in the response."""
        text = echo(*secrets or (TOKEN,))
        headers = {
            name: secret.encode("unicode_escape").decode()
            for name, secret in zip(
                ("X-Request-Id", "X-Goog-Request-Id", "WWW-Authenticate"),
                (secrets or (TOKEN,)) * 3,
                strict=False,
            )
        }
        body = json.dumps({"error": {"message": text, "status": text, "code": status}})
        self.fault("status", on, status=status, body=body, headers=headers)


Outcome = Callable[[Scenario], int | None]
"""Prepares a scenario, and returns the exit code that the step must have; None: any."""


def success(scenario: Scenario) -> int:
    _name_pages(scenario, "SUCCESSFUL")
    return 0


def failed_run(scenario: Scenario) -> int:
    scenario.emulator.fail_action("orders_cleaned", echo(TOKEN))
    _name_pages(scenario, "FAILED")
    return 1


def _name_pages(scenario: Scenario, status: str) -> None:
    """Let Dataform Web repeat the token in the address of the run's page."""
    url = f"https://app.example/{quote(TOKEN, safe='')}?token={quote(TOKEN)}"
    body = json.dumps({"status": status, "runLogUrl": url, "error": echo(TOKEN)})
    if "location" not in scenario.inputs:
        scenario.fault("json", "get", body=body)


def refused_create(scenario: Scenario) -> int:
    scenario.refuse(403, "create")
    return 3


def refused_poll(scenario: Scenario) -> int:
    scenario.refuse(401, "get")
    return 3


def refused_lookup(scenario: Scenario) -> int:
    scenario.refuse(403, "other")
    scenario.refuse(403, "compile")
    scenario.refuse(403, "create")
    return 3


def refused_history(scenario: Scenario) -> int:
    scenario.refuse(403, "list")
    return 0


def outage(scenario: Scenario) -> int:
    scenario.refuse(503, "any")
    return 4


def malformed(scenario: Scenario) -> int:
    scenario.fault("json", "get", body=json.dumps({"status": echo(TOKEN), "state": echo(TOKEN)}))
    return 4


def text_instead_of_object(scenario: Scenario) -> int:
    scenario.fault("json", "get", body=json.dumps(echo(TOKEN)))
    return 4


def long_text(scenario: Scenario) -> int:
    """Repeat the token where texts are shortened."""
    text = "".join(f"{'x' * (step % 7)} {TOKEN} " for step in range(300))
    scenario.fault("status", "create", status=403, body=json.dumps({"error": {"message": text}}))
    return 3


def lost_create(scenario: Scenario) -> int | None:
    scenario.refuse(502, "create")
    scenario.refuse(502, "list")
    return 4


def redirected_create(scenario: Scenario) -> int | None:
    headers = {"Location": f"https://elsewhere.example/?token={quote(TOKEN)}"}
    scenario.fault("redirect", "create", headers=headers, body=echo(TOKEN))
    return 4


def timeout(scenario: Scenario) -> int:
    scenario.inputs["timeout"] = "60"
    scenario.emulator.set_outcome("nightly", ("RUNNING",))
    for schedule in (None, "nightly"):
        scenario.emulator.set_course(schedule, Course(endless=("orders_cleaned",)))
    scenario.refuse(503, "cancel")
    return 5


def internal_error(scenario: Scenario) -> int:
    def connect(*_: object) -> Any:  # noqa: ANN401
        try:
            raise KeyError(echo(TOKEN))
        except KeyError as error:
            raise RuntimeError(f"internal error: {echo(TOKEN)}") from error

    scenario.services = tuple((spec, connect) for spec, _ in SERVICES)
    return 70


def stopped(scenario: Scenario) -> int:
    class StoppingClock(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if len(self.sleeps) == 3:
                signal.raise_signal(signal.SIGINT)

    scenario.clock = StoppingClock()
    scenario.emulator.set_outcome("nightly", ("RUNNING",))
    for schedule in (None, "nightly"):
        scenario.emulator.set_course(schedule, Course(endless=("orders_cleaned",)))
    scenario.refuse(503, "query")
    scenario.refuse(403, "cancel")
    return 130


def compile_errors(scenario: Scenario) -> int | None:
    if "location" not in scenario.inputs:
        return None
    scenario.inputs |= {"git-ref": "secret", "schedule": "", "environment": ""}
    return 1


def refused_costs(scenario: Scenario) -> int:
    """Let BigQuery repeat the token. Dataform Web has no costs."""
    scenario.inputs |= {"costs": "true", "bigquery-url": scenario.emulator.url}
    scenario.refuse(403, "jobs")
    return 0 if "location" in scenario.inputs else 2


def malformed_costs(scenario: Scenario) -> int:
    """Let BigQuery repeat the token in every field of a job."""
    scenario.inputs |= {"costs": "true", "bigquery-url": scenario.emulator.url}
    text = echo(TOKEN)
    statistics = {"totalSlotMs": text, "query": {"totalBytesBilled": text}}
    job = {"id": text, "jobReference": {"jobId": text}, "statistics": statistics}
    scenario.fault("json", "jobs", body=json.dumps({"jobs": [job], "nextPageToken": text}))
    return 0 if "location" in scenario.inputs else 2


def bad_inputs(scenario: Scenario) -> int:
    names = ("timeout", "poll-interval", "wait", "cancel-run", "summary", "run-id", "api-url")
    scenario.inputs |= dict.fromkeys(names, f"{TOKEN}!")
    return 2


def post_step(scenario: Scenario) -> int:
    scenario.is_post_step = True
    scenario.refuse(403, "any")
    state = {"run_id": "77", "cancel": "true", "creating": "true"}
    scenario.environ |= {f"STATE_{name}": value for name, value in state.items()}
    return 0


def post_step_with_odd_state(scenario: Scenario) -> int:
    scenario.is_post_step = True
    scenario.refuse(503, "any")
    names = ("project_id", "run_id", "run_log_url", "compilation_result", "service")
    scenario.environ |= {f"STATE_{name}": TOKEN for name in names}
    scenario.environ |= {"STATE_creating": "true", "STATE_cancel": "true"}
    return 0


OUTCOMES: dict[str, Outcome] = {
    outcome.__name__: outcome
    for outcome in (
        *(success, failed_run, refused_create, refused_poll, refused_lookup, refused_history),
        *(outage, malformed),
        *(text_instead_of_object, long_text, lost_create, redirected_create, timeout),
        *(refused_costs, malformed_costs),
        *(internal_error, stopped, compile_errors, bad_inputs, post_step),
        post_step_with_odd_state,
    )
}


class SecretStandIns(GoogleStandIns):
    """Stand-ins that issue secret tokens, and repeat the secrets of requests."""

    def __init__(self) -> None:
        super().__init__()
        #: All secrets in requests and responses so far, by name.
        self.seen: dict[str, str] = {}
        #: A path with other responses, and the function that makes them.
        self.odd_path = ""
        self.odd: Callable[[str], Reply] | None = None

    def respond(self, request: ReceivedRequest) -> Reply:
        reply = super().respond(request)
        number = len(self.requests)
        names = ("assertion", "client_secret", "refresh_token", "subject_token")
        sent = {name: request.form[name] for name in names if name in request.form}
        sent["authorization"] = request.headers.get("authorization", "").partition(" ")[2]
        self.seen |= {f"{name} {number}": value for name, value in sent.items() if value}
        if self.odd is not None and request.path.partition("?")[0] == self.odd_path:
            return self.odd(echo(*self.seen.values()))
        if isinstance(reply.body, bytes):
            return reply
        text = _ISSUED.sub(self._issue, json.dumps(reply.body))
        return Reply(reply.status, json.loads(text), reply.headers, reply.fault)

    def _issue(self, match: re.Match[str]) -> str:
        self.seen[match[0]] = make_secret(match[0])
        return json.dumps(make_secret(match[0]))[1:-1]


Credentials = Callable[[Scenario], Mapping[str, Any] | None]
"""Adds the secrets of a kind of credentials, and returns its file; None: there is none."""


def _plant_key(scenario: Scenario) -> None:
    for number, line in enumerate(private_key().splitlines()[1:-1]):
        if len(line) > 20:
            scenario.plant(f"line {number} of the private key", line)


def service_account(scenario: Scenario) -> Mapping[str, Any]:
    _plant_key(scenario)
    return {
        "type": "service_account",
        "client_email": "runner@my-project.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": private_key(),
        "token_uri": scenario.google.url + OAUTH,
    }


def authorized_user(scenario: Scenario) -> Mapping[str, Any]:
    # google-auth calls Google; the proxy of the stand-ins redirects these requests.
    bundle = scenario.folder / "bundle.pem"
    serve_as(scenario.google, "oauth2.googleapis.com", bundle)
    scenario.environ |= {"HTTPS_PROXY": scenario.google.url, "REQUESTS_CA_BUNDLE": str(bundle)}
    return {
        "type": "authorized_user",
        "client_id": "a-client",
        "client_secret": scenario.plant("client secret"),
        "refresh_token": scenario.plant("refresh token"),
    }


def external_account(scenario: Scenario) -> Mapping[str, Any]:
    info = scenario.google.external_account()
    info["credential_source"]["headers"]["Authorization"] = f"Bearer {scenario.plant('runtime')}"
    info["credential_source"]["url"] += "&sig=" + quote(scenario.plant("signature", ""))
    return info


def external_account_with_a_file(scenario: Scenario) -> Mapping[str, Any]:
    path = scenario.folder.parent / f"{scenario.folder.name}-subject-token"
    path.write_text(scenario.plant("subject token"), "utf-8")
    return {**scenario.google.external_account(), "credential_source": {"file": str(path)}}


def impersonated_service_account(scenario: Scenario) -> Mapping[str, Any]:
    return {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": scenario.google.url + IMPERSONATION,
        "source_credentials": authorized_user(scenario),
    }


def external_account_authorized_user(scenario: Scenario) -> Mapping[str, Any]:
    return {
        "type": "external_account_authorized_user",
        "audience": "//iam.googleapis.com/locations/global/workforcePools/pool/providers/p",
        "client_id": "a-client",
        "client_secret": scenario.plant("client secret"),
        "refresh_token": scenario.plant("refresh token"),
        "token_url": scenario.google.url + OAUTH,
        "token_info_url": scenario.google.url + OAUTH,
    }


def metadata_server(scenario: Scenario) -> None:
    scenario.environ["GCE_METADATA_HOST"] = scenario.google.host


CREDENTIALS: dict[str, Credentials] = {
    kind.__name__: kind
    for kind in (
        *(service_account, authorized_user, external_account, external_account_with_a_file),
        *(impersonated_service_account, external_account_authorized_user, metadata_server),
    )
}

#: The outcomes of a token exchange by name: functions that make a response.
EXCHANGES: dict[str, Callable[[str], Reply]] = {
    "refused": lambda text: Reply(403, {"error": {"message": text}}),
    "refused as OAuth does": lambda text: Reply(
        400, {"error": "invalid_grant", "error_description": text}
    ),
    "outage": lambda text: Reply(503, text.encode()),
    "malformed": lambda text: Reply(200, {"message": text, "access_token": 7, "expires_in": text}),
    "a text": lambda text: Reply(200, text.encode()),
    "redirected": lambda text: Reply(302, text.encode(), {"Location": f"http://x/{quote(text)}"}),
}


def run_outcome(service: str, name: str) -> list[str]:
    """Run a step that has a token to an outcome, and return the leaks."""

    def prepare(scenario: Scenario) -> int | None:
        scenario.plant("token", TOKEN)
        scenario.inputs["token"] = TOKEN
        return OUTCOMES[name](scenario)

    return run(service, prepare)


def run_exchange(kind: str, name: str, step: str) -> list[str]:
    """Run a token exchange that fails at one of its steps, and return the leaks."""

    def prepare(scenario: Scenario) -> None:
        _write_credentials(scenario, CREDENTIALS[kind](scenario))
        scenario.google.odd_path, scenario.google.odd = step, EXCHANGES[name]

    return run("google", prepare)


def run_issued(kind: str, name: str) -> list[str]:
    """Run a step in which Dataform repeats all issued tokens, and return the leaks."""
    issued: dict[str, str] = {}

    def collect(scenario: Scenario) -> None:
        _write_credentials(scenario, CREDENTIALS[kind](scenario))
        scenario.fault("status", "create", status=403)
        scenario.google.seen = issued

    def repeat(scenario: Scenario) -> None:
        _write_credentials(scenario, CREDENTIALS[kind](scenario))
        text = echo(*(token for key, token in issued.items() if _ISSUED.fullmatch(key)))
        body = json.dumps({"error": {"message": text}, "state": text})
        status, on = REPEATS[name]
        scenario.fault("status", on, status=status, body=body)

    run("google", collect)
    assert issued
    return run("google", repeat)


#: The status with which Dataform repeats tokens, and the kind of request.
REPEATS = {"refused": (403, "create"), "outage": (503, "get"), "malformed": (200, "get")}


def _write_credentials(scenario: Scenario, info: Mapping[str, Any] | None) -> None:
    if info is not None:
        path = scenario.folder / "credentials.json"
        path.write_text(json.dumps(info), "utf-8")
        scenario.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(path)


STEPS = {
    "service_account": (OAUTH,),
    "authorized_user": (OAUTH,),
    "external_account": (IDENTITY, EXCHANGE, IMPERSONATION),
    "external_account_with_a_file": (EXCHANGE, IMPERSONATION),
    "impersonated_service_account": (OAUTH, IMPERSONATION),
    "external_account_authorized_user": (OAUTH,),
    "metadata_server": (METADATA,),
}
"""The steps of the token exchange, by the kind of credentials."""


def run(service: str, prepare: Callable[[Scenario], int | None]) -> list[str]:
    """Run a scenario on ``web`` or ``google``, and return the leaks in all that was written."""
    with (
        Emulator(advance="poll", token=TOKEN, repositories=_repositories()) as emulator,
        SecretStandIns() as google,
        tempfile.TemporaryDirectory() as name,
    ):
        emulator.accept_tokens(lambda _token: True)
        folder = Path(name, "job")
        folder.mkdir()
        default_inputs = google_inputs_for if service == "google" else inputs_for
        scenario = Scenario(
            emulator=emulator,
            google=google,
            folder=folder,
            inputs={**default_inputs(emulator), "outage-timeout": "60", "token": ""},
        )
        exit_code = prepare(scenario)
        # The step did not write these files.
        planted = {path for path in folder.rglob("*") if path.is_file()}
        environ = {
            **runner_environ(folder, scenario.inputs),
            "RUNNER_DEBUG": "1",
            "HOME": str(folder),
            **scenario.environ,
        }
        stream = io.StringIO()
        with (
            patch.dict(os.environ, scenario.environ),
            patch.object(socket, "getaddrinfo", _resolve),
            # The folder for values that are wrongly used as paths.
            chdir(folder),
        ):
            if scenario.is_post_step:
                # For an error, the program prints only the class.
                with suppress(DataformError):
                    post(environ, stream, scenario.clock)
                actual = 0
            else:
                actual = main(environ, stream, scenario.clock, scenario.services)
        for path in planted:
            path.unlink()
        text = written(folder, stream.getvalue())
        assert exit_code in (None, actual), f"exit code {actual} instead of {exit_code}\n{text}"
        return Leaks(scenario.secrets | google.seen).find(text)


def _resolve(host: str | None, *more: Any, **options: Any) -> Any:  # noqa: ANN401
    """Resolve only names and addresses of loopback, so that nothing leaves this machine."""
    if host not in ("127.0.0.1", "localhost"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _real_resolver(host, *more, **options)


_real_resolver = socket.getaddrinfo


def _repositories() -> tuple[Repository, ...]:
    """Return the sample repository, with a branch whose compile errors repeat the token."""
    warehouse = make_warehouse()
    error = {"message": echo(TOKEN), "fileName": f"definitions/{TOKEN}", "stack": echo(TOKEN)}
    broken = Commit(sha="0" * 40, graph={"graphErrors": {"compilationErrors": [error] * 3}})
    return (replace(warehouse, refs={**warehouse.refs, "secret": broken}),)


def key_file() -> dict[str, str]:
    """Return the key of a service account."""
    return {
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "1",
        "private_key": private_key(),
        "client_email": "runner@my-project.iam.gserviceaccount.com",
        "token_uri": "http://127.0.0.1:9/token",
    }


#: What people put into variables for paths and addresses.
VALUES: dict[str, Callable[[], str]] = {
    "key": lambda: json.dumps(key_file(), indent=2),
    "key in one line": lambda: json.dumps(key_file()),
    "key in base64": lambda: b64encode(json.dumps(key_file(), indent=2).encode()).decode(),
    "private key": private_key,
    "token": lambda: "ya29." + make_secret("mistake", "--__"),
    "token of Dataform Web": lambda: make_secret("mistake", "||/="),
}


def plant_value(scenario: Scenario, name: str) -> str:
    """Add one of ``VALUES`` as a secret, and return it."""
    value = VALUES[name]()
    if "key" in name:
        _plant_key(scenario)
    if "base64" in name:
        scenario.plant("key in base64", value)
    if "token" in name:
        scenario.plant("token", value)
    return value


VARIABLES = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
    "GOOGLE_GHA_CREDS_PATH",
    "CLOUDSDK_CONFIG",
    "HOME",
    "GCE_METADATA_HOST",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSLKEYLOGFILE",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "NO_PROXY",
    "GITHUB_WORKSPACE",
    "GITHUB_SERVER_URL",
    "GITHUB_OUTPUT",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
    "RUNNER_DEBUG",
)


def run_variable(service: str, variable: str, value: str) -> list[str]:
    """Run a step with a secret in the wrong variable, and return the leaks."""

    def prepare(scenario: Scenario) -> None:
        scenario.environ[variable] = plant_value(scenario, value)
        if not re.search("CREDENTIALS|CLOUDSDK|CREDS|HOME|METADATA", variable):
            scenario.inputs["token"] = scenario.plant("the right token", TOKEN)
            # The variables for TLS have an effect only with TLS.
            scenario.inputs["api-url"] = scenario.inputs["api-url"].replace("http:", "https:")

    return run(service, prepare)


#: Addresses with a password, by their peculiarity.
ADDRESSES = {
    "plain": "http://svc:{}@127.0.0.1:1",
    "TLS": "https://svc:{}@127.0.0.1:1",
    "no scheme": "svc:{}@127.0.0.1:1",
    "SOCKS": "socks5://svc:{}@127.0.0.1:1",
    "another scheme": "ftp://svc:{}@127.0.0.1:1",
    "no port": "http://svc:{}@127.0.0.1:port",
    "too high a port": "http://svc:{}@127.0.0.1:99999",
    "a broken host": "http://svc:{}@[::1:1",
    "a blank": "http://svc:{}@127.0.0.1 :1",
    "only the password": "http://:{}@127.0.0.1:1",
    "no host": "http://svc:{}@",
    "a fragment": "http://svc:#{}@127.0.0.1:1",
    "a question": "http://svc:?{}@127.0.0.1:1",
    "a slash": "http://svc:/{}@127.0.0.1:1",
    "a backslash": "http://svc:\\{}@127.0.0.1:1",
    "a percent": "http://svc:%{}@127.0.0.1:1",
    "a tabulator": "http://svc:{}\t@127.0.0.1:1",
}
#: Characters between the parts of a password, which may have a meaning in an address.
JOINTS = ("----", "####", "@@@@", "::::", "/?#@", "%%%%", "+&=;", "[]{}", "\\" * 4)
ADDRESS_VARIABLES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "GCE_METADATA_HOST"),
    *("GITHUB_SERVER_URL", "api-url", "token_uri", "source url", "impersonation url"),
)


def run_address(variable: str, address: str, joints: str, is_quoted: bool) -> list[str]:
    """Run a step with a password in an address, and return the leaks."""

    def prepare(scenario: Scenario) -> None:
        password = scenario.plant("password", make_secret("password", joints))
        if is_quoted:
            password = quote(password, safe="")
        url = ADDRESSES[address].format(password)
        if variable == "api-url":
            scenario.inputs |= {"api-url": url, "token": TOKEN}
        elif variable in ("token_uri", "source url", "impersonation url"):
            _write_credentials(scenario, _file_with(scenario, variable, url))
        else:
            scenario.environ[variable] = url
            if variable != "GCE_METADATA_HOST":
                scenario.inputs["token"] = TOKEN
            if variable.upper() in ("HTTPS_PROXY", "ALL_PROXY"):
                scenario.inputs["api-url"] = "https://192.0.2.1"
            if variable == "HTTP_PROXY":
                scenario.inputs["api-url"] = "http://10.0.0.1"

    return run("google", prepare)


def _file_with(scenario: Scenario, place: str, url: str) -> Mapping[str, Any]:
    if place == "token_uri":
        return {**key_file(), "token_uri": f"{url}/token"}
    info = scenario.google.external_account()
    if place == "source url":
        info["credential_source"]["url"] = f"{url}/idtoken"
    else:
        info["service_account_impersonation_url"] = f"{url}/generateAccessToken"
    return info


def run_input(service: str, name: str, value: str) -> list[str]:
    """Run a step with a secret in the wrong input, and return the leaks."""

    def prepare(scenario: Scenario) -> None:
        if service == "google" and name not in ("schedule", "environment"):
            # Most other inputs require a git ref.
            scenario.inputs |= {"schedule": "", "git-ref": "main"}
        scenario.inputs["token"] = scenario.plant("the right token", TOKEN)
        scenario.inputs[name] = plant_value(scenario, value)

    return run(service, prepare)
