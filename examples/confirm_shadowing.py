"""Confirm, with real BigQuery, what the check of a plan relies on.

The plan job checks a query against tables that do not exist yet: it puts a WITH clause in front of
the query, whose names are the full names of the tables. This program sends such dry runs to your
BigQuery, and checks the responses. Nothing is run, and nothing is billed.

    pip install . google-auth
    gcloud auth application-default login
    python examples/confirm_shadowing.py my-project

The caller needs the role roles/bigquery.jobUser on the project. The exit code is 0 if BigQuery
behaves as expected, 1 if it does not, and 3 if there is no usable response.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from dataform_action import ApplicationDefaultCredentials, BigQueryWarehouse, Column, DataformError
from dataform_action.plan import DryRun, Inconclusive, InvalidQuery
from dataform_action.plans.checks.references import References
from dataform_action.plans.checks.shadows import make_statement

#: A public table with the columns word, word_count, corpus and corpus_date, in the location US.
PUBLIC = "bigquery-public-data.samples.shakespeare"
#: The types that a column can have.
TYPES = (
    *("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC", "BOOL", "STRING", "BYTES", "DATE", "DATETIME"),
    *("TIME", "TIMESTAMP", "GEOGRAPHY", "JSON", "INTERVAL", "RANGE<DATE>", "RANGE<DATETIME>"),
    *("RANGE<TIMESTAMP>", "ARRAY<STRING>", "STRUCT<order STRING, b INT64>"),
    "ARRAY<STRUCT<a ARRAY<STRUCT<b DATE>>, c BYTES>>",
)

Result = DryRun | InvalidQuery | Inconclusive


class Claim(NamedTuple):
    """What should be true: a query, and whether its result is as expected."""

    text: str
    sql: str
    holds: Callable[[Result], bool]


def hide(query: str, name: str = PUBLIC, *types: str) -> str:
    """Return a query in which a table is hidden as the plan job hides it."""
    columns = (Column("extra", "INT64"), *(Column(f"c{i}", type_) for i, type_ in enumerate(types)))
    return make_statement(query, {name: columns}, References(query)).sql


def is_hidden(result: Result) -> bool:
    """Return whether a query is valid and reads no table."""
    return isinstance(result, DryRun) and not result.tables and bool(result.columns)


def is_invalid(words: str) -> Callable[[Result], bool]:
    """Return a test for an error that has some words and a position."""
    return lambda result: (
        isinstance(result, InvalidQuery) and words in result.message and result.line is not None
    )


def reads_the_table(result: Result) -> bool:
    """Return whether a query is valid and reads the public table."""
    return isinstance(result, DryRun) and PUBLIC in result.tables


def claims(project: str) -> Iterator[Claim]:
    """Yield everything to confirm."""
    table = f"`{PUBLIC}`"
    parts = ".".join(f"`{part}`" for part in PUBLIC.split("."))
    missing = f"{project}.no_such_dataset_of_dataform_action.t"
    yield Claim("A table is read", f"SELECT word FROM {table}", reads_the_table)
    hidden = {
        "A table can be hidden": f"SELECT extra FROM {table}",
        "An alias works": f"SELECT x.extra FROM {table} AS x",
        "The whole name is an alias": f"SELECT {table}.extra FROM {table}",
        "A join works": f"SELECT a.extra FROM {table} a JOIN {table} b USING (extra)",
        "A subquery works": f"SELECT (SELECT MAX(extra) FROM {table}) AS x",
        "A WITH clause works": f"WITH a AS (SELECT extra FROM {table}) SELECT * FROM a",
        "WITH RECURSIVE works": (
            f"WITH RECURSIVE r AS (SELECT extra AS n FROM {table} UNION ALL "
            "SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r"
        ),
        "A parenthesis works": f"(SELECT extra FROM {table}) UNION ALL (SELECT 1)",
        "Pipe syntax works": f"FROM {table} |> SELECT extra",
        "A semicolon and comments work": f"/* a */ -- b\nSELECT extra FROM {table}; -- c",
    }
    for text, query in hidden.items():
        yield Claim(text, hide(query), is_hidden)
    all_types = hide(f"SELECT * FROM {table}", PUBLIC, *TYPES)
    yield Claim("Every type of column can be hidden", all_types, is_hidden)
    query = f"SELECT extra FROM `{missing}`"
    yield Claim("A table that does not exist can be hidden", hide(query, missing), is_hidden)
    lost = hide(f"SELECT\n  word FROM {table}")
    yield Claim(
        "A hidden table has no other columns",
        lost,
        lambda result: (
            is_invalid("word")(result) and isinstance(result, InvalidQuery) and result.line == 3
        ),
    )
    yield Claim(
        "Another spelling of the name is not hidden, and is listed",
        hide(f"SELECT b.word FROM {table} a CROSS JOIN {parts} b"),
        reads_the_table,
    )
    captured = f"`{PUBLIC.replace('samples', 'Samples')}`"
    yield Claim(
        "A name that differs only in case is hidden as well",
        hide(f"SELECT extra FROM {table}").replace(f"FROM {table}", f"FROM {captured}"),
        is_hidden,
    )


def describe(result: Result) -> str:
    """Return a result in words."""
    if isinstance(result, DryRun):
        return f"valid, reads {', '.join(result.tables) or 'no table'}"
    kind = "invalid" if isinstance(result, InvalidQuery) else "no statement on the query"
    return f"{kind}: {result.message} (line {getattr(result, 'line', None)})"


def confirm(warehouse: BigQueryWarehouse, project: str) -> int:
    """Check all claims, print each of them, and return how many do not hold."""
    wrong = 0
    for claim in claims(project):
        try:
            result: Result = warehouse.dry_run(claim.sql, "US")
        except (InvalidQuery, Inconclusive) as error:
            result = error
        if claim.holds(result):
            print(f"yes  {claim.text}")
        else:
            wrong += 1
            print(f"NO   {claim.text}\n     BigQuery says: {describe(result)}\n     {claim.sql!r}")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code."""
    parser = argparse.ArgumentParser(description="Confirm how BigQuery checks hidden tables.")
    parser.add_argument("project", help="the project of the dry runs")
    parser.add_argument("--api-url", default="https://bigquery.googleapis.com")
    options = parser.parse_args(arguments)
    token = os.environ.get("DATAFORM_TOKEN") or ApplicationDefaultCredentials(os.environ)
    try:
        warehouse = BigQueryWarehouse(
            project_id=options.project, token=token, api_url=options.api_url
        )
        wrong = confirm(warehouse, options.project)
    except DataformError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        return 3
    if wrong:
        print(f"\n{wrong} of these differ: the check of a plan may be wrong. Please report them.")
        return 1
    print("\nBigQuery behaves as the check of a plan expects.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
