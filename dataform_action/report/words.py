"""The texts of a step's outcome, in parts, and small texts that renderers share. Pure."""

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
    """A fact that a text states, so that the summary need not repeat it."""

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
    """What happened, with names and values (``message``), and what to do (``hint``)."""

    message: Text
    hint: Text = ()
    mentions: frozenset[Mention] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A warning that belongs to the outcome. The title is a fixed text."""

    title: str
    text: str


_VERBS = {
    State.SUCCESS: "succeeded",
    State.FAILURE: "failed",
    State.CANCELLED: "was cancelled in Dataform",
    State.TIMED_OUT: "timed out in Dataform",
}
#: The most important state first.
_ACTION_VERBS = (
    (ActionState.FAILED, "failed", "failed"),
    (ActionState.SKIPPED, "was skipped", "were skipped"),
    (ActionState.CANCELLED, "was cancelled", "were cancelled"),
    (ActionState.SUCCEEDED, "succeeded", "succeeded"),
    (ActionState.DISABLED, "was disabled", "were disabled"),
)

_LOOK_FIRST = "Check the project's runs before you run this again."


def words_of_result(result: Result) -> Words:
    """Return the text for a run that ended by itself."""
    run, is_complete = result.run, result.actions_error is None
    counts = count_states(result.actions) if is_complete else ""
    last = result.attempts[-1] if result.attempts else result
    words = [f"Run {run.id} {_VERBS[run.state]} after {format_duration(last.duration)}."]
    if result.attempts:
        words.append(_count_attempts(result))
    mentions = {Mention.RUN, Mention.DURATION}
    if counts:
        words.append(counts)
        mentions.add(Mention.COUNTS)
    failed = any(action.state is ActionState.FAILED for action in result.actions)
    if run.state is State.FAILURE and result.actions and is_complete and not failed:
        words.append("No action failed: the run failed before or outside its actions.")
    good = run.state is State.SUCCESS
    hint: Text = () if good else (Link(run.log_url),)
    return Words(
        message=(" ".join(words),),
        hint=hint,
        mentions=frozenset(mentions),
    )


def _count_attempts(result: Result) -> str:
    count, total = len(result.attempts), format_duration(result.duration)
    if result.run.state is State.SUCCESS:
        return f"It took {count} attempts and {total} in total."
    return f"This was attempt {count}. All attempts took {total} in total."


def notes_on_retries(run_outcome: RunOutcome) -> tuple[Note, ...]:
    """Return why what failed was not run again, although that was requested."""
    if not run_outcome.not_retried:
        return ()
    text = f"No further attempt was started: {run_outcome.not_retried}"
    return (Note(title="Dataform: not retried", text=text),)


def notes_on_result(result: Result, *, has_actions: bool = True) -> tuple[Note, ...]:
    """Return what is missing in the report and why, or a warning that the run built nothing.

    ``has_actions`` says that the service knows the actions of a run.
    """
    if result.actions_error is not None:
        failed = result.run.state is State.FAILURE
        lost = "name the failed ones" if failed else "list them"
        text = f"The run's actions could not be read, so this report cannot {lost}."
        if result.actions:
            missing = "name all failed actions" if failed else "list all actions"
            text = f"This report cannot {missing}."
        return (_note_on_error(text, result.actions_error),)
    if result.details_error is not None and result.actions:
        text = (
            "The compilation could not be read, so this report has neither the files of the "
            "actions nor the actions that they blocked."
        )
        return (_note_on_error(text, result.details_error),)
    if has_actions and {action.state for action in result.actions} <= {ActionState.DISABLED}:
        return (Note(title="Dataform: nothing was built", text=_nothing_built(result)),)
    return ()


def _nothing_built(result: Result) -> str:
    if result.actions:
        return "Nothing was built: all actions of the run are disabled."
    text = "Nothing was built: the run had no actions."
    if result.run.state is State.SUCCESS:
        text += " Check the tags and actions that the inputs or the workflow configuration select."
    return text


def _note_on_error(text: str, error: DataformError) -> Note:
    lines = [text, error.message, error.hint if error.has_remedy else ""]
    return Note(title="Dataform: the report is incomplete", text="\n".join(filter(None, lines)))


def words_of_compilation(compilation: Compilation, promoted: str) -> Words:
    """Return the text for a step that only compiled, without errors.

    ``promoted`` is the environment that now uses the compilation; empty if nothing was promoted.
    """
    commit = f" of commit {compilation.commit}" if compilation.commit else ""
    text = f"The compilation{commit} has no errors. Nothing was run (compile-only: true)."
    used = f" Release configuration {promoted} now uses this compilation." if promoted else ""
    return Words(message=(f"{text}{used}",))


def words_of_start(run: Run) -> Words:
    """Return the text for a run that was started without waiting."""
    return Words(
        message=(f"Run {run.id} was started. The step does not wait for it (wait: false).",),
        mentions=frozenset({Mention.RUN}),
    )


def words_of_error(error: DataformError, run: Run | None) -> Words:
    """Return an error's own text. Known addresses in it become links."""
    urls = ("" if run is None else run.log_url, _url_of(error))
    mentions: frozenset[Mention] = frozenset()
    if run is not None and not run.state.ended:
        # For a run that ended, the error is about a later request.
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
    """Return the text for a step that a signal stopped, with the state of its run."""
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
            hint=(_LOOK_FIRST,),
        )
    if run_outcome.attempts:
        failed = run_outcome.attempts[-1].run
        return Words(
            message=(f"{stopped} Run {failed.id} had failed, and no other run was created.",),
            hint=("The run: ", Link(failed.log_url)),
        )
    return Words(message=(f"{stopped} No run was created.",))


