"""What a step says of its outcome: which parts are links, and which facts it gives."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from dataform_action.errors import (
    CancelUnsupported,
    DataformError,
    GaveUp,
    NoResponse,
    Refused,
    RunMayExist,
    WaitTimeout,
)
from dataform_action.events import CancelRequested, LeftRunning, RunOutcome
from dataform_action.github.signals import Interrupted
from dataform_action.model import Action, ActionState, Compilation, Result, Run, State
from dataform_action.report.words import (
    Link,
    Mention,
    Words,
    count_states,
    notes_on_result,
    notes_on_retries,
    words_of_compilation,
    words_of_error,
    words_of_internal_error,
    words_of_result,
    words_of_signal,
    words_of_start,
)
from tests.support.fakes import LOG_URL, make_action, make_run

_LOG = Link(LOG_URL)
_UNSUPPORTED = CancelUnsupported("Run 77 goes on.", hint=f"At {LOG_URL}")
_RUN_ONLY = frozenset({Mention.RUN})


def _ended(state: State = State.SUCCESS) -> Run:
    return Run(id="77", state=state, status="WORD", log_url=LOG_URL)


def test_a_result_gives_the_run_and_its_duration() -> None:
    """Only what is counted in the message needs no place of its own."""
    result = Result(run=_ended(), duration=65.0)
    said = {Mention.RUN, Mention.DURATION}
    assert words_of_result(result) == Words(
        message=("Run 77 succeeded after 1m 5s.",), mentions=frozenset(said)
    )
    pending = Result(run=_ended(), duration=65.0, actions=(make_action("a", ActionState.PENDING),))
    assert words_of_result(pending).mentions == said
    counted = Result(run=_ended(), duration=65.0, actions=(make_action("a"),))
    assert words_of_result(counted).mentions == said | {Mention.COUNTS}


def test_a_result_that_is_no_success_links_the_log() -> None:
    """The hint is the address of the log."""
    words = words_of_result(Result(run=_ended(State.CANCELLED), duration=65.0))
    assert words.hint == (_LOG,)


_GRANT = Refused("GET /run/77: HTTP 403.", status=403, hint="Grant a role.")


@pytest.mark.parametrize(
    ("state", "lost"),
    [(State.FAILURE, "name the failed ones"), (State.SUCCESS, "list them")],
)
def test_actions_that_could_not_be_read_are_noted(state: State, lost: str) -> None:
    """The note has the error and what to do about it; a hint that says nothing is left out."""
    [note] = notes_on_result(Result(run=_ended(state), duration=1, actions_error=_GRANT))
    assert note.text == (
        f"The run's actions could not be read, so this report cannot {lost}.\n"
        "GET /run/77: HTTP 403.\nGrant a role."
    )
    silent = Result(run=_ended(state), duration=1, actions_error=NoResponse("HTTP 503."))
    assert notes_on_result(silent)[0].text.splitlines()[1:] == ["HTTP 503."]


@pytest.mark.parametrize(
    ("state", "missing"),
    [(State.FAILURE, "name all failed actions"), (State.SUCCESS, "list all actions")],
)
def test_actions_that_are_not_complete_are_noted(state: State, missing: str) -> None:
    """If only some actions could be read, they are not counted as all actions of the run."""
    result = Result(
        run=_ended(state), duration=1, actions=(make_action("a"),), actions_error=_GRANT
    )
    [note] = notes_on_result(result)
    assert note.text.splitlines()[:2] == [f"This report cannot {missing}.", _GRANT.message]
    message = "".join(map(str, words_of_result(result).message))
    assert "action" not in message


def test_actions_without_their_details_are_noted() -> None:
    """What a report lacks is said; without any action it lacks nothing."""
    result = Result(run=_ended(), duration=1, details_error=_GRANT)
    assert notes_on_result(result, has_actions=False) == ()
    [note] = notes_on_result(replace(result, actions=(make_action("a"),)))
    assert "neither the files of the actions nor the actions that they blocked" in note.text
    assert "HTTP 403" in note.text
    assert notes_on_result(Result(run=_ended(), duration=1, actions=(make_action("a"),))) == ()


@pytest.mark.parametrize(
    ("state", "actions", "text"),
    [
        (
            State.SUCCESS,
            (),
            "Nothing was built: the run had no actions. Check the tags and actions that the "
            "inputs or the workflow configuration select.",
        ),
        (State.FAILURE, (), "Nothing was built: the run had no actions."),
        (
            State.SUCCESS,
            (make_action("a", ActionState.DISABLED),),
            "Nothing was built: all actions of the run are disabled.",
        ),
    ],
)
def test_a_run_that_built_nothing_is_noted(
    state: State, actions: tuple[Action, ...], text: str
) -> None:
    """An end without a single action is said, where the service knows actions at all."""
    result = Result(run=_ended(state), duration=1, actions=actions)
    [note] = notes_on_result(result)
    assert note.text == text
    assert notes_on_result(result, has_actions=False) == ()


@pytest.mark.parametrize(
    "state", [state for state in ActionState if state is not ActionState.DISABLED]
)
def test_a_run_that_may_have_built_something_is_not_noted(state: ActionState) -> None:
    """A state that is not known counts as pending, so that only disabled actions say nothing."""
    actions = (make_action("a", ActionState.DISABLED), make_action("b", state))
    assert notes_on_result(Result(run=_ended(), duration=1, actions=actions)) == ()


def test_words_without_a_link() -> None:
    """A compilation has no page to link, and of a start the message gives the run."""
    assert words_of_compilation(Compilation(name="c/1"), "").mentions == frozenset()
    assert words_of_start(make_run()).mentions == _RUN_ONLY


@pytest.mark.parametrize(
    ("error", "run", "mentions"),
    [
        (WaitTimeout("x"), make_run(), {Mention.RUN, Mention.DURATION}),
        (WaitTimeout("x"), _ended(), set()),
        (WaitTimeout("x"), None, set()),
        (GaveUp("x"), make_run(), {Mention.RUN}),
        (GaveUp("x"), _ended(), set()),
        (GaveUp("x"), None, set()),
        (Refused("GET /run/77: HTTP 403.", status=403), make_run(), set()),
        (NoResponse("GET /run/77: HTTP 503."), make_run(), set()),
    ],
)
def test_errors_of_a_wait_give_the_run(
    error: DataformError, run: Run | None, mentions: set[Mention]
) -> None:
    """A wait that ends names its run; an id in an address that an error repeats is no mention."""
    assert words_of_error(error, run).mentions == mentions


@pytest.mark.parametrize(
    ("message", "hint", "parts", "hint_parts"),
    [
        ("It failed.", "Look.", ("It failed.",), ("Look.",)),
        ("It failed.", "", ("It failed.",), ()),
        (f"See {LOG_URL}", f"{LOG_URL} and more", ("See ", _LOG), (_LOG, " and more")),
        (f"{LOG_URL}?a", "x", (_LOG, "?a"), ("x",)),
    ],
)
def test_the_log_in_an_errors_words_is_a_link(
    message: str, hint: str, parts: tuple[object, ...], hint_parts: tuple[object, ...]
) -> None:
    """What others wrote is parted at the run's address, and loses nothing."""
    words = words_of_error(GaveUp(message, hint=hint), make_run())
    assert words.message == parts
    assert words.hint == hint_parts


