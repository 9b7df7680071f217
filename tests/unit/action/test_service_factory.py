"""Which service the inputs select, its address and token, and what is imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dataform_action.action.service_factory import SERVICES, ServiceContext, connect
from dataform_action.action.settings import Settings, parse_settings
from dataform_action.emulator import Emulator
from dataform_action.errors import CredentialsRefused, Refused
from dataform_action.services import dataform_web
from dataform_action.services.base import Service
from dataform_action.services.google import service as google_dataform
from tests.support.google_stand_ins import METADATA, GoogleStandIns
from tests.support.steps import google_inputs_for, inputs_for, run_program


def _parse(values: dict[str, str]) -> Settings:
    return parse_settings(values, [spec for spec, _ in SERVICES])


def _connect(
    values: dict[str, str],
    environ: dict[str, str] | None = None,
    on_token: Callable[[str], object] = print,
    on_exchange: Callable[[str], object] | None = None,
) -> Service:
    context = ServiceContext(environ=environ or {}, on_token=on_token, on_exchange=on_exchange)
    return connect(_parse(values), context, SERVICES)


def test_without_a_repository_it_is_dataform_web(emulator: Emulator) -> None:
    """Project, token and address of the inputs are used."""
    inputs = inputs_for(emulator)
    service = _connect(inputs)
    assert isinstance(service, dataform_web.DataformWeb)
    run = service.start(service.prepare(_parse(inputs).request))
    assert [known.id for known in emulator.runs] == [run.id]
    assert emulator.requests[0].path == "/v1/project/1234/run"


def test_with_a_repository_it_is_google_cloud(emulator: Emulator) -> None:
    """Project, repository and token of the inputs are used, and no token is minted."""
    inputs, tokens = google_inputs_for(emulator), list[str]()
    service = _connect(inputs, on_token=tokens.append)
    assert isinstance(service, google_dataform.GoogleDataform)
    run = service.start(service.prepare(_parse(inputs).request))
    [invocation] = emulator.invocations
    assert invocation.name == (
        "projects/my-project/locations/europe-west1/repositories/warehouse/"
        f"workflowInvocations/{run.id}"
    )
    assert tokens == []


def test_github_server_of_the_runner_is_known(emulator: Emulator) -> None:
    """Files link to the runner's GitHub server, or to github.com without one."""
    url = "https://github.example.com"
    for environ, known in (({"GITHUB_SERVER_URL": url}, url), ({}, "https://github.com")):
        service = _connect(google_inputs_for(emulator), environ)
        assert vars(service)["_github_url"] == known


@pytest.mark.parametrize("inputs_of", [inputs_for, google_inputs_for])
def test_exchanges_are_reported(
    emulator: Emulator, inputs_of: Callable[..., dict[str, str]]
) -> None:
    """``on_exchange`` is called for each request of either service."""
    lines: list[str] = []
    service = _connect(inputs_of(emulator), on_exchange=lines.append)
    with pytest.raises(Refused):
        service.get(service.describe("1-a"))
    assert len(lines) == len(emulator.requests) == 1
    assert lines[0].startswith(f"GET {emulator.url}/v1/")


def test_google_cloud_has_a_default_address(emulator: Emulator) -> None:
    """Without api-url, the default address is used."""
    settings = _parse(google_inputs_for(emulator, api_url=""))
    assert settings.api_url == "https://dataform.googleapis.com"


def test_without_a_token_one_is_minted_and_announced(emulator: Emulator) -> None:
    """The environment has the credentials, and ``on_token`` gets the token before its use."""
    tokens: list[str] = []
    with GoogleStandIns() as google:
        environ = {"GCE_METADATA_HOST": google.host}
        service = _connect(google_inputs_for(emulator, token=""), environ, tokens.append)
        assert google.requests == []
        emulator.accept_tokens(tokens.__contains__)
        with pytest.raises(Refused, match="404"):
            service.get(service.describe("1-a"))
        assert google.paths == [METADATA]
    assert len(tokens) == 1
    assert emulator.requests[0].headers["Authorization"] == f"Bearer {tokens[0]}"


def test_invalid_credentials_are_refused_when_they_are_used(
    emulator: Emulator, tmp_path: Path
) -> None:
    """``connect`` sends nothing."""
    file = tmp_path / "credentials.json"
    file.write_text("{}", "utf-8")
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    service = _connect(google_inputs_for(emulator, token=""), environ)
    with pytest.raises(CredentialsRefused):
        service.get(service.describe("1-a"))
    assert emulator.requests == []


_WEB = {
    "INPUT_PROJECT_ID": "1234",
    "INPUT_TOKEN": "s3cret",
    "INPUT_API_URL": "https://dataform.example.com",
}
_GOOGLE = {
    "INPUT_PROJECT_ID": "my-project",
    "INPUT_LOCATION": "europe-west1",
    "INPUT_REPOSITORY": "warehouse",
    "INPUT_SCHEDULE": "nightly",
}
_LIBRARY = "google.auth"
_SOURCE = "dataform_action.auth.token_source"
_SERVICE = "dataform_action.services.google.service"
#: Modules that only the end of a run needs.
_LATER = {f"dataform_action.report.{name}" for name in ("publish", "summary", "timeline")}


@pytest.mark.parametrize(
    ("environ", "loaded", "not_loaded"),
    [
        (_WEB, {"dataform_action.services.dataform_web"}, {_LIBRARY, _SOURCE, _SERVICE}),
        (
            {**_GOOGLE, "INPUT_TOKEN": "s3cret"},
            {_SERVICE},
            {_LIBRARY, _SOURCE, "dataform_action.services.dataform_web"},
        ),
        (_GOOGLE, {_SERVICE, _SOURCE}, {"dataform_action.services.dataform_web"}),
    ],
)
def test_only_what_is_needed_is_imported(
    environ: dict[str, str], loaded: set[str], not_loaded: set[str]
) -> None:
    """A start with a token does not import google-auth, nor the other service."""
    program = (
        "import sys\n"
        "from dataform_action.action import main\n"
        "from dataform_action.action.inputs import read_inputs\n"
        "from dataform_action.action.service_factory import SERVICES, ServiceContext, connect\n"
        "from dataform_action.action.settings import parse_settings\n"
        f"settings = parse_settings(read_inputs({environ!r}), [spec for spec, _ in SERVICES])\n"
        "connect(settings, ServiceContext(environ={}, on_token=print), SERVICES)\n"
        "print(*sys.modules)"
    )
    modules = set(run_program(program).split())
    assert loaded <= modules
    assert not modules & (not_loaded | _LATER)
