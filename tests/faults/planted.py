"""Distinct secrets in every place that the action reads, and every way for a step to end.

``endings`` are steps whose service repeats what it was sent; ``mistakes`` are steps with a secret
in the wrong variable, file or input. Playing one returns everything that the step wrote.
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
    """Return the secret of a name, with characters that are spelled in several ways."""
    choose = random.Random(name)  # noqa: S311
    words = ["".join(choose.choices(_LETTERS, k=9)) for _ in range(len(joints) + 1)]
    return "".join(map("".join, zip(words, (*joints, ""), strict=True)))


TOKEN = make_secret("token")
_MINTED = re.compile(r"(identity|federated|oauth|machine|impersonated)-token-[0-9]+")


def echo(*secrets: str) -> str:
    """Return a text that repeats secrets in every spelling that services use."""
    said = []
    for secret in secrets:
        encoded = quote(secret, safe="")
        said += [
            f"Bearer {secret}",
            json.dumps(secret),
            json.dumps(secret).replace("/", "\\/"),
            encoded,
            re.sub("%..", lambda match: match[0].lower(), encoded),
            html.escape(secret),
            b64encode(f"Bearer {secret}".encode()).decode(),
            urlsafe_b64encode(f"a {secret}, which is odd".encode()).decode(),
        ]
    return " and ".join(said)


@dataclass(kw_only=True)
class Scene:
    """What a step finds: the services with their faults, its inputs, variables and files."""

    emulator: Emulator
    google: SecretStandIns
    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    inputs: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    #: What must not be seen, by a name for each.
    secrets: dict[str, str] = field(default_factory=dict)
    services: Services = SERVICES
    is_post_step: bool = False

    def plant(self, name: str, secret: str = "") -> str:
        """Note a secret that must not be seen, and return it."""
        self.secrets[name] = secret or make_secret(name)
        return self.secrets[name]

    def fault(self, kind: Any, on: Any, **more: Any) -> None:  # noqa: ANN401
        """Have the service break all responses to some kind of request."""
        self.emulator.add_fault(Fault(kind, on=on, **{"times": None, **more}))

    def say(self, status: int, on: Any, *secrets: str) -> None:  # noqa: ANN401
        """Have the service refuse some kind of request, and repeat secrets meanwhile."""
        said = echo(*secrets or (TOKEN,))
        headers = {
            name: secret.encode("unicode_escape").decode()
            for name, secret in zip(
                ("X-Request-Id", "X-Goog-Request-Id", "WWW-Authenticate"),
                (secrets or (TOKEN,)) * 3,
                strict=False,
            )
        }
        body = json.dumps({"error": {"message": said, "status": said, "code": status}})
        self.fault("status", on, status=status, body=body, headers=headers)


Ending = Callable[[Scene], int | None]
"""Prepare a scene, and return the exit code with which the step must end; None: any."""


def success(scene: Scene) -> int:
    _name_pages(scene, "SUCCESSFUL")
    return 0


def failed_run(scene: Scene) -> int:
    scene.emulator.fail_action("orders_cleaned", echo(TOKEN))
    _name_pages(scene, "FAILED")
    return 1


def _name_pages(scene: Scene, status: str) -> None:
    """Have Dataform Web repeat the token in the address of the run's page."""
    url = f"https://app.example/{quote(TOKEN, safe='')}?token={quote(TOKEN)}"
    body = json.dumps({"status": status, "runLogUrl": url, "error": echo(TOKEN)})
    if "location" not in scene.inputs:
        scene.fault("json", "get", body=body)


def refused_create(scene: Scene) -> int:
    scene.say(403, "create")
    return 3


def refused_poll(scene: Scene) -> int:
    scene.say(401, "get")
    return 3


def refused_look(scene: Scene) -> int:
    scene.say(403, "other")
    scene.say(403, "compile")
    scene.say(403, "create")
    return 3


def outage(scene: Scene) -> int:
    scene.say(503, "any")
    return 4


