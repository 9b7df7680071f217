"""Each input with valid, blank and invalid values, and all problems at once."""

from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st

from dataform_action.action.input_specs import INPUTS
from dataform_action.action.settings import Settings, parse_settings
from dataform_action.errors import InputError
from dataform_action.events import Fact
from dataform_action.model import Polling, RunRequest
from dataform_action.services.specs import DATAFORM_WEB
from tests.support.runner import BOUNDED, hostile_texts
from tests.unit.action.support import (
    API_URL,
    BLANKS,
    GOOD,
    GOOD_GOOGLE,
    MINIMUM,
    PRINTABLE_PROBLEM,
    SPECS,
    TOKEN_PROBLEM,
    environ_of,
    parse,
    problems,
    read,
)


def test_the_minimum() -> None:
    """All other inputs have a default or are optional."""
    assert read() == MINIMUM


@pytest.mark.parametrize("blank", BLANKS)
def test_blank_is_not_set(blank: str) -> None:
    """The runner sets missing inputs to an empty string; blank values are the same."""
    values = {declared.name: blank for declared in INPUTS}
    assert parse(environ_of({**values, **GOOD})) == MINIMUM


def test_all_inputs_are_read() -> None:
    """Every input of this service is in its place."""
    assert read(
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
        place=(Fact("Project", "1_2-a"),),
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


def test_all_problems_are_reported_at_once() -> None:
    """One attempt shows every problem by input name, with a remedy."""
    given = {"timeout": "soon", "wait": "yes", "tags": "a\tb", "run-id": "a/b"}
    with pytest.raises(InputError) as caught:
        parse(environ_of({**given, "api-url": API_URL}))
    assert str(caught.value) == (
        "project-id is missing: set it to your Google Cloud project, or to the number of a "
        "Dataform Web project\n"
        "token is missing: set it to ${{ secrets.DATAFORM_TOKEN }}, a secret with an API "
        "token\n"
        "timeout 'soon' is not a duration between 1 second and 35 days: "
        "use a form like 30, 30s, 2m or 1h\n"
        "wait 'yes' is not a boolean: use true or false\n"
        "run-id 'a/b' may contain only letters, digits, - and _: set it to a run id, as in the "
        "address of its page\n"
        "tags must be printable text, separated by commas or line breaks"
    )
    assert caught.value.hint == "Nothing was sent."


@pytest.mark.parametrize("name", ["project-id", "token"])
@pytest.mark.parametrize("blank", BLANKS)
def test_required_inputs(name: str, blank: str) -> None:
    """The runner never enforces ``required`` in the metadata, so the action does."""
    assert problems({name: blank})[name].startswith("is missing: set it to ")


@pytest.mark.parametrize("name", ["project-id", "run-id"])
@pytest.mark.parametrize("value", ["a/b", "..", "a b", "a\nb", "é", "1?x", "#1", "%2e", "\udcff"])
def test_ids_cannot_leave_their_place_in_a_path(name: str, value: str) -> None:
    """An id with other characters is refused with one printable line."""
    problem = problems({name: value})[name]
    assert problem.startswith(f"{value!r} may contain only letters, digits, - and _: set it to ")
    assert problem.isprintable()


@pytest.mark.parametrize("name", ["schedule", "environment"])
@pytest.mark.parametrize("value", ["a\nb", "a\tb", "a\x00b", "a\u2028b", "a\u202eb", "a\udcffb"])
def test_names_are_one_line(name: str, value: str) -> None:
    """A line break or an invisible character in a name is a problem of quoting."""
    assert problems({name: value}) == {name: PRINTABLE_PROBLEM}


@pytest.mark.parametrize("value", ["a\x00b", "a, b\tc", "a\rb", "a\u2028b"])
def test_tags_are_printable(value: str) -> None:
    """Only commas and line breaks separate tags."""
    assert problems({"tags": value}) == {
        "tags": "must be printable text, separated by commas or line breaks"
    }


@pytest.mark.parametrize("value", ["a b", "a\nb", "a\tb", "a\x7fb", "é", "a\udcff", "“a”"])
def test_an_invalid_token_is_refused_and_not_repeated(value: str) -> None:
    """A token that is not valid in an HTTP header is refused without repeating it."""
    assert problems({"token": value}) == {"token": TOKEN_PROBLEM}


@pytest.mark.parametrize("value", ["true", "True", "TRUE", " true\n"])
def test_yaml_12_spellings_of_true(value: str) -> None:
    """A boolean may have all three spellings of YAML 1.2."""
    inputs = read(wait=value, cancel_run=value, summary=value, history=value)
    assert (inputs.wait, inputs.polling.cancel) == (True, True)
    assert (inputs.summary, inputs.history) == (True, True)


@pytest.mark.parametrize("value", ["false", "False", "FALSE"])
def test_yaml_12_spellings_of_false(value: str) -> None:
    """The same is true for false."""
    inputs = read(wait=value, cancel_run=value, summary=value, history=value)
    assert (inputs.wait, inputs.polling.cancel) == (False, False)
    assert (inputs.summary, inputs.history) == (False, False)


@pytest.mark.parametrize("name", ["wait", "cancel-run", "summary", "history"])
@pytest.mark.parametrize("value", ["yes", "no", "on", "0", "1", "tRUE", "null", "~", "false x"])
def test_nothing_else_is_a_boolean(name: str, value: str) -> None:
    """Other booleans of YAML 1.1 are refused."""
    assert problems({name: value}) == {name: f"{value!r} is not a boolean: use true or false"}


@pytest.mark.parametrize(("value", "parallel"), [("", 1), ("1", 1), ("10", 10)])
def test_parallel_runs(value: str, parallel: int) -> None:
    """It is the number of runs that share the quota; without it, the run has it for itself."""
    assert read(parallel_runs=value).polling.parallel == parallel


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "ten"])
def test_parallel_runs_is_a_positive_number(value: str) -> None:
    """Anything else is refused."""
    message = f"{value!r} is not a number from 1 to 999999999"
    assert problems({"parallel-runs": value}) == {"parallel-runs": message}


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
    """A duration is whole seconds, minutes or hours, from 1 second to 35 days."""
    polling = parse(environ_of({**GOOD, name: value})).polling
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
def test_nothing_else_is_a_duration(name: str, value: str) -> None:
    """Another value is refused, with valid examples."""
    assert problems({name: value}) == {
        name: f"{value!r} is not a duration between 1 second and 35 days: "
        "use a form like 30, 30s, 2m or 1h"
    }


