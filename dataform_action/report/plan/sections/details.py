"""The smaller parts of a plan: what is removed, not checked, or different in production."""

from __future__ import annotations

from dataform_action.github.markdown import Page, code, prose, row
from dataform_action.plan import Change, Plan, Verdict
from dataform_action.report.plan.sections.tables import show_columns
from dataform_action.report.plan.words import Style, listed
from dataform_action.text import count_of

_MOST_REASONS = 15
_MOST_NAMES = 3
_MOST_LISTED = 10
_REASON_LIMIT = 300


def add_removed(page: Page, plan: Plan, style: Style) -> None:
    """Add what is removed, and which declarations are added or removed."""
    lines = []
    removed = [action.name for action in plan.by_change(Change.REMOVED)]
    if removed:
        names = listed(removed, _MOST_LISTED, style.action)
        it, stays = ("it", "it stays") if len(removed) == 1 else ("them", "they stay")
        lines += [f"➖ Removed: {names}. Dataform does not drop {it}: {stays} in BigQuery.", ""]
    for label, declared in declarations_of(plan):
        lines += [f"{label}: {listed(declared, _MOST_LISTED, style.action)}.", ""]
    if lines:
        page.add("removed actions and declarations", lines[:-1])


def declarations_of(plan: Plan) -> list[tuple[str, tuple[str, ...]]]:
    """Return the declarations that are added or removed, each list with its label."""
    found = (
        ("Newly declared sources", plan.declarations_added),
        ("Sources that are no longer declared", plan.declarations_removed),
    )
    return [(label, names) for label, names in found if names]


def add_full_refreshes(page: Page, plan: Plan, style: Style) -> None:
    """Add which incremental tables need a full refresh, by reason."""
    reasons: dict[str, list[str]] = {}
    for action in plan.actions:
        if action.full_refresh:
            reasons.setdefault(action.full_refresh, []).append(action.name)
    lines = []
    for reason, names in list(reasons.items())[:_MOST_NAMES]:
        need = "needs" if len(names) == 1 else "need"
        why = prose(reason).rstrip(".")
        lines += [f"⚠️ {listed(names, _MOST_NAMES, style.action)} {need} a full refresh: {why}.", ""]
    more = len(reasons) - _MOST_NAMES
    if more > 0:
        lines += [f"⚠️ More full refreshes are needed, for {count_of(more, 'other reason')}.", ""]
    if lines:
        page.add("full refreshes", lines[:-1])


def add_not_checked(page: Page, plan: Plan, style: Style) -> None:
    """Add what was not checked, by reason."""
    ranked = reasons_of_unchecked(plan)
    if not ranked:
        return
    count = len(plan.by_verdict(Verdict.NOT_CHECKED))
    only = prose(ranked[0][0][:_REASON_LIMIT]) if len(ranked) == 1 else ""
    why = f": {only}" if only else f", for {count_of(len(ranked), 'reason')}"
    page.fold(
        f"<b>{count:,} not checked</b>{why}",
        "reasons",
        ("| Reason | Actions | Names |", "|---|---:|---|"),
        (
            row(
                prose(reason[:_REASON_LIMIT]),
                f"{len(names):,}",
                listed(names, _MOST_LISTED, style.action),
            )
            for reason, names in ranked
        ),
        most=_MOST_REASONS,
        total=len(ranked),
    )


def reasons_of_unchecked(plan: Plan) -> list[tuple[str, list[str]]]:
    """Return why actions were not checked, with their names: first what most actions share."""
    reasons: dict[str, list[str]] = {}
    for action in plan.by_verdict(Verdict.NOT_CHECKED):
        message = "" if action.check is None else action.check.message
        reasons.setdefault(message, []).append(action.name)
    return sorted(reasons.items(), key=lambda item: -len(item[1]))


def add_drift(page: Page, plan: Plan, style: Style, most: int) -> None:
    """Add where the tables in production differ from the base."""
    drifted = [action for action in plan.actions if action.drift]
    if not drifted:
        return
    count = count_of(len(drifted), "table")
    page.fold(
        f"<b>Production differs from the base</b> in the columns of {count}: the base is not "
        "built yet, or there was a manual change",
        "tables",
        ("| Table | Production → base |", "|---|---|"),
        (
            row(style.action(action.name), "<br>".join(show_columns(action.drift, style)))
            for action in drifted
        ),
        most=most,
        total=len(drifted),
    )


def add_metadata(page: Page, plan: Plan, style: Style, most: int) -> None:
    """Add the folded table of what builds the same, but was moved or described differently."""
    others = plan.by_change(Change.METADATA)
    if not others:
        return
    verb = "builds" if len(others) == 1 else "build"
    page.fold(
        f"<b>{count_of(len(others), 'action')} {verb} the same</b>: only files, tags, "
        "descriptions, comments, dependencies or the order differ",
        "actions",
        ("| Action | What changes |", "|---|---|"),
        (row(style.action(action.name), ", ".join(map(code, action.aspects))) for action in others),
        most=most,
        total=len(others),
    )
