"""Reading the inputs: good, blank and bad values, and all problems at once."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import example, given, strategies as st

from dataform_action.action.input_specs import INPUTS
from dataform_action.action.inputs import raw_value, read_inputs, variable_names
from dataform_action.action.service_factory import SERVICES
from dataform_action.action.settings import Settings, parse_settings
from dataform_action.errors import InputError
from dataform_action.model import Polling, RunRequest
from dataform_action.services.specs import DATAFORM_WEB, GOOGLE_CLOUD
from tests.support.runner import BOUNDED, hostile_texts

_GOOD = {"project-id": "1234", "token": "s3cret"}
_PLACE = {"location": "europe-west1", "repository": "warehouse"}
#: The least that Google Cloud Dataform needs.
_GOOD_GOOGLE = {"project-id": "my-project", "schedule": "nightly", **_PLACE}
_BLANKS = ("", " ", "\n", " \t\r\n")
_GOOGLE = GOOGLE_CLOUD.own_inputs
_GOOGLE_BOOLEANS = sorted(i.name for i in INPUTS if i.name in _GOOGLE and i.default)
#: Those that choose the service are never refused by the other one.
_ONLY_GOOGLE = sorted(_GOOGLE - set(_PLACE))
_GOOGLE_PROBLEM = "is for Google Cloud Dataform: give location and repository, or remove it"
_PRINTABLE_PROBLEM = "must be one line of printable text: check how it is quoted"
_TOKEN_PROBLEM = (
    "holds a blank, a line break or a character that no token has: store it again, without them"
)
_ADDRESS_PROBLEM = (
    "is not an API address: write it like https://host or https://host/path, "
    "without user, query or fragment"
)
_CLEAR_PROBLEM = (
    "{!r} would send the token in the clear: use https (http is for loopback, private addresses "
    "and names without a dot)"
)


_SPECS = [spec for spec, _ in SERVICES]


def parse(environ: dict[str, str]) -> Settings:
    """Read the settings of a step from its environment."""
    return parse_settings(read_inputs(environ), _SPECS)


def _environ(values: dict[str, str]) -> dict[str, str]:
    """Return what the runner makes of a workflow's ``with``."""
    return {f"INPUT_{name.upper()}": value for name, value in values.items()}


def _read(**values: str) -> Settings:
    """Parse good inputs with changes; an underscore in a change's name stands for a hyphen."""
    changes = {name.replace("_", "-"): value for name, value in values.items()}
    return parse(_environ({**_GOOD, **changes}))


def _problems(values: dict[str, str]) -> dict[str, str]:
    """Return what is wrong with good inputs after these changes."""
    with pytest.raises(InputError) as caught:
        parse(_environ({**_GOOD, **values}))
    problems = caught.value.problems
    assert len(problems) == len(dict(problems))
    return dict(problems)


def _read_google(values: dict[str, str]) -> Settings:
    """Parse the good inputs of Google Cloud Dataform with changes."""
    return parse(_environ({**_GOOD_GOOGLE, **values}))


def _google_problems(values: dict[str, str]) -> list[tuple[str, str]]:
    """Return what is wrong with the good inputs of Google Cloud after these changes."""
    with pytest.raises(InputError) as caught:
        _read_google(values)
    return list(caught.value.problems)


_MINIMUM = Settings(
    service=DATAFORM_WEB,
    project_id="1234",
    location="",
    repository="",
    token="s3cret",
    request=RunRequest(),
    polling=Polling(interval=10, timeout=21600, outage_timeout=600, cancel=True),
    wait=True,
    run_id=None,
    api_url="https://api.dataform.co",
    summary=True,
)


def test_each_field_of_a_request_has_an_input_of_its_type() -> None:
    """What the kind of an input yields is what the field of the same name takes."""
    types = {
        "text": "str | None",
        "list": "tuple[str, ...]",
        "pairs": "tuple[tuple[str, str], ...]",
        "boolean": "bool",
    }
    kinds = {declared.name.replace("-", "_"): declared.kind for declared in INPUTS}
    assert {field.name: types[kinds[field.name]] for field in fields(RunRequest)} == {
        field.name: field.type for field in fields(RunRequest)
    }


