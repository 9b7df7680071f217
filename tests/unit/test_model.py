"""The vocabulary: links, path segments, durations, polling, results."""

from __future__ import annotations

import math
import pickle
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, strategies as st

from dataform_action.errors import InputError
from dataform_action.model import (
    Action,
    ActionState,
    Polling,
    Result,
    Run,
    RunRequest,
    RunUnsuccessful,
    State,
)
from dataform_action.text import format_duration
from dataform_action.validation import is_link, is_project_id, is_segment, is_token
from tests.support.fakes import make_action
from tests.support.runner import BOUNDED, hostile_texts

_AFTER_THE_SCHEME = st.sampled_from(["a", "a.b/c", "[::1]:8080/", "a?", "a#", ""])


@pytest.mark.parametrize("text", ["a", "0", "A-b_9", "x" * 200])
def test_a_segment_is_letters_digits_hyphens_and_underscores(text: str) -> None:
    """Every id that a service makes can stand in a path."""
    assert is_segment(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a/b", "a\\b", "a%2Fb", "a?b", "a#b", "a b", "a\n", "é", "٣", "x" * 201]
)
def test_nothing_leaves_its_segment(text: str) -> None:
    """What could change a path, or is overlong, is no segment."""
    assert not is_segment(text)


@pytest.mark.parametrize("text", ["my-project", "example.com:my-project", "123", "a" * 100])
def test_a_google_cloud_project_has_an_id_or_a_number(text: str) -> None:
    """The forms from before there were organisations are still in use."""
    assert is_project_id(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "-a", "a/b", "a b", "a?b", "a#b", "a%2Fb", "a\n", "é", "٣", "a" * 101]
)
def test_no_project_id_leaves_its_segment(text: str) -> None:
    """What could change a path is no project's id."""
    assert not is_project_id(text)


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("ya29.a-b_c", True),
        ("|+/=", True),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("é", False),
    ],
)
def test_a_token_can_stand_in_a_header(text: str, token: bool) -> None:
    """A token is printable and has no blanks."""
    assert is_token(text) is token


@pytest.mark.parametrize(
    "text",
    [
        "https://app.dataform.co/#/1234/run/77",
        "http://localhost:8080/a?b=c&d=%20e",
        "http://[::1]:8080/",
        "https://a",
        "https://a?b",
        "https://a#b",
        "https://a/(b);c,d!e$f*g+h@i~j[k]",
        "https://a/" + "b" * 1990,
    ],
)
def test_addresses_of_pages_are_links(text: str) -> None:
    """What a service gives as the address of a run can be shown as a link."""
    assert is_link(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "https:///a",
        "HTTPS://a",
        "ftp://a",
        "javascript:alert(1)",
        " https://a",
        "https://a\n",
        "https://a/ b",
        "https://user@a/",
        "https://user:password@a/",
        "https://a\\@b",
        "https://a/\\b",
        "https://[::1",
        "https://a]b",
        "https://a:b",
        "https://a:123456",
        'https://a/"',
        "https://a/'",
        "https://a/<b>",
        "https://a/`",
        "https://a/|",
        "https://a/^{}",
        "https://a/é",
        "https://é/",
        "https://a/" + "b" * 1991,
    ],
)
def test_nothing_else_is_a_link(text: str) -> None:
    """Other schemes, user information, and what ends or breaks a link are refused."""
    assert not is_link(text)


