"""Compile errors and failed actions in the job summary, with one heading for each cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dataform_action.github.markdown import Page, code, code_block, file_link, link, prose, row
from dataform_action.model import Action, CompileError, Job
from dataform_action.report.causes import CompileErrors, FailedActions, rows_query
from dataform_action.report.words import NO_REASON, took
from dataform_action.text import count_of
from dataform_action.validation import is_link

#: The number of causes with a heading. The others are rows of a folded table.
_MOST_IN_FULL = 20
_MOST_ROWS = 1000
#: The number of actions or places in the list of a cause. The others are in a folded table.
_MOST_PLACES = 5
_MOST_NAMES = 5
_MOST_FOLDED_NAMES = 200
#: The number of lines of a reason that are visible. The first screen must show more than a reason.
_MOST_REASON_LINES = 12
#: A longer query has a line break before the name of the view.
_QUERY_WIDTH = 105
_OTHER_REASONS = (
    "The other reasons differ only in the action's name, job, time, or position in the SQL."
)
_OTHER_MESSAGES = "The other messages differ only in the action's name."

#: A function that returns the short name for the full name of an action.
Shorten = Callable[[str], str]


def add_failed_actions(
    page: Page, causes: tuple[FailedActions, ...], files_url: str, shorten: Shorten
) -> None:
    """Add the failed actions by cause, with their files and jobs and what they blocked."""
    if not causes:
        return
    count = sum(len(cause.actions) for cause in causes)
    title = _title(count, "failed action", len(causes), "distinct reason")
    page.add("failed actions", [f"### {title}"])
    drawing = _Drawing(files_url, shorten)
    for cause in causes[:_MOST_IN_FULL]:
        page.add("failed actions", drawing.failed_actions(cause))
        rest = list(zip(cause.actions, cause.positions, strict=True))[_MOST_PLACES:]
        _add_rest(
            page,
            f"{count_of(len(rest), 'more action')} with this reason",
            "failed actions",
            "| Action | File | Details |",
            (drawing.action_row(action, position) for action, position in rest),
        )
    others = causes[_MOST_IN_FULL:]
    _add_rest(
        page,
        count_of(len(others), "more reason"),
        "reasons",
        "| Reason | Actions | First action | File | Blocked |",
        map(drawing.failed_actions_row, others),
    )


def add_compile_errors(
    page: Page,
    causes: tuple[CompileErrors, ...],
    files_url: str,
    shorten: Shorten,
    heading: str = "###",
) -> None:
    """Add the compile errors by cause, with their places. ``heading`` is the mark of the title."""
    if not causes:
        return
    count = sum(len(cause.errors) for cause in causes)
    title = _title(count, "compile error", len(causes), "distinct message")
    page.add("compile errors", [f"{heading} {title}"])
    drawing = _Drawing(files_url, shorten, f"{heading}#")
    for cause in causes[:_MOST_IN_FULL]:
        page.add("compile errors", drawing.compile_errors(cause))
        rest = cause.places[_MOST_PLACES:]
        _add_rest(
            page,
            f"{count_of(len(rest), 'more place')} with this message",
            "places",
            "| File | Action |",
            map(drawing.error_row, rest),
        )
    others = causes[_MOST_IN_FULL:]
    _add_rest(
        page,
        count_of(len(others), "more message"),
        "messages",
        "| Message | Errors | First file | Action |",
        map(drawing.compile_errors_row, others),
    )


def _title(count: int, noun: str, causes: int, cause: str) -> str:
    distinct = "" if causes == count else f" ({count_of(causes, cause)})"
    return f"{count_of(count, noun)}{distinct}"


def _add_rest(page: Page, title: str, name: str, head: str, rows: Iterable[str]) -> None:
    """Add a folded table, unless it has no rows."""
    shown = list(rows)
    if shown:
        line = "|" + "---|" * (head.count("|") - 1)
        page.fold(title, name, (head, line), shown, most=_MOST_ROWS)


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Draws failures. ``files_url`` is the address of the commit's files."""

    files_url: str
    shorten: Shorten
    heading: str = "####"

    def failed_actions(self, cause: FailedActions) -> list[str]:
        """Return the lines of one reason."""
        actions, count = cause.actions, len(cause.actions)
        reason = _reason(cause.reason)
        if count == 1:
            lines = [f"#### {self._name(actions[0])}", "", self._facts(actions[0], ""), "", *reason]
            places = []
        else:
            words = "with the same reason" if cause.reason.strip() else "without a reason"
            lines = [f"#### {count_of(count, 'action')} {words}", "", *reason]
            if not cause.is_exact:
                lines += ["", _OTHER_REASONS]
            shown = zip(actions[:_MOST_PLACES], cause.positions, strict=False)
            places = [f"- {self._name(it)} · {self._facts(it, position)}" for it, position in shown]
        if cause.blocked:
            lines += ["", *self._blocked(cause.blocked)]
        lines += ["", *places] if places else []
        return [*lines, *_rows_queries(actions)]

    def failed_actions_row(self, cause: FailedActions) -> str:
        """Return the row of one reason."""
        action = cause.actions[0]
        return row(
            code(cause.reason) or NO_REASON,
            f"{len(cause.actions):,}",
            self._name(action),
            file_link(action.file, self.files_url),
            str(len(cause.blocked) or ""),
        )

    def action_row(self, action: Action, position: str) -> str:
        """Return the row of one action."""
        file = file_link(action.file, self.files_url)
        return row(self._name(action), file, self._details(action, position))

    def compile_errors(self, cause: CompileErrors) -> list[str]:
        """Return the lines of one message."""
        message = _reason(cause.message)
        if len(cause.errors) == 1:
            return [f"{self.heading} {self._place(cause.errors[0])}", "", *message]
        lines = [
            f"{self.heading} {count_of(len(cause.errors), 'error')} with the same message",
            "",
            *message,
        ]
        if not cause.is_exact:
            lines += ["", _OTHER_MESSAGES]
        places = [f"- {self._place(error)}" for error in cause.places[:_MOST_PLACES]]
        return [*lines, "", *places] if places else lines

    def compile_errors_row(self, cause: CompileErrors) -> str:
        """Return the row of one message."""
        first = (*cause.places, *cause.errors)[0]
        count = f"{len(cause.errors):,}"
        return row(code(cause.message), count, self._file(first), self._action(first))

    def error_row(self, error: CompileError) -> str:
        """Return the row of one place."""
        return row(self._file(error), self._action(error))

    def _name(self, action: Action) -> str:
        return name_of(self.shorten(action.name))

    def _facts(self, action: Action, position: str) -> str:
        file = file_link(action.file, self.files_url)
        return " · ".join(filter(None, (file, self._details(action, position))))

    def _details(self, action: Action, position: str) -> str:
        """Return what failed, after how long, where in its SQL, and in which jobs."""
        kind = prose(action.kind) or "action"
        on = f" on {code(self.shorten(action.checked_action))}" if action.checked_action else ""
        after = "" if action.seconds is None else f" after {took(action.seconds)}"
        at = f" at {code(position)}" if position else ""
        jobs = map(render_job, action.jobs)
        return " · ".join(filter(None, (f"{kind}{on} failed{after}{at}", *jobs)))

    def _blocked(self, names: tuple[str, ...]) -> list[str]:
        """Return the names of blocked actions: a line, with a fold if there are many."""
        shown = [name_of(self.shorten(name)) for name in names[:_MOST_FOLDED_NAMES]]
        line = f"Blocked {count_of(len(names), 'action')}: {', '.join(shown[:_MOST_NAMES])}"
        if len(names) <= _MOST_NAMES:
            return [line]
        line += f" and {len(names) - _MOST_NAMES:,} more"
        others = ", ".join(shown[_MOST_NAMES:])
        if len(names) > _MOST_FOLDED_NAMES:
            others += f" and {len(names) - _MOST_FOLDED_NAMES:,} more"
        return ["<details>", f"<summary>{line}</summary>", "", others, "", "</details>"]

    def _place(self, error: CompileError) -> str:
        parts = (self._action(error), self._file(error))
        return " in ".join(filter(None, parts)) or "Without a file"

    def _file(self, error: CompileError) -> str:
        return file_link(error.file, self.files_url, error.line, error.column)

    def _action(self, error: CompileError) -> str:
        return code(self.shorten(error.action))


