"""Failures in the job summary: a heading for each cause, and rows for the others."""

from __future__ import annotations

import re

import pytest

from dataform_action.model import ActionState, CompileError, Job
from dataform_action.report.summary.failures import render_job
from tests.support.fakes import make_action
from tests.support.github_markdown import Element, read_page
from tests.support.golden import FILES_URL, make_job
from tests.unit.report.support import failed_action, make_outcome, render_nightly


def test_many_reasons_are_headings_and_then_rows() -> None:
    """The 20 reasons that blocked the most have a heading each, the others a row each."""
    failures = [failed_action(f"d.f{n:02}", reason=f"reason {n}") for n in range(25)]
    blocked = [
        make_action(f"d.s{n}", ActionState.SKIPPED, dependencies=("d.f24",)) for n in range(300)
    ]
    text = render_nightly(make_outcome(*failures, *blocked))
    assert "### 25 failed actions\n" in text
    headings = re.findall("#### <code>(.*)</code>", text)
    assert headings == ["d.f24", *(f"d.f{n:02}" for n in range(19))]
    assert "<summary>5 more reasons</summary>" in text
    assert "| <code>reason 19</code> | 1 | <code>d.f19</code> |  |  |" in text
    assert "Blocked 300 actions: <code>d.s0</code>, " in text
    assert "<code>d.s101</code> and 295 more</summary>" in text
    assert text.count(" and 100 more\n") == 1


def test_equal_reasons_have_one_heading() -> None:
    """The summary shows the reason once, lists five actions, and has rows for the others."""
    failures = [
        failed_action(
            f"d.f{n}", reason=f"boom at [{n + 1}:7]", file=f"definitions/f{n}.sqlx", kind="table"
        )
        for n in range(7)
    ]
    text = render_nightly(
        make_outcome(*failures, failed_action("d.g", reason="bang"), files_url=FILES_URL)
    )
    assert (
        "### 8 failed actions (2 distinct reasons)\n\n#### 7 actions with the same reason" in text
    )
    assert text.count("boom") == 1
    assert "\nThe other reasons differ only in the action's name, job, time, or position " in text
    files = f"{FILES_URL}/definitions"
    assert (
        f"- <code>d.f4</code> · [<code>definitions/f4.sqlx</code>](<{files}/f4.sqlx>) · "
        "table failed at <code>&#91;5&#58;7&#93;</code>\n\n"
        "<details>\n<summary>2 more actions with this reason</summary>\n\n"
        "| Action | File | Details |\n|---|---|---|\n"
        f"| <code>d.f5</code> | [<code>definitions/f5.sqlx</code>](<{files}/f5.sqlx>) | "
        "table failed at <code>&#91;6&#58;7&#93;</code> |\n"
    ) in text


def test_actions_without_a_reason_have_one_heading() -> None:
    """The heading does not say that they have the same reason."""
    text = render_nightly(make_outcome(failed_action("d.a"), failed_action("d.b")))
    assert (
        "#### 2 actions without a reason\n\nThe API gives no reason.\n\n- <code>d.a</code>" in text
    )
    assert "differ only" not in text


def test_many_messages_are_headings_and_then_rows() -> None:
    """The first 20 messages have code blocks, the others a row each, with their first places."""
    errors = tuple(
        CompileError(message=f"e{n}", file="a.js", line=n + 1, action="d.a") for n in range(22)
    )
    repeated = CompileError(message="e21")
    text = render_nightly(make_outcome(compile_errors=(*errors, repeated), files_url=FILES_URL))
    assert "### 23 compile errors (22 distinct messages)" in text
    assert text.count("```text\n") == 20
    assert "<summary>2 more messages</summary>" in text
    place = f"[<code>a.js&#58;22</code>](<{FILES_URL}/a.js#L22>)"
    assert f"| <code>e21</code> | 2 | {place} | <code>d.a</code> |" in text