def nonsense(scene: Scene) -> int:
    scene.fault("json", "get", body=json.dumps({"status": echo(TOKEN), "state": echo(TOKEN)}))
    return 4


def a_text_for_an_object(scene: Scene) -> int:
    scene.fault("json", "get", body=json.dumps(echo(TOKEN)))
    return 4


def a_long_text(scene: Scene) -> int:
    """Repeat the token where texts are cut."""
    said = "".join(f"{'x' * (step % 7)} {TOKEN} " for step in range(300))
    scene.fault("status", "create", status=403, body=json.dumps({"error": {"message": said}}))
    return 3


def lost_create(scene: Scene) -> int | None:
    scene.say(502, "create")
    scene.say(502, "list")
    return 4


def redirected_create(scene: Scene) -> int | None:
    headers = {"Location": f"https://elsewhere.example/?token={quote(TOKEN)}"}
    scene.fault("redirect", "create", headers=headers, body=echo(TOKEN))
    return 4


def timeout(scene: Scene) -> int:
    scene.inputs["timeout"] = "60"
    scene.emulator.set_outcome("nightly", ("RUNNING",))
    for schedule in (None, "nightly"):
        scene.emulator.set_course(schedule, Course(endless=("orders_cleaned",)))
    scene.say(503, "cancel")
    return 5


def internal_error(scene: Scene) -> int:
    def connect(*_: object) -> Any:  # noqa: ANN401
        try:
            raise KeyError(echo(TOKEN))
        except KeyError as error:
            raise RuntimeError(f"a defect: {echo(TOKEN)}") from error

    scene.services = tuple((spec, connect) for spec, _ in SERVICES)
    return 70


