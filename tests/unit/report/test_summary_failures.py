"""What failed, in the job summary: the first of it in full, the rest in rows."""

from __future__ import annotations

import re

from dataform_action.model import ActionState, CompileError
from tests.support.fakes import make_action
from tests.support.golden import FILES_URL
from tests.unit.report.support import failed_action, make_outcome, render_nightly


def test_many_failures_are_told_in_full_and_then_by_row() -> None:
    """The 20 that blocked the most have their reasons, the others a row each."""
    failures = [failed_action(f"d.f{n:02}", reason=f"reason {n}") for n in range(25)]
    blocked = [
        make_action(f"d.s{n}", ActionState.SKIPPED, dependencies=("d.f24",)) for n in range(300)
    ]
    text = render_nightly(make_outcome(*failures, *blocked))
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
    text = render_nightly(make_outcome(compile_errors=errors, files_url=FILES_URL))
    assert text.count("```text\n") == 20
    assert "<summary>2 more compile errors</summary>" in text
    row = f"| [<code>a.js&#58;22</code>](<{FILES_URL}/a.js#L22>) | <code>e21</code> |"
    assert f"{row} <code>d.a</code> |" in text