@BOUNDED
@given(st.builds("https://{}{}".format, _AFTER_THE_SCHEME, hostile_texts() | st.text("!-~'\"<>\\")))
@example("https://a@b")
def test_a_link_holds_nothing_that_ends_or_breaks_it(text: str) -> None:
    """No link has a blank, a quote, an angle bracket, a backslash, a pipe, or a user."""
    if is_link(text):
        assert text.isascii()
        assert text.isprintable()
        assert not set(text) & set(" \"'<>\\`|^{}")
        assert "@" not in urlsplit(text).netloc


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.999, "0s"),
        (45, "45s"),
        (60, "1m"),
        (133.7, "2m 13s"),
        (3600, "1h"),
        (3601, "1h 1s"),
        (90061, "25h 1m 1s"),
        (math.inf, "an unlimited time"),
    ],
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    """A duration shows its hours, minutes and whole seconds, and no part that is zero."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize("state", State)
def test_only_a_running_run_can_change(state: State) -> None:
    """Every state but RUNNING is final."""
    assert state.ended is (state.value != "running")


def test_only_pending_and_running_actions_can_change() -> None:
    """Every other state of an action is final, whether it ran or not."""
    assert [state.value for state in ActionState if not state.ended] == ["pending", "running"]


def test_a_request_asks_for_nothing_by_itself() -> None:
    """Whatever is not given stays as the service has it."""
    values = [getattr(RunRequest(), name) for name in RunRequest.__slots__]
    assert all(value in (None, (), False) for value in values)


def test_states_are_githubs_own_words() -> None:
    """The values become the output ``status``, where workflows compare them."""
    assert [state.value for state in State] == [
        "running",
        "success",
        "failure",
        "cancelled",
        "timed_out",
    ]


def test_polling_names_every_time_that_is_too_short() -> None:
    """All bad times are reported at once, even what is no number at all."""
    with pytest.raises(InputError) as caught:
        Polling(interval=0.99, timeout=-1, outage_timeout=math.nan)
    assert str(caught.value) == (
        "interval 0.99 is not at least 1 second\n"
        "timeout -1 is not at least 1 second\n"
        "outage_timeout nan is not at least 1 second"
    )


def test_polling_takes_one_second_and_for_ever() -> None:
    """The shortest time is one second, and there is no longest."""
    polling = Polling(interval=1, timeout=math.inf, outage_timeout=math.inf)
    assert polling.delay(1e9) == 1


@pytest.mark.parametrize(
    ("elapsed", "delay"), [(0, 1), (22, 1), (33, 1.5), (110, 5), (220, 10), (221, 10), (1e6, 10)]
)
def test_the_wait_is_a_share_of_the_time_gone_by(elapsed: float, delay: float) -> None:
    """A wait grows with the run, from one second to the interval."""
    assert Polling(interval=10).delay(elapsed) == delay


def test_defaults_of_polling_are_those_of_the_action() -> None:
    """A library user waits as the action does."""
    assert Polling() == Polling(interval=10, timeout=21600, outage_timeout=600, cancel=True)


def _result(state: State, *actions: Action) -> Result:
    run = Run(id="77", state=state, status="WORD", log_url="https://a/77")
    return Result(run=run, duration=1, actions=actions)


def test_success_raises_nothing() -> None:
    """A run that succeeded passes ``raise_for_state``."""
    _result(State.SUCCESS).raise_for_state()


@pytest.mark.parametrize("state", [state for state in State if state is not State.SUCCESS])
def test_everything_but_success_raises(state: State) -> None:
    """A run that did not succeed raises, with the service's word and its link."""
    with pytest.raises(RunUnsuccessful) as caught:
        _result(state).raise_for_state()
    assert str(caught.value) == "Run 77 ended with status WORD: https://a/77"
    assert caught.value.hint == "The run's log says more."


def test_the_error_of_a_failed_run_has_the_reasons() -> None:
    """Each failed action is told with its file and reason, in the order of their names."""
    result = _result(
        State.FAILURE,
        make_action("p.d.late", ActionState.FAILED, file="a/late.sqlx", reason="Zero\n  [1:2]"),
        make_action("p.d.good"),
        make_action("p.d.early", ActionState.FAILED),
    )
    with pytest.raises(RunUnsuccessful) as caught:
        result.raise_for_state()
    assert str(caught.value).splitlines() == [
        "Run 77 ended with status WORD: https://a/77",
        "p.d.early: the API gives no reason",
        "p.d.late (a/late.sqlx): Zero [1:2]",
    ]
    assert caught.value.result is result
    assert [action.name for action in result.failed_actions] == ["p.d.early", "p.d.late"]


def test_the_error_of_a_failed_run_has_bounds() -> None:
    """However much fails, for whatever reason, the message stays one that can be read."""
    failed = [make_action(f"a{n:04}", ActionState.FAILED, reason="x" * 9999) for n in range(5000)]
    message = str(RunUnsuccessful(_result(State.FAILURE, *failed)))
    assert message.splitlines()[-1] == "And 4990 more actions failed."
    assert len(message) < 4200


def test_the_error_of_a_failed_run_crosses_processes() -> None:
    """What a process pool pickles comes back with its result."""
    error = RunUnsuccessful(_result(State.FAILURE, make_action("a", ActionState.FAILED)))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(again), again.result) == (str(error), error.result)


@pytest.mark.parametrize("name", ["tags", "actions"])
def test_a_text_is_no_list_of_names(name: str) -> None:
    """A forgotten comma does not make a tag of each letter."""
    with pytest.raises(InputError) as caught:
        RunRequest(**{name: "daily"})  # type: ignore[arg-type]
    assert str(caught.value) == f"{name} is one text: give a tuple of texts"
