"""The comment of a plan: what it shows first, what is cut, and that no text becomes Markdown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given

from dataform_action.github.files import SUMMARY_LIMIT
from dataform_action.plan import Change, Plan, Verdict
from dataform_action.report.plan.comment import render_comment, render_summary
from tests.support.github_markdown import Page, letters_of, read_page
from tests.support.hostile_markdown import elements, few, harmless, texts
from tests.support.plans import (
    BASE,
    FOLDER,
    HEAD,
    REPOSITORY_URL,
    RUN_URL,
    breaking,
    compile_errors,
    hostile,
    huge,
    include_change,
    make_plan,
    make_request,
    planned,
    plans,
    reading,
    small,
    typical,
    unchecked,
)

LIMIT = 60_000


def comment_of(plan: Plan, limit: int = LIMIT) -> str:
    return render_comment(plan, run_url=RUN_URL, limit=limit)


def show(plan: Plan) -> Page:
    return read_page(comment_of(plan), is_comment=True)


@pytest.mark.parametrize(("name", "plan"), plans().items(), ids=plans())
def test_comments_are_as_they_were_read(name: str, plan: Plan) -> None:
    """Each kind of plan has the comment that was looked at: python -m tests.support.golden."""
    assert comment_of(plan).encode("utf-8", "replace") == (FOLDER / f"{name}.md").read_bytes()


def test_every_golden_file_belongs_to_a_plan() -> None:
    """No file outlives its plan."""
    assert {path.stem for path in FOLDER.iterdir()} == set(plans())


def test_what_is_most_important_comes_first() -> None:
    """The outcome, the counts, what breaks, what changes, the graph, and then all the rest."""
    text = comment_of(breaking())
    marks = (
        *(
            "### ❌ Dataform plan: this change breaks 1 action downstream",
            "2 changed",
            "13 accepted",
        ),
        *("148 GiB → **≥ 212 GiB** (+64 GiB or more)", "#### What breaks", "needs a full refresh"),
        *(
            "Dataform core changes",
            "#### Changed and added",
            "➖ Removed",
            "raw&#46;discounts",
        ),
        *("```mermaid", "<b>12 affected</b>", "<b>1 not checked</b>", "builds the same"),
        *("<b>Changes in detail (+4 −2)</b>", "<sub>", "environment", "Dry runs only"),
    )
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


def test_breakage_is_near_the_top_of_a_large_change() -> None:
    """A change of 200 actions shows what it breaks before anything else that is long."""
    text = comment_of(include_change())
    assert text.index("reports.broken") < text.index("agg_orders") < 1500
    assert text.index("#### What breaks") < text.index("#### Changed and added") < 7000
    assert text.count("\n| ✏️") - text.split("<summary>190 more")[1].count("\n| ✏️") == 10


def test_the_same_sql_change_is_shown_once() -> None:
    """200 actions that include the same line have one diff, which is short enough to be open."""
    text = comment_of(include_change())
    assert text.count("```diff") == 1
    assert "The same change in 200 actions: " in text
    assert "#### Changes in detail (+200 −200)" in text


@pytest.mark.parametrize("limit", [3000, 8000, 20_000, LIMIT])
def test_a_comment_is_cut_by_sections(limit: int) -> None:
    """A comment keeps within its limit, says what is missing, and keeps its heading and footer."""
    text = comment_of(huge(400), limit)
    assert len(text.encode()) <= limit
    assert "Omitted to stay within GitHub's size limit: " in text or "are not shown." in text
    assert text.startswith("### ✅ Dataform plan: 400 actions accepted by BigQuery\n")
    assert text.endswith(f"[Run](<{RUN_URL}>)</sub>\n")
    assert read_page(text).dropped == ()


def test_the_footer_has_its_room() -> None:
    """A footer of any length is within the limit, because its room is kept free."""
    run_url = f"https://a.example/{'x' * 1900}"
    for limit in range(6000, 8000, 100):
        text = render_comment(huge(100), run_url=run_url, limit=limit)
        assert len(text.encode()) <= limit
        assert run_url in text


def test_a_summary_has_more_than_a_comment() -> None:
    """The job summary has a larger heading, more rows and more SQL, within GitHub's limit."""
    plan = huge(400)
    comment, summary = comment_of(plan), render_summary(plan, run_url="")
    assert summary.startswith("## ✅")
    assert len(comment) * 4 < len(summary) <= SUMMARY_LIMIT
    assert "[Run]" not in summary


@pytest.mark.parametrize(
    ("plan", "heading"),
    [
        (make_plan(), "✅ Dataform plan: no changes in the compiled SQL"),
        (small(), "✅ Dataform plan: 2 actions accepted by BigQuery"),
        (typical(), "📋 Dataform plan: 13 actions accepted by BigQuery, 1 not checked"),
        (unchecked(typical()), "📋 Dataform plan: changes, not checked by BigQuery"),
        (make_plan(planned("a.b", Change.REMOVED)), "✅ Dataform plan: nothing to check"),
        (make_plan(errors=compile_errors()), "❌ Dataform plan: 4 compile errors"),
        (
            make_plan(base_errors=compile_errors()),
            "⚠️ Dataform plan: no comparison is possible, because the base does not compile",
        ),
        (
            replace(typical(), request=make_request(max_bytes=200 * 2**30)),
            "❌ Dataform plan: this change scans at least 264 GiB, more than the limit of 200 GiB",
        ),
    ],
)
def test_the_heading_is_the_outcome(plan: Plan, heading: str) -> None:
    """A check mark means that BigQuery accepted everything, or that there was nothing to check."""
    assert comment_of(plan).startswith(f"### {heading}\n")


