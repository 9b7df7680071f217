"""What a step says of its outcome, in parts, and the words that several renderers share. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto

from dataform_action.errors import (
    CancelUnsupported,
    DataformError,
    GaveUp,
    RunMayExist,
    WaitTimeout,
)
from dataform_action.events import CancelRequested, LeftRunning, RunOutcome
from dataform_action.github.signals import Interrupted
from dataform_action.model import Action, ActionState, Compilation, Result, Run, State
from dataform_action.text import format_duration

NO_REASON = "The API gives no reason."


class Mention(Enum):
    """A fact that a text gives, so that it needs no place beside it."""

    RUN = auto()
    DURATION = auto()
    COUNTS = auto()


@dataclass(frozen=True, slots=True)
class Link:
    """An address inside a text."""

    url: str

    def __str__(self) -> str:
        return self.url


#: A text in parts; ``str()`` of each, joined, is the whole.
Text = tuple[str | Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What happened (``message``) with names and values, and what to do (``hint``)."""

    message: Text
    hint: Text = ()
    mentions: frozenset[Mention] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a reader must know beside the outcome. The title is made of fixed words."""

    title: str
    text: str


_VERBS = {
    State.SUCCESS: "succeeded",
    State.FAILURE: "failed",
    State.CANCELLED: "was cancelled in Dataform",
    State.TIMED_OUT: "timed out in Dataform",
}
#: In this order: what matters most first.
_ACTION_VERBS = (
    (ActionState.FAILED, "failed", "failed"),
    (ActionState.SKIPPED, "was skipped", "were skipped"),
    (ActionState.CANCELLED, "was cancelled", "were cancelled"),
    (ActionState.SUCCEEDED, "succeeded", "succeeded"),
    (ActionState.DISABLED, "was disabled", "were disabled"),
)


def words_of_result(result: Result) -> Words:
    """Return the words for a run that came to its own end."""
    run, counts = result.run, count_states(result.actions)
    words = [f"Run {run.id} {_VERBS[run.state]} after {format_duration(result.duration)}."]
    mentions = {Mention.RUN, Mention.DURATION}
    if counts:
        words.append(counts)
        mentions.add(Mention.COUNTS)
    failed = any(action.state is ActionState.FAILED for action in result.actions)
    if run.state is State.FAILURE and result.actions and not failed:
        words.append("No action failed: the run failed before any of them ran, or around them.")
    good = run.state is State.SUCCESS
    hint: Text = () if good else ("Its log says why: ", Link(run.log_url))
    return Words(
        message=(" ".join(words),),
        hint=hint,
        mentions=frozenset(mentions),
    )


def notes_on_result(result: Result, *, has_actions: bool = True) -> tuple[Note, ...]:
    """Return what the report of a run leaves out and why, or that the run built nothing.

    ``has_actions`` says that the service knows the actions of a run.
    """
    if result.actions_error is not None:
        failed = result.run.state is State.FAILURE
        lost = "say which of them failed" if failed else "list them"
        text = f"The actions of the run could not be read, so this report cannot {lost}."
        return (_note_on_error(text, result.actions_error),)
    if result.details_error is not None and result.actions:
        text = (
            "What the compilation says of the actions could not be read, so this report has "
            "neither their files nor what they blocked."
        )
        return (_note_on_error(text, result.details_error),)
    if has_actions and {action.state for action in result.actions} <= {ActionState.DISABLED}:
        return (Note(title="Dataform: nothing was built", text=_nothing_built(result)),)
    return ()


def _nothing_built(result: Result) -> str:
    if result.actions:
        return "All actions of the run are disabled: nothing was built."
    text = "The run had no actions: nothing was built."
    if result.run.state is State.SUCCESS:
        text += (
            " Check which tags and actions are selected, in the inputs or in the workflow "
            "configuration."
        )
    return text


def _note_on_error(text: str, error: DataformError) -> Note:
    lines = [text, error.message, error.hint if error.has_remedy else ""]
    return Note(title="Dataform: the report is incomplete", text="\n".join(filter(None, lines)))


def words_of_compilation(compilation: Compilation) -> Words:
    """Return the words for a compilation without errors that was all that was asked for."""
    commit = f" of commit {compilation.commit}" if compilation.commit else ""
    return Words(
        message=(f"The compilation{commit} has no errors. Nothing was run (compile-only: true).",)
    )


def words_of_start(run: Run) -> Words:
    """Return the words for a run that is not waited for."""
    return Words(
        message=(f"Run {run.id} was started and is not waited for (wait: false).",),
        mentions=frozenset({Mention.RUN}),
    )


def words_of_error(error: DataformError, run: Run | None) -> Words:
    """Return an error's own words, in which known addresses become links."""
    urls = ("" if run is None else run.log_url, _url_of(error))
    mentions: frozenset[Mention] = frozenset()
    if run is not None and not run.state.ended:
        # Those of a run that ended are about what came after it.
        match error:
            case WaitTimeout():
                mentions = frozenset({Mention.RUN, Mention.DURATION})
            case GaveUp():
                mentions = frozenset({Mention.RUN})
    return Words(
        message=_in_parts(error.message, *urls),
        hint=_in_parts(error.hint, *urls),
        mentions=mentions,
    )


