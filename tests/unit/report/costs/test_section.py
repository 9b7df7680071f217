"""The section of the job summary about costs."""

from __future__ import annotations

import pytest

from dataform_action.costs import ActionCost, Costs, JobCost
from dataform_action.github.markdown import Page
from dataform_action.report.costs.section import add_costs, most_expensive

MIB = 2**20


def known(megabytes: int, seconds: int = 1, *, reserved: bool | None = False) -> JobCost:
    return JobCost("job", megabytes * MIB, seconds * 1000, reserved)


def render(*actions: ActionCost, limit: int = 100_000) -> list[str]:
    page = Page(limit)
    add_costs(page, Costs(actions=actions), lambda name: name.removeprefix("p."))
    return page.render().splitlines()


def rows_of(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("| <code>")]


def make_actions(count: int, **more: bool) -> list[ActionCost]:
    return [ActionCost(f"p.d.a{n:02}", (known(n + 1, n + 1, **more),)) for n in range(count)]


def test_few_actions_are_not_folded() -> None:
    """The table has the shares of all bytes, the largest first, with short names."""
    lines = render(*make_actions(3))
    assert lines[0] == "### Costs"
    assert "<details>" not in lines
    assert rows_of(lines) == [
        "| <code>d.a02</code> | 3 MiB | 3s | 50 % |",
        "| <code>d.a01</code> | 2 MiB | 2s | 33 % |",
        "| <code>d.a00</code> | 1 MiB | 1s | 17 % |",
    ]


def test_ten_of_many_actions_are_folded() -> None:
    """A long table is folded, and its title says of how many actions it has the first ones."""
    lines = render(*make_actions(400))
    assert "<summary>The 10 most expensive of 400 actions</summary>" in lines
    assert len(rows_of(lines)) == 10
    assert rows_of(lines)[0].startswith("| <code>d.a399</code> | 400 MiB | 6m 40s | less than 1 % ")


def test_slot_time_ranks_if_no_bytes_have_a_price() -> None:
    """Under reservations, slots are what costs. So it is if nothing was billed."""
    cheap = ActionCost("p.d.cheap", (known(90, 1, reserved=True),))
    slow = ActionCost("p.d.slow", (known(1, 9, reserved=True),))
    assert rows_of(render(cheap, slow))[0] == "| <code>d.slow</code> | 1 MiB | 9s | 90 % |"
    views = [ActionCost("p.d.view", (known(0, 3),)), ActionCost("p.d.other", (known(0, 0),))]
    assert rows_of(render(*views)) == ["| <code>d.view</code> | 0 B | 3s | 100 % |"]


def test_unknown_jobs() -> None:
    """A number that is not known is not 0, and a part of a sum is a lower bound."""
    partly = ActionCost("p.d.partly", (known(2, 2), JobCost("x")))
    no_slots = ActionCost("p.d.no_slots", (JobCost("x", MIB, None, reserved=False),))
    lines = render(partly, no_slots, ActionCost("p.d.unknown", (JobCost("x"),)))
    assert rows_of(lines) == [
        "| <code>d.partly</code> | at least 2 MiB | at least 2s | 67 % |",
        "| <code>d.no_slots</code> | 1 MiB | not known | 33 % |",
    ]


@pytest.mark.parametrize("actions", [(), (ActionCost("p.d.a", (JobCost("x"),)),)])
def test_nothing_is_known(actions: tuple[ActionCost, ...]) -> None:
    """Without a known job, there is no section. A note says why."""
    assert render(*actions) == [""]


def test_costs_were_not_requested() -> None:
    """Without costs, there is no section."""
    page = Page(10_000)
    add_costs(page, None, str)
    assert page.render() == "\n"


def test_jobs_without_costs_need_no_table() -> None:
    """If nothing was billed and no slot was used, the sums are enough."""
    lines = render(ActionCost("p.d.a", (known(0, 0),)))
    assert lines[0] == "### Costs"
    assert rows_of(lines) == []


def test_equal_costs_are_sorted_by_name() -> None:
    """The order does not depend on the order of the actions."""
    actions = [ActionCost(name, (known(1),)) for name in ("p.d.b", "p.d.a")]
    ranked = most_expensive(Costs(actions=tuple(actions)), by_slots=False)
    assert [action.name for action in ranked] == ["p.d.a", "p.d.b"]


def test_hostile_names_and_limits() -> None:
    """A name is escaped, may be missing, and the section respects the limit of the page."""
    names = ["p.<b>|x|</b> @all", ""]
    lines = rows_of(render(*(ActionCost(name, (known(1),)) for name in names)))
    assert "<b>" not in lines[0]
    assert "(an action without a name)" in "\n".join(render(ActionCost("", (known(1),))))
    small = render(*make_actions(3), limit=1_100)
    assert (
        small[-1]
        == "Omitted to stay within GitHub's size limit: the costs, the most expensive actions."
    )
