"""The large repository of the emulated service."""

from __future__ import annotations

from dataclasses import replace

from dataform_action.emulator import Repository, make_warehouse


def make_tables(count: int, sql: str) -> Repository:
    """Return the sample repository with so many tables instead of its actions."""
    sample = make_warehouse()
    tables = [
        {
            "target": {"database": "my-project", "schema": "marts", "name": f"table_{number}"},
            "type": "table",
            "query": sql,
            "fileName": f"definitions/marts/table_{number}.sqlx",
        }
        for number in range(count)
    ]
    refs = {name: replace(commit, graph=None) for name, commit in sample.refs.items()}
    return replace(sample, graph={"tables": tables}, refs=refs)