def test_equal_messages_have_one_heading() -> None:
    """The summary shows the message once. The first error keeps its place before the others."""
    text = render_nightly(
        make_outcome(
            compile_errors=(
                CompileError(message="nothing is not defined", file="includes/a.js"),
                *(CompileError(message="a is not defined", file=f"d/{n}.js") for n in range(7)),
                CompileError(message="of the project"),
            )
        )
    )
    assert "### 9 compile errors (3 distinct messages)" in text
    headings = re.findall("#### (.*)", text)
    assert headings == [
        "<code>includes/a.js</code>",
        "7 errors with the same message",
        "Without a file",
    ]
    assert text.count("a is not defined") == 1
    assert "- <code>d/4.js</code>\n\n<details>" in text
    assert "<summary>2 more places with this message</summary>" in text
    assert "| <code>d/5.js</code> |  |" in text


def test_messages_that_differ_in_the_action_have_a_remark() -> None:
    """The message under the heading belongs to the first error."""
    errors = tuple(
        CompileError(message=f"{name} needs x", file="d/a.js", action=name)
        for name in ("my-project.d.a", "my-project.d.b")
    )
    text = render_nightly(make_outcome(compile_errors=errors))
    assert (
        "#### 2 errors with the same message\n\n```text\nmy-project.d.a needs x\n```\n\n"
        "The other messages differ only in the action's name.\n\n"
        "- <code>d.a</code> in <code>d/a.js</code>\n"
    ) in text


def test_an_assertion_has_its_table_and_a_query() -> None:
    """BigQuery needs the full name in the query."""
    assertion = failed_action(
        "my-project.checks.a_unique", kind="assertion", checked_action="my-project.d.a", reason="no"
    )
    text = render_nightly(make_outcome(assertion))
    assert (
        "#### <code>checks.a_unique</code>\n\nassertion on <code>d.a</code> failed\n\n"
        "```text\nno\n```\n\nQuery for the rows that fail the assertion:\n\n"
        "```sql\nSELECT * FROM `my-project.checks.a_unique`\n```\n"
    ) in text
    unknown = failed_action("my-project.checks.a", kind="assertion", reason="no")
    assert "\n\nassertion failed\n\n" in render_nightly(make_outcome(unknown))


@pytest.mark.parametrize(
    ("count", "words"), [(2, "the assertions:"), (6, "the first 5 assertions:")]
)
def test_assertions_with_one_reason_have_a_query_each(count: int, words: str) -> None:
    """Each query is a statement, up to the number of actions in the list."""
    names = [f"p.checks.a{n}" for n in range(count)]
    actions = (failed_action(name, kind="assertion", reason="no") for name in names)
    text = render_nightly(make_outcome(*actions, failed_action("p.d.a", reason="no")))
    statements = "".join(f"SELECT * FROM `{name}`;\n" for name in names[:5])  # noqa: S608
    assert f"Query for the rows that fail {words}\n\n```sql\n{statements}```\n" in text


def test_the_query_of_a_long_name_has_two_lines() -> None:
    """The name stays whole, so that the query can be copied."""
    name = f"p.checks.{'a' * 100}"
    text = render_nightly(make_outcome(failed_action(name, kind="assertion", reason="no")))
    assert f"```sql\nSELECT * FROM\n`{name}`\n```\n" in text


def test_tables_that_were_blocked_come_before_assertions() -> None:
    """A missing table matters more than an assertion that did not run."""
    blocked = (
        make_action(name, ActionState.SKIPPED, dependencies=("d.f",), kind=kind)
        for name, kind in (("a.check", "assertion"), ("z.report", "table"))
    )
    text = render_nightly(make_outcome(failed_action("d.f"), *blocked))
    assert "Blocked 2 actions: <code>z.report</code>, <code>a.check</code>" in text


@pytest.mark.parametrize(
    ("job", "shown"),
    [
        (make_job("j1"), f"[Open the BigQuery job](<{make_job('j1').url.replace('&', '&amp;')}>)"),
        (Job("BigQuery job", "j1"), "BigQuery job <code>j1</code>"),
        (Job("BigQuery job", "j1", "javascript:a"), "BigQuery job <code>j1</code>"),
        (
            Job("notebook execution", "7", "https://a/", has_own_page=False),
            "notebook execution <code>7</code> ([all of the project](<https://a/>))",
        ),
        (Job("", "j1", "https://a/"), "[Open the job](<https://a/>)"),
        (Job("BigQuery job", ""), ""),
    ],
)
def test_a_job_is_a_link_or_has_a_label(job: Job, shown: str) -> None:
    """A page that lists all jobs is labelled as such, and the id of the job is shown."""
    assert render_job(job) == shown