def test_two_inputs_are_enough() -> None:
    """Everything but the project and the token has a default or may be absent."""
    assert _read() == _MINIMUM


@pytest.mark.parametrize("blank", _BLANKS)
def test_blank_is_absent(blank: str) -> None:
    """The runner sets inputs that were not given to the empty string; blanks are the same."""
    values = {declared.name: blank for declared in INPUTS}
    assert parse(_environ({**values, **_GOOD})) == _MINIMUM


def test_defaults_in_the_metadata_change_nothing() -> None:
    """What the runner fills in from action.yml is what the code takes for absent inputs."""
    values = {declared.name: declared.default for declared in INPUTS}
    assert parse(_environ({**values, **_GOOD})) == _MINIMUM


def test_all_inputs_are_read() -> None:
    """Every input of this service arrives in its place."""
    assert _read(
        project_id=" 1_2-a ",
        schedule="nightly run",
        environment="production/é",
        token="s3cret/+=.~\n",
        poll_interval="30",
        timeout="2m",
        outage_timeout="1h",
        cancel_run="false",
        run_id="77",
        tags=" a, b\r\nc,,a \n",
        api_url="https://example.com/base/",
        summary="False",
    ) == Settings(
        service=DATAFORM_WEB,
        project_id="1_2-a",
        location="",
        repository="",
        token="s3cret/+=.~",
        request=RunRequest(
            schedule="nightly run", environment="production/é", tags=("a", "b", "c")
        ),
        polling=Polling(interval=30, timeout=120, outage_timeout=3600, cancel=False),
        wait=True,
        run_id="77",
        api_url="https://example.com/base",
        summary=False,
    )


@pytest.mark.parametrize(
    ("environ", "value"),
    [
        ({"INPUT_RUN-ID": " a "}, " a "),
        ({"INPUT_RUN_ID": "b"}, "b"),
        ({"INPUT_RUN-ID": "a", "INPUT_RUN_ID": "b"}, "a"),
        ({"INPUT_RUN-ID": " ", "INPUT_RUN_ID": "b"}, "b"),
        ({"INPUT_RUN-ID": " ", "INPUT_RUN_ID": "\n"}, ""),
        ({"input_run-id": "a", "RUN-ID": "b"}, ""),
    ],
)
def test_a_shells_spelling_is_read_as_well(environ: dict[str, str], value: str) -> None:
    """``INPUT_A-B`` goes before ``INPUT_A_B``, which counts where the first is blank."""
    assert raw_value(environ, "run-id") == value


def test_variables_are_named_as_the_runner_names_them() -> None:
    """The runner keeps hyphens; shells cannot."""
    assert variable_names("project-id") == ("INPUT_PROJECT-ID", "INPUT_PROJECT_ID")
    assert variable_names("token") == ("INPUT_TOKEN", "INPUT_TOKEN")


def test_underscores_are_enough() -> None:
    """A step can be configured from a shell."""
    assert parse({"INPUT_PROJECT_ID": "1234", "INPUT_TOKEN": "s3cret"}) == _MINIMUM


def test_all_problems_come_at_once() -> None:
    """One attempt shows everything that is wrong, by input name, with what to do."""
    with pytest.raises(InputError) as caught:
        parse(_environ({"timeout": "soon", "wait": "yes", "git-ref": "main", "run-id": "a/b"}))
    assert str(caught.value) == (
        "project-id is missing: set it to the number in the address of your project, "
        "https://app.dataform.co/#/<number>/\n"
        "token is missing: set it to ${{ secrets.DATAFORM_TOKEN }}, a secret that holds an "
        "API token\n"
        "timeout 'soon' is not a duration between 1 second and 35 days: "
        "write it like 30, 30s, 2m or 1h\n"
        "wait 'yes' is neither true nor false: write one of them\n"
        "run-id 'a/b' may hold only letters, digits, - and _: give the id of a run, as in the "
        "address of its page\n"
        "git-ref is for Google Cloud Dataform: give location and repository, or remove it"
    )
    assert caught.value.hint == "Nothing was sent."