def _reason(text: str) -> list[str]:
    """Return a reason as a code block. If it is long, the whole of it is folded."""
    if not text.strip():
        return [NO_REASON]
    opening, *lines, closing = code_block(text)
    if len(lines) <= _MOST_REASON_LINES:
        return [opening, *lines, closing]
    first = [opening, *lines[:_MOST_REASON_LINES], "…", closing]
    whole = [opening, *lines, closing]
    fold = ["<details>", "<summary>Full text</summary>", "", *whole, "", "</details>"]
    return [*first, "", *fold]


def _rows_queries(actions: tuple[Action, ...]) -> list[str]:
    """Return the queries for the rows that fail the assertions among the actions."""
    queries = [query for query in map(rows_query, actions) if query]
    if not queries:
        return []
    shown = queries[:_MOST_PLACES]
    which = "the assertion" if len(queries) == 1 else "the assertions"
    if len(queries) > len(shown):
        which = f"the first {len(shown)} assertions"
    return ["", f"Query for the rows that fail {which}:", "", "```sql", *_statements(shown), "```"]


def _statements(queries: list[str]) -> list[str]:
    """Return the lines of queries. A long name gets its own line, since it cannot be wrapped."""
    end = ";" if len(queries) > 1 else ""
    lines = []
    for query in queries:
        separator = "\n" if len(query) > _QUERY_WIDTH else " "
        statement = query.replace(" FROM ", f" FROM{separator}", 1)
        lines += f"{statement}{end}".split("\n")
    return lines


def render_job(job: Job) -> str:
    """Return a link to the page of a job, or its kind and id."""
    kind = prose(job.kind) or "job"
    if job.has_own_page and is_link(job.url):
        return link(f"Open the {kind}", job.url)
    known = f"{kind} {code(job.id)}" if job.id else ""
    return f"{known} ({link('all of the project', job.url)})" if is_link(job.url) else known


def name_of(name: str) -> str:
    """Return an action's name as code, or a text in its place if it is empty."""
    return code(name) or "(an action without a name)"