def test_without_a_check_nothing_is_said_about_columns_and_bytes() -> None:
    """A plan without validation has no columns, sizes or results, and says why."""
    text = comment_of(unchecked(typical()))
    assert "BigQuery did not check the SQL (`validate: false`)." in text
    assert "Only compiled: no data was read, nothing was built." in text
    for word in ("Columns", "Scan", "GiB", "unknown", "accepted"):
        assert word not in text


def test_links_lead_to_files_and_commits_of_the_repository() -> None:
    """Links lead to files of the head, to both commits and to the run, and to nothing else."""
    addresses = show(breaking()).addresses
    files = [address for address in addresses if "/blob/" in address]
    assert files
    assert all(address.startswith(f"{REPOSITORY_URL}/blob/{HEAD}/") for address in files)
    assert addresses[len(files) :] == [
        f"{REPOSITORY_URL}/commit/{HEAD}",
        f"{REPOSITORY_URL}/commit/{BASE}",
        RUN_URL,
    ]


def test_without_files_url_there_are_no_links_to_files() -> None:
    """If the code is elsewhere, only the link to the run is left."""
    assert show(replace(breaking(), files_url="")).addresses == [RUN_URL]


def test_footer_without_an_environment() -> None:
    """Without a release configuration, the footer names the commits alone."""
    assert ", environment" not in comment_of(
        replace(small(), request=make_request(environment=None))
    )
    assert ", environment <code>production</code>." in comment_of(small())


def test_errors_of_the_base_have_no_links() -> None:
    """The files of the base may differ from those of the head, so they are not linked."""
    plan = make_plan(base_errors=compile_errors())
    assert not [address for address in show(plan).addresses if "/blob/" in address]
    plan = make_plan(errors=compile_errors())
    assert f"{REPOSITORY_URL}/blob/{HEAD}/includes/dates.js#L3" in show(plan).addresses


def test_the_limit_is_shown_in_its_own_unit() -> None:
    """The sum is shown beside the limit, in the unit of the limit."""
    plan = replace(typical(), request=make_request(max_bytes=500 * 10**9))
    line = "**All scans except views:** ≥ 282.9 GB, with a limit of 500 GB (`max-bytes`)"
    assert line in comment_of(plan)


def test_only_views_change() -> None:
    """Without a changed table, the sizes are those of the others."""
    text = comment_of(make_plan(planned("a.v", kind="view", before=1, after=2)))
    assert "**Scan**: views (when read) 2 GiB" in text
    assert "Scan of the changed" not in text


def test_affected_actions_are_sorted_by_result() -> None:
    """In the fold, invalid actions come first, then those that were not checked."""
    text = comment_of(breaking()).split("<b>12 affected</b>")[1].split("</details>")[0]
    rows = [line for line in text.splitlines() if line.startswith("| <code>")]
    assert rows[0].endswith("| ❌&nbsp;invalid |")
    assert rows[1].endswith("| ⚪&nbsp;not&nbsp;checked |")
    assert all(line.endswith("| ✅&nbsp;accepted |") for line in rows[2:])


@few
@given(texts)
@example("q\n```\n# @octocat\n~~~\n<b>")
@example("q@octocat #1 :a: $b$ <b> [c](http://d.example)")
@example("q\n</details>\n--- a\n+++ b\n@@")
def test_hostile_text_makes_nothing(text: str) -> None:
    """A hostile text makes the elements, links and references of a harmless one of its shape."""
    found, meant = show(hostile(text)), show(hostile(harmless(text)))
    assert elements(found) == elements(meant)
    assert found.addresses == meant.addresses == [RUN_URL]
    assert found.references == meant.references == []
    assert found.dropped == meant.dropped == ()
    assert len(found.code_blocks("mermaid")) == len(meant.code_blocks("mermaid")) == 1
    assert len(found.code_blocks("diff")) == len(meant.code_blocks("diff")) == 1


@few
@given(texts)
def test_hostile_names_can_be_read(text: str) -> None:
    """Every letter of a name can be read in the tables, the lists and the diff."""
    marked = f"QJX{text}"
    assert letters_of(show(hostile(marked)).text).count(letters_of(marked)) >= 20


@pytest.mark.parametrize("name", sorted(plans()))
def test_line_breaks(name: str) -> None:
    """A comment has the same line breaks as a page, where the end of a line is none."""
    comment = show(plans()[name])
    assert comment.elements == read_page(comment_of(plans()[name])).elements


@pytest.mark.parametrize("name", sorted(plans()))
def test_nothing_is_mentioned(name: str) -> None:
    """No text of any plan mentions anybody or anything, and GitHub removes nothing."""
    page = show(plans()[name])
    assert page.references == []
    assert page.dropped == ()


def test_the_counts_are_those_of_the_plan() -> None:
    """The line of the counts has every change, also those that do not occur."""
    assert "✏️ 1 changed · ↪️ 1 affected** of 156 actions" in (comment_of(small()))
    assert len(breaking().by_verdict(Verdict.NOT_CHECKED)) == 1
    assert reading("a.b", "c.d").change is Change.AFFECTED


def test_a_limit_of_unknown_sizes() -> None:
    """The comment does not hide that nothing is known."""
    plan = make_plan(planned("a.b"), request=make_request(max_bytes=10**9))
    assert "**All scans except views:** unknown, with a limit of 1 GB (`max-bytes`)" in comment_of(
        plan
    )