@pytest.mark.parametrize("name", ["project-id", "token"])
@pytest.mark.parametrize("blank", _BLANKS)
def test_required_inputs_are_asked_for(name: str, blank: str) -> None:
    """The metadata's ``required`` is never enforced by the runner, so it is here."""
    assert _problems({name: blank})[name].startswith("is missing: set it to ")


@pytest.mark.parametrize("name", ["project-id", "run-id"])
@pytest.mark.parametrize("value", ["a/b", "..", "a b", "a\nb", "é", "1?x", "#1", "%2e", "\udcff"])
def test_ids_cannot_leave_their_place_in_a_path(name: str, value: str) -> None:
    """An id is letters, digits, hyphens and underscores, or it is refused in one line."""
    problem = _problems({name: value})[name]
    assert problem.startswith(f"{value!r} may hold only letters, digits, - and _: give the ")
    assert problem.isprintable()


@pytest.mark.parametrize("name", ["schedule", "environment"])
@pytest.mark.parametrize("value", ["a\nb", "a\tb", "a\x00b", "a\u2028b", "a\u202eb", "a\udcffb"])
def test_names_are_one_line(name: str, value: str) -> None:
    """A name with a line break or an unseen character is a mistake of quoting."""
    assert _problems({name: value}) == {name: _PRINTABLE_PROBLEM}


@pytest.mark.parametrize("value", ["a\x00b", "a, b\tc", "a\rb", "a\u2028b"])
def test_tags_are_printable(value: str) -> None:
    """Only commas and line feeds separate tags."""
    assert _problems({"tags": value}) == {
        "tags": "must be printable text, separated by commas or line breaks"
    }


@pytest.mark.parametrize("value", ["a b", "a\nb", "a\tb", "a\x7fb", "é", "a\udcff", "“a”"])
def test_a_broken_token_is_refused_and_not_repeated(value: str) -> None:
    """What no HTTP header can carry is found here, and the message does not tell it."""
    assert _problems({"token": value}) == {"token": _TOKEN_PROBLEM}


@pytest.mark.parametrize("value", ["true", "True", "TRUE", " true\n"])
def test_yaml_12_spellings_of_true(value: str) -> None:
    """A boolean may be spelled in all three ways of YAML 1.2."""
    inputs = _read(wait=value, cancel_run=value, summary=value)
    assert (inputs.wait, inputs.polling.cancel, inputs.summary) == (True, True, True)


@pytest.mark.parametrize("value", ["false", "False", "FALSE"])
def test_yaml_12_spellings_of_false(value: str) -> None:
    """The same goes for false."""
    inputs = _read(wait=value, cancel_run=value, summary=value)
    assert (inputs.wait, inputs.polling.cancel, inputs.summary) == (False, False, False)


@pytest.mark.parametrize("name", ["wait", "cancel-run", "summary"])
@pytest.mark.parametrize("value", ["yes", "no", "on", "0", "1", "tRUE", "null", "~", "false x"])
def test_nothing_else_is_a_boolean(name: str, value: str) -> None:
    """What YAML 1.1 took for a boolean is refused rather than guessed."""
    assert _problems({name: value}) == {
        name: f"{value!r} is neither true nor false: write one of them"
    }


@pytest.mark.parametrize("name", ["poll-interval", "timeout", "outage-timeout"])
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1", 1),
        ("30", 30),
        ("30s", 30),
        ("2m", 120),
        ("1h", 3600),
        ("007", 7),
        ("840h", 3024000),
        ("3024000", 3024000),
    ],
)
def test_times_have_units(name: str, value: str, seconds: float) -> None:
    """A time is whole seconds, minutes or hours, from one second to 35 days."""
    polling = parse(_environ({**_GOOD, name: value})).polling
    read = {
        "poll-interval": polling.interval,
        "timeout": polling.timeout,
        "outage-timeout": polling.outage_timeout,
    }
    assert read[name] == seconds


