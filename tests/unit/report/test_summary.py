"""The job summary: what it shows first, and what it does without when there is no room."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.model import (
    Action,
    ActionState,
    CompiledAction,
    CompileError,
    RunRequest,
    State,
)
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.words import Link, Mention, Words
from tests.support.fakes import make_action, make_run
from tests.support.golden import (
    FILES_URL,
    FOLDER,
    Case,
    make_subject,
    outcomes,
    ran,
    render,
    skipped,
)


def _render(outcome: StepOutcome, limit: int = SUMMARY_LIMIT) -> str:
    return render(outcome, make_subject(RunRequest(schedule="nightly")), limit)


def _said(*message: str | Link, hint: str = "", mentions: Iterable[Mention] = ()) -> Words:
    return Words(message=message, hint=(hint,), mentions=frozenset(mentions))


def _outcome(*actions: Action, **changes: object) -> StepOutcome:
    outcome = StepOutcome(
        exit_code=ExitCode.RUN_UNSUCCESSFUL,
        status=State.FAILURE,
        title="Title",
        words=_said("It failed."),
        actions=actions,
    )
    return replace(outcome, **changes)  # type: ignore[arg-type]


def _failed(name: str, **more: object) -> Action:
    return make_action(name, ActionState.FAILED, **more)


@pytest.mark.parametrize(("name", "case"), outcomes().items(), ids=outcomes())
def test_summaries_are_as_they_were_read(name: str, case: Case) -> None:
    """Each kind of outcome has the summary that was looked at: python -m tests.golden."""
    assert render(*case).encode("utf-8", "replace") == (FOLDER / f"{name}.md").read_bytes()


def test_every_golden_file_belongs_to_an_outcome() -> None:
    """No file outlives its outcome."""
    assert {path.stem for path in FOLDER.iterdir()} == set(outcomes())


@pytest.mark.parametrize(
    ("exit_code", "status", "icon"),
    [
        (ExitCode.SUCCESS, State.SUCCESS, "✅"),
        (ExitCode.SUCCESS, State.RUNNING, "▶️"),
        (ExitCode.NO_ANSWER, State.RUNNING, "❌"),
        (ExitCode.RUN_UNSUCCESSFUL, State.FAILURE, "❌"),
    ],
)
def test_a_summary_shows_the_outcome_at_a_glance(
    exit_code: ExitCode, status: State, icon: str
) -> None:
    """A run that was started, one that succeeded and everything else have an icon each."""
    assert _render(_outcome(exit_code=exit_code, status=status)).startswith(f"## {icon} Title\n")


def test_what_is_most_important_comes_first() -> None:
    """The outcome, what was run, what failed, when it ran, and then all the rest."""
    text = render(*outcomes()["google-failure"])
    marks = ("## ❌", "Open the run's log", "**Project**", "### 3 failed", "### Timeline")
    places = [text.index(mark) for mark in (*marks, "What ran took", "<summary>All 16 actions")]
    assert places == sorted(places)


def test_actions_of_the_project_are_named_without_it() -> None:
    """The project stands above; another project's name stays, as does what is no full name."""
    actions = (
        _failed("my-project.d.a"),
        _failed("other.d.a"),
        _failed("my-project.b"),
        skipped("d.c", "d.a"),
    )
    text = _render(_outcome(*actions))
    headings = [line for line in text.splitlines() if line.startswith("#### ")]
    names = ("d.a", "my-project.b", "other.d.a")
    assert headings == [f"#### <code>{name}</code>" for name in names]
    assert "Held up 1 action: <code>d.c</code>" in text


def test_states_are_counted_where_the_message_does_not() -> None:
    """A step that ended before its run shows how far that was."""
    actions = (make_action("d.a"), make_action("d.b", ActionState.RUNNING))
    assert "**Actions** ▶️ 1 running · ✅ 1 succeeded" in _render(_outcome(*actions))
    counted = _said("Of 2 actions, 1 succeeded.", mentions=[Mention.COUNTS])
    assert "**Actions**" not in _render(_outcome(*actions, words=counted))


@pytest.mark.parametrize(
    ("mention", "fact"),
    [(Mention.RUN, "**Run** <code>77</code>"), (Mention.DURATION, "**Duration** 1m 5s")],
)
def test_what_the_message_gives_is_no_fact_beside_it(mention: Mention, fact: str) -> None:
    """Whoever writes the words says what they give: the same letters in them do not count."""
    outcome = _outcome(run=make_run(), duration=65.0, words=_said("GET /run/77 took 1m 5s."))
    assert fact in _render(outcome)
    words = replace(outcome.words, mentions=frozenset({mention}))
    assert fact not in _render(replace(outcome, words=words))


def test_a_log_that_the_words_do_not_name_is_linked_all_the_same() -> None:
    """The link to the run's log stands beside the words, once."""
    for name in ("web-success", "web-failure", "gave-up", "timeout", "signal", "defect"):
        assert render(*outcomes()[name]).count("[Open the run's log](<") == 1


def test_addresses_in_the_words_are_links() -> None:
    """The run's log has a name, another page its address, and each line its own paragraph."""
    log, other = Link("https://a.example/1"), Link("https://a.example/12")
    words = Words(message=("One.\nAt ", other, " or\n\n", log, "\n"), hint=("Two.",))
    run = make_run(log_url=log.url)
    text = _render(_outcome(run=run, words=words))
    assert text.startswith(
        "## ❌ Title\n\nOne.\n\n"
        "At [<code>https&#58;//a.example/12</code>](<https://a.example/12>) or\n\n"
        "[Open the run's log](<https://a.example/1>)\n\nTwo.\n\n**Service**"
    )


