"""The examples and the pages that show them; make test-orchestrators executes them."""

from __future__ import annotations

from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("page", "example"), [("airflow", "airflow_dag"), ("luigi", "luigi_task")])
def test_the_page_has_the_whole_file(page: str, example: str) -> None:
    """What a page shows last is the example as it is: copy the file there after a change."""
    code = (_ROOT / "examples" / f"{example}.py").read_text("utf-8")
    _, shown = (_ROOT / "docs" / f"{page}.md").read_text("utf-8").split("## The file\n\n")
    assert shown == f"```python\n{code}```\n"