@pytest.mark.parametrize("name", ["poll-interval", "timeout", "outage-timeout"])
@pytest.mark.parametrize(
    "value",
    [
        *("0", "0h", "-1", "+1", "1.5", "1e3", "1d", "1H", "m", "1h30m", "٣", "²", "inf", "nan"),
        *("841h", "3024001", "9999999999", "1\x00", "0x10", "1_000"),
    ],
)
def test_nothing_else_is_a_time(name: str, value: str) -> None:
    """What is no time, or none that can be waited for, is refused with the forms that are."""
    assert _problems({name: value}) == {
        name: f"{value!r} is not a duration between 1 second and 35 days: "
        "write it like 30, 30s, 2m or 1h"
    }


@pytest.mark.parametrize("name", _ONLY_GOOGLE)
@pytest.mark.parametrize("value", ["true", "True", "x", "0", "no", "a\tb"])
def test_inputs_for_google_are_refused(name: str, value: str) -> None:
    """An input that would do nothing is an error, as is one that says no by another word."""
    assert _problems({name: value}) == {name: _GOOGLE_PROBLEM}


@pytest.mark.parametrize("name", _GOOGLE_BOOLEANS)
@pytest.mark.parametrize("value", ["false", "False", "FALSE"])
def test_a_boolean_for_google_may_say_false(name: str, value: str) -> None:
    """``compile-only: False`` asks for nothing that this service cannot do."""
    assert parse(_environ({**_GOOD, name: value})) == _MINIMUM


@pytest.mark.parametrize("name", sorted(set(_ONLY_GOOGLE) - set(_GOOGLE_BOOLEANS)))
@pytest.mark.parametrize("value", ["false", "False", "FALSE"])
def test_a_name_for_google_may_not_say_false(name: str, value: str) -> None:
    """A branch or a data set can have that name, which must not be passed over in silence."""
    assert _problems({name: value}) == {name: _GOOGLE_PROBLEM}


def test_the_least_that_google_cloud_needs() -> None:
    """A project, a place and what to run are enough: without a token, credentials are found."""
    assert _read_google({}) == Settings(
        service=GOOGLE_CLOUD,
        project_id="my-project",
        location="europe-west1",
        repository="warehouse",
        token="",
        request=RunRequest(schedule="nightly"),
        polling=Polling(interval=10, timeout=21600, outage_timeout=600, cancel=True),
        wait=True,
        run_id=None,
        api_url="https://dataform.googleapis.com",
        summary=True,
    )


def test_all_inputs_of_google_cloud_are_read() -> None:
    """Every input that compiles and selects arrives in its place."""
    inputs = _read_google(
        {
            "schedule": "",
            "environment": "production",
            "token": "ya29.s3cret\n",
            "git-ref": "feature/é",
            "vars": " a = b=c \r\n\n d=\n",
            "schema-suffix": "pr_7",
            "table-prefix": "tmp",
            "tags": "daily, x",
            "actions": "orders\nmarts.revenue, my-project.marts.customers",
            "include-dependencies": "true",
            "include-dependents": "True",
            "full-refresh": "TRUE",
            "service-account": "a@b.iam.gserviceaccount.com",
            "compile-only": "true",
        }
    )
    assert inputs.token == "ya29.s3cret"
    assert inputs.request == RunRequest(
        environment="production",
        git_ref="feature/é",
        vars=(("a", "b=c"), ("d", "")),
        schema_suffix="pr_7",
        table_prefix="tmp",
        tags=("daily", "x"),
        actions=("orders", "marts.revenue", "my-project.marts.customers"),
        include_dependencies=True,
        include_dependents=True,
        full_refresh=True,
        service_account="a@b.iam.gserviceaccount.com",
        compile_only=True,
    )


