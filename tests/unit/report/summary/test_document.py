"""The job summary: what it shows first, and what it does without when there is no room."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.model import ActionState, Job, State
from dataform_action.report.outcome import ExitCode, StepOutcome
from dataform_action.report.words import Link, Mention, Words
from tests.support.fakes import make_action, make_run
from tests.support.golden import FOLDER, Case, outcomes, render, skipped
from tests.unit.report.support import failed_action, make_outcome, render_nightly, said


@pytest.mark.parametrize(("name", "case"), outcomes().items(), ids=outcomes())
def test_summaries_are_as_they_were_read(name: str, case: Case) -> None:
    """Each kind of outcome has the summary that was looked at: python -m tests.support.golden."""
    assert render(*case).encode("utf-8", "replace") == (FOLDER / f"{name}.md").read_bytes()


def test_every_golden_file_belongs_to_an_outcome() -> None:
    """No file outlives its outcome."""
    assert {path.stem for path in FOLDER.glob("*.md")} == set(outcomes())


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
    assert render_nightly(make_outcome(exit_code=exit_code, status=status)).startswith(
        f"## {icon} Title\n"
    )


def test_what_is_most_important_comes_first() -> None:
    """The outcome, what was run, what failed, when it ran, and then all the rest."""
    text = render(*outcomes()["google-failure"])
    marks = ("## ❌", "Open the run's log", "**Project**", "### 3 failed", "### Timeline")
    places = [text.index(mark) for mark in (*marks, "Critical path (", "<summary>All 16 actions")]
    assert places == sorted(places)


def test_actions_of_the_project_are_named_without_it() -> None:
    """The project stands above; another project's name stays, as does what is no full name."""
    actions = (
        failed_action("my-project.d.a", reason="1"),
        failed_action("other.d.a", reason="2"),
        failed_action("my-project.b", reason="3"),
        skipped("d.c", "d.a"),
    )
    text = render_nightly(make_outcome(*actions))
    headings = [line for line in text.splitlines() if line.startswith("#### ")]
    names = ("d.a", "my-project.b", "other.d.a")
    assert headings == [f"#### <code>{name}</code>" for name in names]
    assert "Blocked 1 action: <code>d.c</code>" in text


@pytest.mark.parametrize(
    ("mention", "fact"),
    [(Mention.RUN, "**Run** <code>77</code>"), (Mention.DURATION, "**Duration** 1m 5s")],
)
def test_what_the_message_gives_is_no_fact_beside_it(mention: Mention, fact: str) -> None:
    """Whoever writes the words says what they give: the same letters in them do not count."""
    outcome = make_outcome(run=make_run(), duration=65.0, words=said("GET /run/77 took 1m 5s."))
    assert fact in render_nightly(outcome)
    words = replace(outcome.words, mentions=frozenset({mention}))
    assert fact not in render_nightly(replace(outcome, words=words))


def test_a_log_that_the_words_do_not_name_is_linked_all_the_same() -> None:
    """The link to the run's log stands beside the words, once."""
    for name in ("web-success", "web-failure", "gave-up", "timeout", "signal", "defect"):
        assert render(*outcomes()[name]).count("[Open the run's log](<") == 1


def test_addresses_in_the_words_are_links() -> None:
    """The run's log has a name, another page its address, and each line its own paragraph."""
    log, other = Link("https://a.example/1"), Link("https://a.example/12")
    words = Words(message=("One.\nAt ", other, " or\n\n", log, "\n"), hint=("Two.",))
    run = make_run(log_url=log.url)
    text = render_nightly(make_outcome(run=run, words=words))
    assert text.startswith(
        "## ❌ Title\n\nOne.\n\n"
        "At [<code>https&#58;//a.example/12</code>](<https://a.example/12>) or\n\n"
        "[Open the run's log](<https://a.example/1>)\n\nTwo.\n\n**Service**"
    )


def test_an_address_that_is_not_safe_is_no_link() -> None:
    """It is shown as text, wherever it stands."""
    unsafe = Link("javascript:alert")
    run = make_run(log_url=unsafe.url)
    text = render_nightly(make_outcome(run=run, words=Words(message=("See ", unsafe))))
    assert "See <code>javascript&#58;alert</code>\n\n**Service**" in text


def _large(distinct: int) -> StepOutcome:
    """Return the outcome of a run with distinct reasons, whose texts are as long as they can be."""
    wide = "\U0001f389"
    actions = [
        failed_action(
            f"{wide * 300}.{n}",
            reason=f"{n % distinct} {wide * 120}\n" * 100,
            file="d/" + wide * 300,
            jobs=(Job(kind=wide * 300, id="1", url=f"https://a/{'x' * 1900}"),),
            kind=wide * 3000,
        )
        for n in range(150)
    ]
    held = [
        replace(action, name=f"s{action.name}", state=ActionState.SKIPPED, reason="")
        for action in actions
    ]
    held = [replace(action, dependencies=tuple(a.name for a in actions)) for action in held]
    return make_outcome(*actions, *held, words=said(wide * 9000, hint=wide * 9000))


@pytest.mark.parametrize("distinct", [1, 150])
@pytest.mark.parametrize("limit", [SUMMARY_LIMIT, 300_000, 60_000, 2000, 0])
def test_a_summary_stays_inside_its_limit(limit: int, distinct: int) -> None:
    """Whatever the texts are, the bytes are not too many, and what is missing is named."""
    text = render_nightly(_large(distinct), limit)
    assert len(text.encode()) <= max(limit, 1000)
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0
    assert re.search(
        "more .* are not shown|^Omitted to stay within GitHub's size limit: ", text, re.M
    )
    if limit >= 60_000:
        assert text.startswith("## ❌ Title\n")
        assert "### 150 failed actions" in text


def test_rows_are_left_out_before_blocks() -> None:
    """What failed is there in full when the table of all actions has room for a part only."""
    actions = [failed_action("d.failed", reason="Division by zero")]
    actions += [make_action(f"d.a{n:04}") for n in range(900)]
    whole, part = (
        render_nightly(make_outcome(*actions)),
        render_nightly(make_outcome(*actions), 20_000),
    )
    assert "not shown" not in whole
    assert whole.count("\n| ") == 902
    assert "Division by zero" in part
    shown = part.count("\n| ") - 1
    assert 100 < shown < 901
    assert f"{901 - shown} more actions are not shown." in part
