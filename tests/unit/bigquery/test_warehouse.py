"""Columns of tables, and the use from several threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import responses

from dataform_action.bigquery.warehouse import BigQueryWarehouse
from dataform_action.emulator import DEFAULT_TOKEN, Emulator
from dataform_action.emulator.bigquery.queries import DryRun as Prepared
from dataform_action.errors import CredentialsRefused, InputError, Refused
from dataform_action.plan import Column, Inconclusive
from tests.unit.bigquery.support import API
from tests.unit.bigquery.test_dry_runs import make_warehouse

TABLE = f"{API}/my-project/datasets/shop/tables/orders"


def columns() -> tuple[Column, ...] | None:
    return make_warehouse().columns("my-project.shop.orders")


def test_columns_of_a_table(api: responses.RequestsMock) -> None:
    """Only the schema is requested."""
    api.add("GET", TABLE, json={"schema": {"fields": [{"name": "id", "type": "INTEGER"}]}})
    assert columns() == (Column("id", "INT64"),)
    fields = "schema/fields(name,type,mode,fields,rangeElementType)"
    assert api.calls[0].request.url == f"{TABLE}?fields={fields}"


def test_equal_schemas_are_one_object(api: responses.RequestsMock) -> None:
    """The columns of many tables take little memory if they are the same."""
    number, text = {"name": "id", "type": "INT64"}, {"name": "name", "type": "STRING"}
    for found in ([number, text], [number, text], [text, number]):
        api.add("GET", TABLE, json={"schema": {"fields": found}})
    warehouse = make_warehouse()
    first, same, other = [warehouse.columns("my-project.shop.orders") for _ in range(3)]
    assert first is same
    assert first is not None
    assert other is not None
    assert other[1] is first[0]


def test_names_cannot_change_the_path(api: responses.RequestsMock) -> None:
    """A name that has special characters is encoded."""
    api.add("GET", f"{API}/example.com:old/datasets/a%2Fb/tables/c%20d%3F", json={})
    assert make_warehouse().columns("example.com:old.a/b.c d?") == ()


@pytest.mark.parametrize("name", ["orders", "shop.orders", "p..t", "../x.d.t", "my-project.d.", ""])
def test_names_that_are_not_full(name: str) -> None:
    """A text that is no full name is not sent."""
    with pytest.raises(Inconclusive, match="is not the full name of a table"):
        make_warehouse().columns(name)


def test_tables_that_cannot_be_read(api: responses.RequestsMock) -> None:
    """One that does not exist is not an error; a missing permission names the role."""
    api.add("GET", TABLE, json={"error": {"message": "Not found: Table"}}, status=404)
    api.add("GET", TABLE, json={"error": {"message": "Access Denied: Table x."}}, status=403)
    api.add("GET", TABLE, json={"error": {"message": "Invalid credentials"}}, status=401)
    assert columns() is None
    with pytest.raises(Inconclusive) as caught:
        columns()
    assert caught.value.message == (
        "Access Denied: Table x. Grant the caller roles/bigquery.dataViewer on project my-project."
    )
    with pytest.raises(Refused):
        columns()


def test_missing_credentials() -> None:
    """Without a token, nothing is sent."""

    def token() -> str:
        raise CredentialsRefused("no credentials")

    with pytest.raises(CredentialsRefused):
        make_warehouse(token=token).columns("my-project.shop.orders")
    with pytest.raises(CredentialsRefused):
        make_warehouse(token=token).dry_run("SELECT 1", "EU")


def test_arguments_are_checked_at_once() -> None:
    """A wrong argument is reported before any request."""
    with pytest.raises(InputError, match="project_id"):
        make_warehouse(project_id="no project")


class Token:
    """A token that the service does not accept until it is renewed."""

    def __init__(self) -> None:
        self.value = "an-old-token"
        self.renewals = 0
        self.lock = threading.Lock()

    def __call__(self) -> str:
        return self.value

    def invalidate(self, token: str) -> None:
        with self.lock:
            if token == self.value:
                self.value = DEFAULT_TOKEN
                self.renewals += 1


def test_threads_share_a_token_and_no_connection() -> None:
    """Eight threads whose token is not accepted renew it once, and all of them get responses."""
    token, gate = Token(), threading.Barrier(8, timeout=30)
    with Emulator() as emulator:
        emulator.prepare_dry_run("SELECT", Prepared(bytes_processed=7))
        warehouse = BigQueryWarehouse(project_id="my-project", token=token, api_url=emulator.url)

        def run(_number: int) -> int | None:
            gate.wait()
            return warehouse.dry_run("SELECT 1", "EU").scan.bytes

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(run, range(8))) == [7] * 8
    assert token.renewals == 1