def test_promote_is_read() -> None:
    """What succeeded can become what scheduled runs use."""
    inputs = _read_google({"schedule": "", "environment": "production", "promote": "true"})
    assert inputs.request == RunRequest(environment="production", promote=True)


@pytest.mark.parametrize(
    ("name", "other"), [("location", "repository"), ("repository", "location")]
)
def test_location_and_repository_go_together(name: str, other: str) -> None:
    """One of the two chooses Google Cloud, which needs both."""
    assert _google_problems({name: " "}) == [
        (name, f"is missing: {other} is given, and Google Cloud needs both")
    ]


@pytest.mark.parametrize("name", sorted(_PLACE))
def test_the_place_cannot_leave_its_path(name: str) -> None:
    """A location or repository that is none is refused, and is not taken for missing."""
    [(named, problem)] = _google_problems({name: "../x"})
    assert named == name
    assert problem.startswith("'../x' may hold only letters, digits, - and _: give ")


@pytest.mark.parametrize("value", ["my-project", "example.com:my-project", "123456"])
def test_projects_of_google_cloud(value: str) -> None:
    """A project is named by its id, an older form of it, or its number."""
    assert _read_google({"project-id": value}).project_id == value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "is missing: set it to your project's id"),
        ("a/b", "'a/b' is no Google Cloud project's id"),
        ("..", "'..' is no Google Cloud project's id"),
    ],
)
def test_project_of_google_cloud_that_is_none(value: str, problem: str) -> None:
    """A project that is missing or cannot be part of a path is one problem."""
    assert _google_problems({"project-id": value}) == [("project-id", problem)]


@pytest.mark.parametrize("name", ["schedule", "environment"])
def test_names_on_google_cloud_are_ids(name: str) -> None:
    """Configurations have ids there, which become part of a path."""
    assert _google_problems({"schedule": "", name: "nightly run"}) == [
        (name, "'nightly run' may hold only letters, digits, - and _")
    ]
    assert (name, _PRINTABLE_PROBLEM) in _google_problems({name: "a\nb"})


def test_all_problems_of_a_combination_come_at_once() -> None:
    """What does not go together is told with everything else that is wrong, in one attempt."""
    problems = _google_problems(
        {
            "repository": "",
            "schedule": "a b",
            "vars": "x=1",
            "schema-suffix": "s",
            "table-prefix": "t",
            "tags": "daily",
            "actions": "a",
            "include-dependencies": "true",
            "include-dependents": "true",
            "full-refresh": "true",
            "service-account": "a@b",
            "compile-only": "true",
            "promote": "true",
            "wait": "false",
            "timeout": "soon",
        }
    )
    assert [name for name, _ in problems] == [
        *("schedule", "timeout", "repository", "compile-only", "promote", "promote", "promote"),
        *("vars", "schema-suffix", "table-prefix", "tags", "actions", "include-dependencies"),
        *("include-dependents", "full-refresh", "service-account"),
    ]
    assert ("promote", "waits for success, which wait: false forbids") in problems


def test_a_caller_may_know_a_better_remedy() -> None:
    """A command says how it is given a token, where an action speaks of a workflow's secrets."""
    remedies = {"token": "set DATAFORM_TOKEN"}
    with pytest.raises(InputError) as caught:
        parse_settings({"project-id": "1234"}, _SPECS, remedies=remedies)
    assert caught.value.problems == (("token", "is missing: set DATAFORM_TOKEN"),)


def test_nothing_to_run_on_google_cloud() -> None:
    """Unlike Dataform Web, there is no run of the whole project by default."""
    assert _google_problems({"schedule": ""}) == [
        ("schedule", "is missing, and so are environment and git-ref: give one of them")
    ]


_RUN_NAME = "projects/p/locations/l/repositories/r/workflowInvocations/1-a"