def test_the_page_to_look_for_a_lost_run_is_a_link() -> None:
    """An error that names a page has it linked, whether or not a signal came as well."""
    lost = RunMayExist("x", hint="Look at https://a/runs first.", url="https://a/runs")
    hint = ("Look at ", Link("https://a/runs"), " first.")
    assert words_of_error(lost, None).hint == hint
    stopped = Interrupted(signal.SIGINT)
    stopped.__cause__ = lost
    words = words_of_signal(stopped, RunOutcome(error=stopped))
    assert words.message == ("The step was stopped by SIGINT. ", "x")
    assert words.hint == hint


def test_an_address_that_begins_another_is_not_taken_for_it() -> None:
    """The longer of two known addresses is found first."""
    short, long = "https://a.example/1", "https://a.example/12"
    for log_url, url in ((short, long), (long, short)):
        error = RunMayExist("x", hint=f"Look at {url} and {log_url} .", url=url)
        words = words_of_error(error, make_run(log_url=log_url))
        assert words.hint == ("Look at ", Link(url), " and ", Link(log_url), " .")


@pytest.mark.parametrize(
    ("cancellation", "waits", "linked", "mentions"),
    [
        (CancelRequested(make_run()), True, True, _RUN_ONLY),
        (LeftRunning(make_run(), None), True, True, _RUN_ONLY),
        (
            LeftRunning(make_run(), _UNSUPPORTED),
            True,
            True,
            _RUN_ONLY,
        ),
        (LeftRunning(make_run(), NoResponse("POST /run/77: HTTP 503.")), True, False, frozenset()),
        (None, False, True, _RUN_ONLY),
        (None, True, False, frozenset()),
    ],
)
def test_a_stopped_run_is_linked_once(
    cancellation: CancelRequested | LeftRunning | None,
    waits: bool,
    linked: bool,
    mentions: frozenset[Mention],
) -> None:
    """Where the words about the run do not hold its address, the hint does."""
    stopped = Interrupted(signal.SIGINT)
    words = words_of_signal(
        stopped, RunOutcome(run=make_run(), cancellation=cancellation, waits=waits, error=stopped)
    )
    assert (_LOG in words.message) is linked
    assert words.hint == (() if linked else ("The run: ", _LOG))
    assert words.mentions == mentions