def test_an_address_that_is_not_safe_is_no_link() -> None:
    """It is shown as text, wherever it stands."""
    unsafe = Link("javascript:alert")
    run = make_run(log_url=unsafe.url)
    text = _render(_outcome(run=run, words=Words(message=("See ", unsafe))))
    assert "See <code>javascript&#58;alert</code>\n\n**Service**" in text


def test_many_failures_are_told_in_full_and_then_by_row() -> None:
    """The 20 that blocked the most have their reasons, the others a row each."""
    failures = [_failed(f"d.f{n:02}", reason=f"reason {n}") for n in range(25)]
    blocked = [
        make_action(f"d.s{n}", ActionState.SKIPPED, dependencies=("d.f24",)) for n in range(300)
    ]
    text = _render(_outcome(*failures, *blocked))
    headings = re.findall("#### <code>(.*)</code>", text)
    assert headings == ["d.f24", *(f"d.f{n:02}" for n in range(19))]
    assert "<summary>5 more failed actions</summary>" in text
    assert "| <code>d.f19</code> |  | <code>reason 19</code> |  |" in text
    assert "Held up 300 actions: <code>d.s0</code>, " in text
    assert "<code>d.s101</code> and 295 more</summary>" in text
    assert text.count(" and 100 more\n") == 1


def test_many_compile_errors_are_told_in_full_and_then_by_row() -> None:
    """The first 20 have code blocks, the others a row each, with their places."""
    errors = tuple(
        CompileError(message=f"e{n}", file="a.js", line=n + 1, action="d.a") for n in range(22)
    )
    text = _render(_outcome(compile_errors=errors, files_url=FILES_URL))
    assert text.count("```text\n") == 20
    assert "<summary>2 more compile errors</summary>" in text
    row = f"| [<code>a.js&#58;22</code>](<{FILES_URL}/a.js#L22>) | <code>e21</code> |"
    assert f"{row} <code>d.a</code> |" in text


def test_what_would_run_is_counted_by_type_and_tag() -> None:
    """What is disabled or declared is not counted; tags beyond 50 are only numbered."""
    compiled = (
        *(CompiledAction(name=f"d.a{n}", kind="view", tags=(f"t{n:02}", "z")) for n in range(51)),
        CompiledAction(name="d.b", kind="table", disabled=True, tags=("z",)),
        CompiledAction(name="d.c", kind="declaration"),
    )
    text = _render(_outcome(exit_code=ExitCode.SUCCESS, compiled=compiled))
    assert (
        "| view | 51 |\n| **In all** | **51** |\n\nNot counted: 1 disabled, 1 declaration." in text
    )
    assert "| <code>z</code> | 51 |" in text
    assert "And 2 more tags." in text
    assert "<summary>All 52 actions</summary>" in text
    alone = _render(_outcome(compiled=compiled[-1:]))
    assert "<details>" not in alone


def _large() -> StepOutcome:
    """Return the outcome of a run whose texts are as long as they can be."""
    wide = "\U0001f389"
    actions = [
        _failed(
            f"{wide * 300}.{n}",
            reason=f"{wide * 120}\n" * 100,
            file="d/" + wide * 300,
            job_url=f"https://a/{'x' * 1900}",
            kind=wide * 3000,
        )
        for n in range(150)
    ]
    held = [
        replace(action, name=f"s{action.name}", state=ActionState.SKIPPED, reason="")
        for action in actions
    ]
    held = [replace(action, dependencies=tuple(a.name for a in actions)) for action in held]
    return _outcome(*actions, *held, words=_said(wide * 9000, hint=wide * 9000))


@pytest.mark.parametrize("limit", [SUMMARY_LIMIT, 300_000, 60_000, 2000, 0])
def test_a_summary_stays_inside_its_limit(limit: int) -> None:
    """Whatever the texts are, the bytes are not too many, and what is missing is named."""
    text = _render(_large(), limit)
    assert len(text.encode()) <= max(limit, 1000)
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0
    assert re.search("more .*, which are not shown|^Left out for want of room: ", text, re.M)
    if limit >= 60_000:
        assert text.startswith("## ❌ Title\n")
        assert "### 150 failed actions" in text


def test_rows_are_left_out_before_blocks() -> None:
    """What failed is there in full when the table of all actions has room for a part only."""
    actions = [_failed("d.failed", reason="Division by zero")]
    actions += [make_action(f"d.a{n:04}") for n in range(900)]
    whole, part = _render(_outcome(*actions)), _render(_outcome(*actions), 20_000)
    assert "not shown" not in whole
    assert whole.count("\n| ") == 902
    assert "Division by zero" in part
    shown = part.count("\n| ") - 1
    assert 100 < shown < 901
    assert f"And {901 - shown} more actions, which are not shown here." in part


def test_no_more_rows_than_can_be_read() -> None:
    """A table ends after 1,000 rows, the failed and slowest."""
    actions = [ran(f"d.a{n:04}", 0, n) for n in range(1500)]
    text = _render(_outcome(*actions))
    assert text.count("| ✅ succeeded |") == 1000
    assert "| <code>d.a1499</code> |" in text
    assert "<code>d.a0499</code>" not in text
    assert "And 500 more actions, which are not shown here." in text