def _words_of_stopped_run(stopped: str, run: Run, run_outcome: RunOutcome) -> Words:
    log = Link(run.log_url)
    hint = ("The run: ", log)
    if run.state.ended:
        return Words(message=(f"{stopped} The run had already ended: {run.status}.",), hint=hint)
    fate, named = _fate(run, log, run_outcome)
    return Words(
        message=(f"{stopped} ", *fate) if fate else (stopped,),
        hint=() if log in fate else hint,
        mentions=frozenset({Mention.RUN}) if named else frozenset(),
    )


def _fate(run: Run, log: Link, run_outcome: RunOutcome) -> tuple[Text, bool]:
    """Return the text on a run that outlives the step, and whether the text names the run."""
    match run_outcome.cancellation:
        case CancelRequested() | LeftRunning(error=None | CancelUnsupported()) as update:
            return _in_parts(str(update).rstrip(), log.url), True
        case LeftRunning() as update:
            return _in_parts(str(update).rstrip(), log.url), False
        case None if not run_outcome.waits:
            return (f"Run {run.id} continues, because wait is false: ", log), True
    return (), False


def words_of_internal_error(error: BaseException, run_outcome: RunOutcome) -> Words:
    """Return the text for an internal error, with what is known of the run."""
    report = "Please report it with the lines above."
    hint: Text = (report,)
    if run_outcome.run is not None:
        hint = (f"{report} The run: ", Link(run_outcome.run.log_url))
    elif run_outcome.may_exist:
        hint = (
            f"The step was about to create a run, so the run may exist. {_LOOK_FIRST} {report}",
        )
    return Words(message=(f"{type(error).__name__}: {error}",), hint=hint)


def _url_of(error: DataformError) -> str:
    return error.url if isinstance(error, RunMayExist) else ""


def _in_parts(text: str, *urls: str) -> Text:
    """Return a text in parts, with the known addresses in it as links."""
    # Longest first, because one address may be the start of another.
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
    """Return a duration for people, such as ``2m 13s`` or ``less than 1s``."""
    return format_duration(seconds) if seconds >= 1 else "less than 1s"


def all_of(count: int) -> str:
    """Return a heading for all actions, such as ``All 7 actions``."""
    return "The one action" if count == 1 else f"All {count:,} actions"