def test_a_run_that_had_ended_is_linked() -> None:
    """What was asked of it before does not matter any more."""
    stopped = Interrupted(signal.SIGINT)
    words = words_of_signal(
        stopped, RunOutcome(run=_ended(), cancellation=CancelRequested(make_run()), error=stopped)
    )
    assert words == Words(
        message=("The step was stopped by SIGINT. The run had already ended: WORD.",),
        hint=("The run: ", _LOG),
    )


def test_an_internal_error_during_a_create() -> None:
    """If a run may exist, the text says so."""
    hint = str(words_of_internal_error(MemoryError(), RunOutcome(may_exist=True)).hint)
    assert "so the run may exist. Check the project's runs before you run this again." in hint


def test_an_internal_error_links_the_run() -> None:
    """The report that it asks for comes first."""
    report = "Please report it with the lines above."
    assert words_of_internal_error(KeyError("a"), RunOutcome()).hint == (report,)
    known = RunOutcome(run=make_run())
    assert words_of_internal_error(KeyError("a"), known).hint == (f"{report} The run: ", _LOG)


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([], ""),
        ([ActionState.PENDING, ActionState.RUNNING], ""),
        ([ActionState.SUCCEEDED], "Of 1 action, 1 succeeded."),
        (
            [
                *[ActionState.SUCCEEDED] * 3,
                *[ActionState.FAILED] * 2,
                ActionState.SKIPPED,
                ActionState.CANCELLED,
                ActionState.DISABLED,
            ],
            "Of 8 actions, 2 failed, 1 was skipped, 1 was cancelled, 3 succeeded, 1 was disabled.",
        ),
    ],
)
def test_actions_are_counted_by_what_became_of_them(states: list[ActionState], words: str) -> None:
    """What matters most comes first, and what there is none of is left out."""
    assert count_states(tuple(make_action("d.a", state) for state in states)) == words


def test_a_signal_between_two_attempts_says_that_no_other_run_was_created() -> None:
    """The first run failed, and the second one does not exist."""
    failed = Result(run=_ended(State.FAILURE), duration=65.0)
    words = words_of_signal(Interrupted(signal.SIGINT), RunOutcome(attempts=(failed,)))
    assert words == Words(
        message=(
            "The step was stopped by SIGINT. Run 77 had failed, and no other run was created.",
        ),
        hint=("The run: ", _LOG),
    )


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (State.SUCCESS, "Run 77 succeeded after 5s. It took 2 attempts and 1m 10s in total."),
        (
            State.FAILURE,
            "Run 77 failed after 5s. This was attempt 2. All attempts took 1m 10s in total.",
        ),
    ],
)
def test_a_result_counts_its_attempts(state: State, sentence: str) -> None:
    """The duration is that of the last run, and then of all."""
    first, last = (Result(run=_ended(state), duration=seconds) for seconds in (65.0, 5.0))
    both = replace(last, duration=70.0, attempts=(first, last))
    assert words_of_result(both).message == (sentence,)


def test_a_missing_retry_is_a_warning() -> None:
    """The reader expected another attempt."""
    [note] = notes_on_retries(RunOutcome(not_retried="HTTP 403."))
    assert (note.title, note.text) == (
        "Dataform: not retried",
        "No further attempt was started: HTTP 403.",
    )
