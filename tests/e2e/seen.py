"""A description of the requests to the emulator."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from dataform_action.emulator import Request


def describe_requests(requests: Iterable[Request]) -> str:
    """Name the kinds of the requests in order; consecutive requests of a kind count once."""
    return ", ".join(kind for kind, _ in groupby(map(_kind_of, requests))) or "nothing"


def _kind_of(request: Request) -> str:
    """Name the kind of a request to either API."""
    last = request.segments[-1]
    if last.endswith(":cancel"):
        return "cancel"
    if request.method == "POST" and last in ("run", "workflowInvocations"):
        return "create"
    if request.method == "POST":
        return "compile"
    return "query" if last.endswith(":query") else "get"