def words_of_signal(signal: Interrupted, run_outcome: RunOutcome) -> Words:
    """Return the words for a step that a signal stopped, and for what that means to its run."""
    stopped = f"The step was stopped by {signal.name}."
    lost = signal.__cause__ or signal.__context__
    if run_outcome.run is not None:
        return _words_of_stopped_run(stopped, run_outcome.run, run_outcome)
    if isinstance(lost, RunMayExist):
        words = words_of_error(lost, None)
        return Words(message=(f"{stopped} ", *words.message), hint=words.hint)
    if signal.cut_short or run_outcome.may_exist:
        return Words(
            message=(f"{stopped} It was about to create a run, so the run may exist.",),
            hint=("Look at the project's runs before you run this again.",),
        )
    return Words(message=(f"{stopped} No run was created.",))


def _words_of_stopped_run(stopped: str, run: Run, run_outcome: RunOutcome) -> Words:
    log = Link(run.log_url)
    hint = ("The run: ", log)
    if run.state.ended:
        return Words(message=(f"{stopped} The run had ended by then: {run.status}.",), hint=hint)
    fate, named = _fate(run, log, run_outcome)
    return Words(
        message=(f"{stopped} ", *fate) if fate else (stopped,),
        hint=() if log in fate else hint,
        mentions=frozenset({Mention.RUN}) if named else frozenset(),
    )


def _fate(run: Run, log: Link, run_outcome: RunOutcome) -> tuple[Text, bool]:
    """Return what becomes of a run that goes on without the step, and whether that names it."""
    match run_outcome.cancellation:
        case CancelRequested() | LeftRunning(error=None | CancelUnsupported()) as update:
            return _in_parts(str(update).rstrip(), log.url), True
        case LeftRunning() as update:
            return _in_parts(str(update).rstrip(), log.url), False
        case None if not run_outcome.waits:
            return (f"Run {run.id} goes on, since wait is false: ", log), True
    return (), False


def words_of_internal_error(error: BaseException, run: Run | None) -> Words:
    """Return the words for an error that nobody foresaw."""
    report = "Please report it with the lines above."
    return Words(
        message=(f"{type(error).__name__}: {error}",),
        hint=(report,) if run is None else (f"{report} The run: ", Link(run.log_url)),
    )


def _url_of(error: DataformError) -> str:
    return error.url if isinstance(error, RunMayExist) else ""


def _in_parts(text: str, *urls: str) -> Text:
    """Return a text that others wrote in parts, with the addresses that it holds as links."""
    # Longest first: one may begin with another.
    known = sorted(filter(None, urls), key=len, reverse=True)
    if not known:
        return (text,) if text else ()
    parts = re.split(f"({'|'.join(map(re.escape, known))})", text)
    return tuple(Link(part) if part in known else part for part in parts if part)


def count_states(actions: tuple[Action, ...]) -> str:
    """Return the counts of the states, such as: Of 40 actions, 3 failed, 37 succeeded."""
    counts = Counter(action.state for action in actions)
    parts = [
        f"{counts[state]} {one if counts[state] == 1 else many}"
        for state, one, many in _ACTION_VERBS
        if counts[state]
    ]
    total = "1 action" if len(actions) == 1 else f"{len(actions)} actions"
    return f"Of {total}, {', '.join(parts)}." if parts else ""


def took(seconds: float) -> str:
    """Return a duration for people; what is under a second is not nothing."""
    return format_duration(seconds) if seconds >= 1 else "under 1s"


def all_of(count: int) -> str:
    """Return the words for all actions, such as ``All 7 actions``."""
    return "The one action" if count == 1 else f"All {count:,} actions"


def count_of(count: int, noun: str) -> str:
    """Return a number of things, such as ``1 action`` and ``2 actions``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