def test_a_unit_test_shows_both_of_its_jobs() -> None:
    """A unit test has one job for the actual and one for the expected results."""
    jobs = (Job("BigQuery job (actual results)", "a"), Job("BigQuery job (expected results)", "e"))
    text = render_nightly(make_outcome(failed_action("d.t", kind="unit test", jobs=jobs)))
    assert (
        "unit test failed · BigQuery job (actual results) <code>a</code> · "
        "BigQuery job (expected results) <code>e</code>"
    ) in text


def test_a_long_reason_is_folded() -> None:
    """The first 12 lines are visible, so that the first screen shows what follows them."""
    reason = "\n".join(f"line {n}" for n in range(1, 31))
    text = render_nightly(make_outcome(failed_action("d.a", reason=reason)))
    first, fold, whole = text.partition(
        "<details>\n<summary>Full text</summary>\n\n```text\nline 1\n"
    )
    assert fold
    assert "line 12\n…\n```\n\n" in first
    assert "line 13" not in first
    assert "line 30\n```\n\n</details>" in whole
    short = render_nightly(make_outcome(failed_action("d.a", reason=reason[:80])))
    assert "Full text" not in short


def test_the_first_screen_says_what_failed_and_why() -> None:
    """The first 40 lines of a summary of 1,300 actions have the reason of all 24 failures."""
    source = "example-lake:raw_events.orders_of_all_shops_and_countries"
    failures = [
        failed_action(
            f"my-project.marts_country_performance.orders_by_country_device_and_hour_{n:02}",
            kind="incremental table",
            file=f"definitions/marts/country_performance/orders_by_country_device_{n:02}.sqlx",
            reason=f"Access Denied: Table {source}: User does not have permission to query table "
            f"{source}, or perhaps it does not exist.\nat [{n + 4}:8]",
            jobs=(make_job(f"job_{n}"),),
        )
        for n in range(24)
    ]
    names = [action.name for action in failures]
    blocked = [
        make_action(
            f"my-project.reports.r{n:03}", ActionState.SKIPPED, dependencies=(names[n % 24],)
        )
        for n in range(84)
    ]
    others = [make_action(f"my-project.staging.s{n:04}") for n in range(1300 - 24 - 84)]
    text = render_nightly(make_outcome(*failures, *blocked, *others, files_url=FILES_URL))
    before, _, _ = text.partition("\n|---")
    lines = _lines_on_screen(read_page(before).body)
    screen = "\n".join(lines[:40])
    assert "24 failed actions (1 distinct reason)" in screen
    assert "Access Denied" in screen
    assert "orders_by_country_device_and_hour_00" in screen
    assert "orders_by_country_device_and_hour_04" in screen
    assert "Blocked 84 actions: reports.r000" in screen
    assert len(lines) < 40


def _lines_on_screen(body: Element, width: int = 110) -> list[str]:
    """Return the lines of a page as a reader sees them, without what is folded."""
    shown = []
    for child in body.children:
        if isinstance(child, Element) and child.name == "details":
            text = next(part.text for part in child.children if isinstance(part, Element))
        else:
            text = child if isinstance(child, str) else child.text
        for line in filter(str.strip, text.splitlines()):
            rest = line.strip()
            while rest:
                shown.append(rest[:width])
                rest = rest[width:]
    return shown


def test_names_can_be_broken_where_they_stand() -> None:
    """In headings and tables a browser can break names after 40 characters at the latest."""
    name = f"my-project.{'long_dataset_' * 8}.{'x' * 200}"
    actions = [
        failed_action(name, file=f"definitions/{name}.sqlx", reason="a," * 100),
        make_action("d.s", ActionState.SKIPPED, dependencies=(name,)),
    ]
    text = render_nightly(make_outcome(*actions))
    words = re.split(r"<[^>]*>|\s", re.sub("&#[0-9]+;", "_", text))
    assert max(map(len, words)) <= 105
    inline = re.sub("(?s)```.*?```", "", text)
    codes = re.findall("<code>(.*?)</code>", re.sub("&#[0-9]+;", "_", inline))
    assert len(codes) > 4
    for code in codes:
        assert max(map(len, re.split("<wbr>| ", code))) <= 40