def test_a_caller_can_override_a_remedy() -> None:
    """The command line has other remedies than a workflow."""
    remedies = {"token": "set DATAFORM_TOKEN"}
    with pytest.raises(InputError) as caught:
        parse_settings({"project-id": "1234", "api-url": API_URL}, SPECS, remedies=remedies)
    assert caught.value.problems == (("token", "is missing: set DATAFORM_TOKEN"),)


def test_run_id_requires_waiting() -> None:
    """``run-id`` with ``wait: false`` would do nothing."""
    assert problems({"run-id": "77", "wait": "false"}) == {
        "run-id": "cannot be combined with wait: false, as it waits for a run: remove one of them"
    }
    assert list(problems({"run-id": "77", "wait": "nope"})) == ["wait"]


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
    """The runner masks a secret in a wrong input only as a whole."""
    assert problems({name: value})[name].startswith(f"{shown} ")


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


def _name(name: str) -> str:
    return f"INPUT_{name.upper()}"


def _shell_name(name: str) -> str:
    return _name(name).replace("-", "_")


@BOUNDED
@given(
    st.dictionaries(
        st.sampled_from([name for i in INPUTS for name in (_name(i.name), _shell_name(i.name))]),
        _VALUES,
    ),
    hostile_texts(),
)
@example(environ_of(GOOD), "token\n")
@example(environ_of(GOOD), "to ken")
@example(environ_of(GOOD_GOOGLE), "token\n")
@example(environ_of({**GOOD_GOOGLE, "run-id": "a/b", "vars": "a"}), "to ken")
def test_any_values_are_read_or_refused(environ: dict[str, str], rest: str) -> None:
    """Any inputs are read or refused, and the token is in no message."""
    token = f"marked-{rest}"
    outcome = _outcome({**environ, "INPUT_TOKEN": token})
    if isinstance(outcome, Settings):
        assert outcome.token == token.strip()
    else:
        assert outcome.problems
        assert "marked-" not in f"{outcome}{outcome.hint}{outcome.problems}"
        assert {name for name, _ in outcome.problems} <= {declared.name for declared in INPUTS}
