"""Query parameters, and the pages and the order of lists."""

from __future__ import annotations

from unittest.mock import ANY
from urllib.parse import urlencode

import pytest

from dataform_action.emulator import Emulator, Rules
from dataform_action.emulator.google.errors import ApiError
from dataform_action.emulator.google.parameters import select_fields
from tests.emulator.google.support import HOME, INVALID, Warehouse


def test_queries_are_read_strictly(client: Warehouse) -> None:
    """An unknown parameter is refused; the system parameters of all methods are accepted."""
    system = "%24alt=json%3Benum-encoding%3Dint&alt=json&prettyPrint=false&fields=name&key=k&$x=1"
    assert client.data("GET", f"?{system}")["name"] == HOME
    code, message = client.error("POST", "/compilationResults?requestId=1", {})
    assert code == INVALID
    assert message == (
        'Invalid JSON payload received. Unknown name "requestId": Cannot bind query parameter. '
        "Field could not be found in request message."
    )


def test_lists_have_pages(client: Warehouse) -> None:
    """A list has pages of the requested size, and its last page has no token."""
    names = [client.compile() for _ in range(4)]
    first = client.data("GET", "/compilationResults?pageSize=3")
    token = first["nextPageToken"]
    second = client.data("GET", f"/compilationResults?page_size=9&page_token={token}")
    found = first["compilationResults"] + second["compilationResults"]
    assert [result["name"] for result in found][1:] == names
    assert "nextPageToken" not in second
    assert client.data("GET", "/workflowInvocations") == {}


@pytest.mark.parametrize(
    "path",
    [
        "/compilationResults?pageToken={}",
        "/compilationResults?orderBy=name+desc&pageToken={}",
        "/workflowInvocations?orderBy=name&pageToken={}",
        "/compilationResults?orderBy=name&pageToken=x{}",
        "/compilationResults?orderBy=name&pageToken=%C3%A4{}",
        "/compilationResults?orderBy=name&pageToken=AAAA",
    ],
)
def test_page_tokens_belong_to_their_list(client: Warehouse, path: str) -> None:
    """A token of another list, or of other parameters, is refused."""
    client.compile()
    token = client.data("GET", "/compilationResults?orderBy=name&pageSize=1")["nextPageToken"]
    message = "The page token is invalid, or belongs to a request with other parameters"
    assert client.error("GET", path.format(token)) == (INVALID, message)


def test_pages_have_a_default_and_a_largest_size() -> None:
    """Without a size, a page has the default size; no page exceeds the largest size."""
    rules = Rules(default_page_size=3, largest_page_size=5)
    with Emulator(rules=rules) as emulator:
        client = Warehouse(emulator.url)
        path = f"{client.compile().removeprefix(HOME)}:query"
        sizes = [
            len(client.data("GET", f"{path}?pageSize={size}")["compilationResultActions"])
            for size in ("", 0, 4, 1000)
        ]
        assert sizes == [3, 3, 4, 5]
        response = client.error("GET", f"{path}?pageSize=-1")
        assert response == (INVALID, "The page size must not be negative")
        client.close()


def test_lists_are_sorted(client: Warehouse) -> None:
    """Invocations can be sorted by name only; results also by time."""
    for _ in range(5):
        client.invoke("nightly")
    path = "/workflowInvocations?orderBy=name"
    up = client.data("GET", path)["workflowInvocations"]
    assert client.data("GET", f"{path}%20asc")["workflowInvocations"] == up
    assert client.data("GET", f"{path}+desc")["workflowInvocations"] == up[::-1]
    names = [invocation["name"] for invocation in up]
    assert names == sorted(names)
    results = client.data("GET", "/compilationResults?order_by=create_time")["compilationResults"]
    assert len(results) == 1
    for order in ("create_time", "name+up", "name+desc+desc"):
        code, message = client.error("GET", f"/workflowInvocations?orderBy={order}")
        assert code == INVALID
        assert message == f"Invalid order_by {order.replace('+', ' ')!r}. Sortable fields: name"
    response = client.error("GET", "/workflowInvocations?filter=state")
    assert response == (INVALID, "The emulator supports no filter for this list")


@pytest.mark.parametrize(
    ("fields", "selected"),
    [
        ("name", {"name": "n"}),
        ("name,state", {"name": "n", "state": "RUNNING"}),
        ("timing/start", {"timing": {"start": 1}}),
        ("timing(start,end)", {"timing": {"start": 1, "end": 2}}),
        ("list(target/name,job(id))", {"list": [{"target": {"name": "a"}, "job": {"id": 1}}, {}]}),
        ("list/*/name", {"list": [{"target": {"name": "a"}, "job": {}}, {}]}),
        ("unknown", {}),
        ("*", {"name": "n", "state": "RUNNING", "timing": {"start": 1, "end": 2}, "list": ANY}),
    ],
)
def test_fields_select_a_part(fields: str, selected: object) -> None:
    """A response has the named fields, and the named fields of its messages."""
    response = {
        "name": "n",
        "state": "RUNNING",
        "timing": {"start": 1, "end": 2},
        "list": [{"target": {"name": "a", "schema": "s"}, "job": {"id": 1, "sql": "x"}}, {}],
    }
    assert select_fields(urlencode({"fields": fields}), response) == selected
    assert select_fields(urlencode({"$fields": fields}), response) == selected
    assert select_fields("alt=json", response) == response


@pytest.mark.parametrize(
    "fields", [",", "a,", "a(", "a)", "a()", "a/", "/a", "a(b", "a(b))", "a(" * 5000]
)
def test_wrong_syntax_of_fields(fields: str) -> None:
    """A malformed list of fields is refused with Google's error."""
    with pytest.raises(ApiError) as caught:
        select_fields(urlencode({"fields": fields}), {"a": {}})
    assert caught.value.code == "INVALID_ARGUMENT"
    assert "Error expanding 'fields' parameter" in str(caught.value.details)