def stopped(scene: Scene) -> int:
    class StoppingClock(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if len(self.sleeps) == 3:
                signal.raise_signal(signal.SIGINT)

    scene.clock = StoppingClock()
    scene.emulator.set_outcome("nightly", ("RUNNING",))
    for schedule in (None, "nightly"):
        scene.emulator.set_course(schedule, Course(endless=("orders_cleaned",)))
    scene.say(503, "query")
    scene.say(403, "cancel")
    return 130


def compile_errors(scene: Scene) -> int | None:
    if "location" not in scene.inputs:
        return None
    scene.inputs |= {"git-ref": "secret", "schedule": "", "environment": ""}
    return 1


def bad_inputs(scene: Scene) -> int:
    names = ("timeout", "poll-interval", "wait", "cancel-run", "summary", "run-id", "api-url")
    scene.inputs |= dict.fromkeys(names, f"{TOKEN}!")
    return 2


def post_step(scene: Scene) -> int:
    scene.is_post_step = True
    scene.say(403, "any")
    state = {"run_id": "77", "cancel": "true", "creating": "true"}
    scene.environ |= {f"STATE_{name}": value for name, value in state.items()}
    return 0


def post_step_with_odd_state(scene: Scene) -> int:
    scene.is_post_step = True
    scene.say(503, "any")
    names = ("project_id", "run_id", "run_log_url", "compilation_result", "service")
    scene.environ |= {f"STATE_{name}": TOKEN for name in names}
    scene.environ |= {"STATE_creating": "true", "STATE_cancel": "true"}
    return 0


ENDINGS: dict[str, Ending] = {
    ending.__name__: ending
    for ending in (
        *(success, failed_run, refused_create, refused_poll, refused_look, outage, nonsense),
        *(a_text_for_an_object, a_long_text, lost_create, redirected_create, timeout),
        *(internal_error, stopped, compile_errors, bad_inputs, post_step),
        post_step_with_odd_state,
    )
}


class SecretStandIns(GoogleStandIns):
    """The stand-ins, whose tokens are secrets of their own, and which repeat what they are sent."""

    def __init__(self) -> None:
        super().__init__()
        #: Every secret that came or went so far, by a name for each.
        self.seen: dict[str, str] = {}
        #: The path whose requests are answered otherwise, and how.
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
        text = _MINTED.sub(self._mint, json.dumps(reply.body))
        return Reply(reply.status, json.loads(text), reply.headers, reply.fault)

    def _mint(self, match: re.Match[str]) -> str:
        self.seen[match[0]] = make_secret(match[0])
        return json.dumps(make_secret(match[0]))[1:-1]


Credentials = Callable[[Scene], Mapping[str, Any] | None]
"""Plant the secrets of a kind of credentials, and return its file; None: there is none."""


def _plant_key(scene: Scene) -> None:
    for number, line in enumerate(private_key().splitlines()[1:-1]):
        if len(line) > 20:
            scene.plant(f"line {number} of the private key", line)


def service_account(scene: Scene) -> Mapping[str, Any]:
    _plant_key(scene)
    return {
        "type": "service_account",
        "client_email": "runner@my-project.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": private_key(),
        "token_uri": scene.google.url + OAUTH,
    }


def authorized_user(scene: Scene) -> Mapping[str, Any]:
    # google-auth asks Google itself, whom the stand-ins play behind their proxy.
    bundle = scene.folder / "bundle.pem"
    serve_as(scene.google, "oauth2.googleapis.com", bundle)
    scene.environ |= {"HTTPS_PROXY": scene.google.url, "REQUESTS_CA_BUNDLE": str(bundle)}
    return {
        "type": "authorized_user",
        "client_id": "a-client",
        "client_secret": scene.plant("client secret"),
        "refresh_token": scene.plant("refresh token"),
    }


def external_account(scene: Scene) -> Mapping[str, Any]:
    info = scene.google.external_account()
    info["credential_source"]["headers"]["Authorization"] = f"Bearer {scene.plant('runtime')}"
    info["credential_source"]["url"] += "&sig=" + quote(scene.plant("signature", ""))
    return info


def external_account_with_a_file(scene: Scene) -> Mapping[str, Any]:
    path = scene.folder.parent / f"{scene.folder.name}-subject-token"
    path.write_text(scene.plant("subject token"), "utf-8")
    return {**scene.google.external_account(), "credential_source": {"file": str(path)}}


def impersonated_service_account(scene: Scene) -> Mapping[str, Any]:
    return {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": scene.google.url + IMPERSONATION,
        "source_credentials": authorized_user(scene),
    }


def external_account_authorized_user(scene: Scene) -> Mapping[str, Any]:
    return {
        "type": "external_account_authorized_user",
        "audience": "//iam.googleapis.com/locations/global/workforcePools/pool/providers/p",
        "client_id": "a-client",
        "client_secret": scene.plant("client secret"),
        "refresh_token": scene.plant("refresh token"),
        "token_url": scene.google.url + OAUTH,
        "token_info_url": scene.google.url + OAUTH,
    }


def metadata_server(scene: Scene) -> None:
    scene.environ["GCE_METADATA_HOST"] = scene.google.host


CREDENTIALS: dict[str, Credentials] = {
    kind.__name__: kind
    for kind in (
        *(service_account, authorized_user, external_account, external_account_with_a_file),
        *(impersonated_service_account, external_account_authorized_user, metadata_server),
    )
}

#: How the exchange for a token ends, by a name for each: the responses to each step.
EXCHANGES: dict[str, Callable[[str], Reply]] = {
    "refused": lambda said: Reply(403, {"error": {"message": said}}),
    "refused as OAuth does": lambda said: Reply(
        400, {"error": "invalid_grant", "error_description": said}
    ),
    "in trouble": lambda said: Reply(503, said.encode()),
    "nonsense": lambda said: Reply(200, {"said": said, "access_token": 7, "expires_in": said}),
    "a text": lambda said: Reply(200, said.encode()),
    "redirected": lambda said: Reply(302, said.encode(), {"Location": f"http://x/{quote(said)}"}),
}


def play_ending(service: str, name: str) -> list[str]:
    """Play an ending with a token, and return the leaks."""

    def prepare(scene: Scene) -> int | None:
        scene.plant("token", TOKEN)
        scene.inputs["token"] = TOKEN
        return ENDINGS[name](scene)

    return play(service, prepare)


def play_exchange(kind: str, name: str, step: str) -> list[str]:
    """Play a way for the exchange for a token to end at a step of it, and return the leaks."""

    def prepare(scene: Scene) -> None:
        _write_credentials(scene, CREDENTIALS[kind](scene))
        scene.google.odd_path, scene.google.odd = step, EXCHANGES[name]

    return play("google", prepare)


def play_minted(kind: str, ending: str) -> list[str]:
    """Play an ending in which Dataform repeats the tokens that were minted."""
    minted: dict[str, str] = {}

    def look(scene: Scene) -> None:
        _write_credentials(scene, CREDENTIALS[kind](scene))
        scene.fault("status", "create", status=403)
        scene.google.seen = minted

    def repeat(scene: Scene) -> None:
        _write_credentials(scene, CREDENTIALS[kind](scene))
        said = echo(*(token for name, token in minted.items() if _MINTED.fullmatch(name)))
        body = json.dumps({"error": {"message": said}, "state": said})
        status, on = _REPEATS[ending]
        scene.fault("status", on, status=status, body=body)

    play("google", look)
    assert minted
    return play("google", repeat)


#: How Dataform answers what.
_REPEATS = {"refused": (403, "create"), "outage": (503, "get"), "odd": (200, "get")}


def _write_credentials(scene: Scene, info: Mapping[str, Any] | None) -> None:
    if info is not None:
        path = scene.folder / "credentials.json"
        path.write_text(json.dumps(info), "utf-8")
        scene.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(path)


STEPS = {
    "service_account": (OAUTH,),
    "authorized_user": (OAUTH,),
    "external_account": (IDENTITY, EXCHANGE, IMPERSONATION),
    "external_account_with_a_file": (EXCHANGE, IMPERSONATION),
    "impersonated_service_account": (OAUTH, IMPERSONATION),
    "external_account_authorized_user": (OAUTH,),
    "metadata_server": (METADATA,),
}
"""The steps towards a token, by the kind of the credentials."""


def play(service: str, prepare: Callable[[Scene], int | None]) -> list[str]:
    """Play a scene on ``web`` or ``google``, and return the leaks in all that was written."""
    with (
        Emulator(advance="poll", token=TOKEN, repositories=_repositories()) as emulator,
        SecretStandIns() as google,
        tempfile.TemporaryDirectory() as name,
    ):
        emulator.accept_tokens(lambda _token: True)
        folder = Path(name, "job")
        folder.mkdir()
        usual = google_inputs_for if service == "google" else inputs_for
        scene = Scene(
            emulator=emulator,
            google=google,
            folder=folder,
            inputs={**usual(emulator), "outage-timeout": "60", "token": ""},
        )
        exit_code = prepare(scene)
        # What was planted in files was not written by the step.
        planted = {path for path in folder.rglob("*") if path.is_file()}
        environ = {
            **runner_environ(folder, scene.inputs),
            "RUNNER_DEBUG": "1",
            "HOME": str(folder),
            **scene.environ,
        }
        stream = io.StringIO()
        with (
            patch.dict(os.environ, scene.environ),
            patch.object(socket, "getaddrinfo", _resolve),
            # Where a value that is no path is taken for one.
            chdir(folder),
        ):
            if scene.is_post_step:
                # Of an error, the program prints the class alone.
                with suppress(DataformError):
                    post(environ, stream, scene.clock)
                ended = 0
            else:
                ended = main(environ, stream, scene.clock, scene.services)
        for path in planted:
            path.unlink()
        text = written(folder, stream.getvalue())
        assert exit_code in (None, ended), f"exit code {ended} instead of {exit_code}\n{text}"
        return Leaks(scene.secrets | google.seen).find(text)


def _resolve(host: str | None, *more: Any, **options: Any) -> Any:  # noqa: ANN401
    """Know no name and no address but those of loopback, so that nothing leaves this machine."""
    if host not in ("127.0.0.1", "localhost"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _ask_resolver(host, *more, **options)


_ask_resolver = socket.getaddrinfo


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


#: What people put into a variable that is for the path of a file or for an address.
VALUES: dict[str, Callable[[], str]] = {
    "key": lambda: json.dumps(key_file(), indent=2),
    "key in one line": lambda: json.dumps(key_file()),
    "key in base64": lambda: b64encode(json.dumps(key_file(), indent=2).encode()).decode(),
    "private key": private_key,
    "token": lambda: "ya29." + make_secret("mistake", "--__"),
    "token of Dataform Web": lambda: make_secret("mistake", "||/="),
}


def plant_value(scene: Scene, name: str) -> str:
    """Plant one of ``VALUES``, and return it."""
    value = VALUES[name]()
    if "key" in name:
        _plant_key(scene)
    if "base64" in name:
        scene.plant("key in base64", value)
    if "token" in name:
        scene.plant("token", value)
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


def play_variable(service: str, variable: str, value: str) -> list[str]:
    """Play a step with a secret in the wrong variable, and return the leaks."""

    def prepare(scene: Scene) -> None:
        scene.environ[variable] = plant_value(scene, value)
        if not re.search("CREDENTIALS|CLOUDSDK|CREDS|HOME|METADATA", variable):
            scene.inputs["token"] = scene.plant("the right token", TOKEN)
            # What is about TLS is read by TLS alone.
            scene.inputs["api-url"] = scene.inputs["api-url"].replace("http:", "https:")

    return play(service, prepare)


#: Addresses with a password, by what is special about each.
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
#: What stands between the parts of a password: it may have a meaning in an address.
JOINTS = ("----", "####", "@@@@", "::::", "/?#@", "%%%%", "+&=;", "[]{}", "\\" * 4)
ADDRESS_VARIABLES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "GCE_METADATA_HOST"),
    *("GITHUB_SERVER_URL", "api-url", "token_uri", "source url", "impersonation url"),
)


