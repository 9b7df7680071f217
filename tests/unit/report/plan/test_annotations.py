"""The annotations of a plan: on which files, how many, and what they say."""

from __future__ import annotations

from dataform_action.plan import Plan
from dataform_action.report.annotations import Annotation
from dataform_action.report.plan.annotations import render_annotations
from tests.support.plans import breaking, compile_errors, include_change, make_plan, typical


def annotations_of(plan: Plan, *, is_own: bool = True) -> list[Annotation]:
    return render_annotations(plan, is_own=is_own, elsewhere="the job summary")


def test_an_invalid_action_has_an_error_on_its_file() -> None:
    """The error has the message and its reason; the position is that of the compiled query."""
    assert annotations_of(breaking()) == [
        Annotation(
            title="Dataform plan: invalid SQL",
            message="marts.revenue_by_region (not edited): Unrecognized name: region_code\n"
            "Because staging.customers no longer has region_code.\n"
            "Position in the compiled query: line 4.",
            file="definitions/marts/revenue_by_region.sqlx",
        )
    ]


def test_code_of_another_repository() -> None:
    """If the files are elsewhere, the message names the file instead."""
    [annotation] = annotations_of(breaking(), is_own=False)
    assert annotation.file == ""
    assert annotation.message.endswith("\nFile: definitions/marts/revenue_by_region.sqlx")


def test_no_errors_have_no_annotations() -> None:
    """A valid plan has none, nor have the compile errors of the base."""
    assert annotations_of(typical()) == []
    assert annotations_of(make_plan(base_errors=compile_errors())) == []


def test_compile_errors_of_the_head() -> None:
    """Each cause of compile errors has an annotation at its place."""
    first, second = annotations_of(make_plan(errors=compile_errors()))
    assert (first.file, first.line, first.column) == ("includes/dates.js", 3, 9)
    assert "The same message: my-project.marts.daily_1" in second.message


def test_there_are_as_many_as_the_runner_keeps() -> None:
    """The last one has the number of the others, and the first ones are what nobody edited."""
    found = annotations_of(include_change(broken=40))
    assert len(found) == 9
    assert found[0].message.startswith("reports.broken (not edited)")
    assert found[-1].message.endswith("\nAnd 32 more errors: see the job summary.")