@pytest.mark.parametrize("value", ["1700000000-abc", _RUN_NAME])
def test_a_run_of_google_cloud_has_an_id_or_a_full_name(value: str) -> None:
    """Both are what other tools give; with one of them nothing else has to be chosen."""
    inputs = _read_google({"schedule": "", "run-id": f" {value}\n"})
    assert inputs.run_id == value


@pytest.mark.parametrize("value", ["a b", "a/b\nc", "..", "a\u202e/b"])
def test_a_run_of_google_cloud_that_is_none(value: str) -> None:
    """What is neither is refused before anything is sent."""
    [(name, problem)] = _google_problems({"run-id": value})
    assert name == "run-id"
    assert problem.startswith(f"{value!r} may hold only")


@pytest.mark.parametrize("name", ["compile-only", "promote"])
def test_a_run_that_is_watched_was_compiled_before(name: str) -> None:
    """Compiling and promoting belong to a run of one's own."""
    changes = {"schedule": "", "environment": "production", "run-id": "1", name: "true"}
    assert _google_problems(changes) == [
        ("run-id", "watches a run: remove compile-only and promote")
    ]


@pytest.mark.parametrize("name", _GOOGLE_BOOLEANS)
@pytest.mark.parametrize("value", ["yes", "1", "on"])
def test_booleans_of_google_cloud_are_booleans(name: str, value: str) -> None:
    """Nothing is guessed, least of all with full-refresh."""
    changes = {"schedule": "", "environment": "production", name: value}
    problem = (name, f"{value!r} is neither true nor false: write one of them")
    assert problem in _google_problems(changes)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("name", "must hold a name=value a line"),
        ("a=1\nname", "must hold a name=value a line"),
        ("=value", "must hold a name=value a line"),
        (" = ", "must hold a name=value a line"),
        ("a=1\na=2", "gives a name twice: remove one of its lines"),
        ("a=1\n a =1", "gives a name twice: remove one of its lines"),
    ],
)
def test_vars_are_names_with_values(value: str, problem: str) -> None:
    """A line without a name or an equals sign is a mistake, as is a name that has two values."""
    changes = {"schedule": "", "git-ref": "main", "vars": value}
    assert _google_problems(changes) == [("vars", problem)]


def test_a_token_is_checked_on_google_cloud_as_well() -> None:
    """It may be missing, but not broken, and is not repeated."""
    assert _google_problems({"token": "a b"}) == [("token", _TOKEN_PROBLEM)]


def test_a_run_can_be_watched_or_not_waited_for() -> None:
    """``run-id`` with ``wait: false`` would do nothing at all."""
    assert _problems({"run-id": "77", "wait": "false"}) == {
        "run-id": "watches a run, which wait: false forbids: remove one of them"
    }
    assert list(_problems({"run-id": "77", "wait": "nope"})) == ["wait"]


@pytest.mark.parametrize(
    "value",
    [
        "https://api.dataform.co",
        "https://host:8443/a/b",
        "https://8.8.8.8",
        "https://[2001:db8::1]:443",
        "http://localhost:8080",
        "http://emulator",
        "http://data_form-1:80/base",
        "http://0xdata",
        "http://127.0.0.1",
        "http://127.9.9.9:1",
        "http://10.0.0.1",
        "http://172.31.255.255",
        "http://192.168.1.1:65535",
        "http://[::1]:8080",
        "http://[fd00::1]",
        "http://[::ffff:127.0.0.1]",
        "http://[::ffff:10.0.0.1]",
        "https://host/v1/x",
        "https://host/xv1",
    ],
)
def test_addresses_of_an_api(value: str) -> None:
    """https goes anywhere; http to this machine, private addresses and undotted names."""
    assert _read(api_url=value).api_url == value
    assert _read(api_url=f" {value}/\n").api_url == value