def play_address(variable: str, address: str, joints: str, is_quoted: bool) -> list[str]:
    """Play a step with a password in an address, and return the leaks."""

    def prepare(scene: Scene) -> None:
        password = scene.plant("password", make_secret("password", joints))
        if is_quoted:
            password = quote(password, safe="")
        url = ADDRESSES[address].format(password)
        if variable == "api-url":
            scene.inputs |= {"api-url": url, "token": TOKEN}
        elif variable in ("token_uri", "source url", "impersonation url"):
            _write_credentials(scene, _file_with(scene, variable, url))
        else:
            scene.environ[variable] = url
            if variable != "GCE_METADATA_HOST":
                scene.inputs["token"] = TOKEN
            if variable.upper() in ("HTTPS_PROXY", "ALL_PROXY"):
                scene.inputs["api-url"] = "https://192.0.2.1"
            if variable == "HTTP_PROXY":
                scene.inputs["api-url"] = "http://10.0.0.1"

    return play("google", prepare)


def _file_with(scene: Scene, place: str, url: str) -> Mapping[str, Any]:
    if place == "token_uri":
        return {**key_file(), "token_uri": f"{url}/token"}
    info = scene.google.external_account()
    if place == "source url":
        info["credential_source"]["url"] = f"{url}/idtoken"
    else:
        info["service_account_impersonation_url"] = f"{url}/generateAccessToken"
    return info


def play_input(service: str, name: str, value: str) -> list[str]:
    """Play a step with a secret in the wrong input, and return the leaks."""

    def prepare(scene: Scene) -> None:
        if service == "google" and name not in ("schedule", "environment"):
            # What goes with most of the others.
            scene.inputs |= {"schedule": "", "git-ref": "main"}
        scene.inputs["token"] = scene.plant("the right token", TOKEN)
        scene.inputs[name] = plant_value(scene, value)

    return play(service, prepare)