@pytest.mark.parametrize(
    "value",
    [
        "http://api.dataform.co",
        "http://localhost.",
        "http://8.8.8.8",
        "http://172.32.0.1",
        "http://100.64.0.1",
        "http://010.0.0.1",
        "http://134744072",
        "http://0x08080808",
        "http://0X",
        "http://[2606:4700::1]",
        "http://[::ffff:8.8.8.8]",
        "http://[::::]",
        "http://[abcd]",
        "http://api.dataform.co/v1",
    ],
)
def test_a_token_is_never_sent_in_the_clear(value: str) -> None:
    """http to a place that may be anywhere is refused, however its address is written."""
    assert _problems({"api-url": value}) == {"api-url": _CLEAR_PROBLEM.format(value)}


@pytest.mark.parametrize(
    "value",
    [
        "api.dataform.co",
        "ftp://host",
        "HTTPS://host",
        "https://",
        "https:///path",
        "https://user:passw0rd@host",
        "https://passw0rd@host",
        "http://passw0rd@localhost",
        "https://host?key=passw0rd",
        "https://host#passw0rd",
        "https://host\\@passw0rd",
        "https://host:",
        "https://host:65536",
        "https://host:99999",
        "https://host:123456",
        "https://host:a",
        "https://host//",
        "https://host/a b",
        "https://host/%2e",
        "https://host/a\nb",
        "https://[::1",
        "https://[fe80::1%eth0]",
        "https://é",
        "https://" + "a" * 254,
    ],
)
def test_nothing_else_is_an_address_of_an_api(value: str) -> None:
    """The refused address is not repeated, as it may hold a password."""
    assert _problems({"api-url": value}) == {"api-url": _ADDRESS_PROBLEM}
    assert "passw0rd" not in _ADDRESS_PROBLEM


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/base/v1", "/v1beta1"])
def test_an_address_ends_before_the_version(path: str) -> None:
    """The version is part of the API's paths, which would have it twice."""
    value = f"https://host{path}"
    assert _problems({"api-url": value}) == {
        "api-url": f"{value!r} must not end in the API's version: remove it"
    }


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("project-id", "." * 60, repr("." * 60)),
        ("project-id", "." * 61, "(61 characters)"),
        ("run-id", "." * 5000, "(5000 characters)"),
        ("wait", "x" * 61, "(61 characters)"),
        ("timeout", "1" * 61, "(61 characters)"),
        ("api-url", "http://a." + "b" * 70, "(79 characters)"),
        ("api-url", f"https://{'b' * 70}/v1", "(81 characters)"),
    ],
)
def test_a_value_is_repeated_whole_or_not_at_all(name: str, value: str, shown: str) -> None:
    """A secret in the wrong input is masked by the runner only where it stands whole."""
    assert _problems({name: value})[name].startswith(f"{shown} ")


_VALUES = (
    hostile_texts()
    | st.sampled_from(["true", "false", "10", "6h", "https://host/v1", "http://a@b", "a", "77"])
    | st.from_regex(r"https?://[a-z.\[\]:@0-9/]*", fullmatch=True)
)


def _outcome(environ: dict[str, str]) -> Settings | InputError:
    try:
        return parse(environ)
    except InputError as error:
        return error


@BOUNDED
@given(
    st.dictionaries(
        st.sampled_from([name for i in INPUTS for name in variable_names(i.name)]), _VALUES
    ),
    hostile_texts(),
)
@example(_environ(_GOOD), "token\n")
@example(_environ(_GOOD), "to ken")
@example(_environ(_GOOD_GOOGLE), "token\n")
@example(_environ({**_GOOD_GOOGLE, "run-id": "a/b", "vars": "a"}), "to ken")
def test_no_values_end_in_a_traceback_or_tell_the_token(environ: dict[str, str], rest: str) -> None:
    """Whatever the inputs are, they are read or refused, and the token is in no message."""
    token = f"marked-{rest}"
    outcome = _outcome({**environ, "INPUT_TOKEN": token})
    if isinstance(outcome, Settings):
        assert outcome.token == token.strip()
    else:
        assert outcome.problems
        assert "marked-" not in f"{outcome}{outcome.hint}{outcome.problems}"
        assert {name for name, _ in outcome.problems} <= {declared.name for declared in INPUTS}
