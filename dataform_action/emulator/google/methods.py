"""The methods of the API: the parameters and the body of each, and its implementation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from dataform_action.emulator.google import compilations, configs, invocations, request_bodies
from dataform_action.emulator.google.actions import render_compiled
from dataform_action.emulator.google.parameters import (
    PAGING,
    Pager,
    parse_file_path,
    parse_order,
    refuse_filter,
)
from dataform_action.emulator.google.protobuf_json import Message
from dataform_action.emulator.google.repository import RepositoryStore
from dataform_action.emulator.http.endpoint import Operation

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a method: the repository, the id in the path, the parameters, the body."""

    repository: RepositoryStore
    identifier: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    pager: Pager

    def page(
        self, name: str, items: Sequence[T], render: Callable[[T], object] = lambda item: item
    ) -> dict[str, object]:
        """Return a page of a list; an empty list is omitted. Only the page is rendered."""
        found, token = self.pager.page(items, self.path, self.query)
        shown = [render(item) for item in found]
        return ({name: shown} if shown else {}) | ({"nextPageToken": token} if token else {})


@dataclass(frozen=True, slots=True)
class Method:
    """A method; ``body_path`` is the request's field that holds the body.

    A method that is ``slow`` does not wait for other requests, and they do not wait for it.
    """

    operation: Operation
    handle: Callable[[Call], Mapping[str, object]]
    parameters: Sequence[str] = ()
    body: Message = request_bodies.NOTHING
    body_path: str = ""
    slow: bool = False


def _get_repository(call: Call) -> Mapping[str, object]:
    return call.repository.render()


def _create_compilation_result(call: Call) -> Mapping[str, object]:
    return call.repository.compile(call.body).render()


def _create_compilation_operation(call: Call) -> Mapping[str, object]:
    return call.repository.compile_long(call.body).render()


def _get_compilation_result(call: Call) -> Mapping[str, object]:
    return call.repository.compilations.find(call.identifier).render()


def _list_compilation_results(call: Call) -> Mapping[str, object]:
    refuse_filter(call.query)
    results = [result.render() for result in call.repository.compilations.results]
    fields = {"name": "name", "create_time": "createTime"}
    return call.page(compilations.COLLECTION, _sort(call, results, fields))


def _query_compilation_result(call: Call) -> Mapping[str, object]:
    result = call.repository.compilations.find(call.identifier)
    path = parse_file_path(call.query)
    actions = [action for action in result.graph.actions if path in (None, action.file_path)]
    return call.page("compilationResultActions", actions, render_compiled)


def _create_invocation(call: Call) -> Mapping[str, object]:
    return call.repository.invoke(call.body).render()


def _get_invocation(call: Call) -> Mapping[str, object]:
    execution = call.repository.invocations.find(call.identifier)
    execution.poll()
    return execution.render()


def _list_invocations(call: Call) -> Mapping[str, object]:
    refuse_filter(call.query)
    found = [execution.render() for execution in call.repository.invocations.executions]
    return call.page(invocations.COLLECTION, _sort(call, found, {"name": "name"}))


def _query_invocation(call: Call) -> Mapping[str, object]:
    execution = call.repository.invocations.find(call.identifier)
    renderers = execution.action_renderers()
    return call.page("workflowInvocationActions", renderers, lambda render: render())


def _cancel_invocation(call: Call) -> Mapping[str, object]:
    call.repository.invocations.cancel(call.identifier)
    return {}


def _delete_invocation(call: Call) -> Mapping[str, object]:
    call.repository.invocations.delete(call.identifier)
    return {}


def _get_workflow(call: Call) -> Mapping[str, object]:
    workflows = call.repository.workflows
    return workflows.render(workflows.find(call.identifier))


def _list_workflows(call: Call) -> Mapping[str, object]:
    workflows = call.repository.workflows
    return call.page(configs.WORKFLOWS, [workflows.render(config) for config in workflows.list()])


def _get_release(call: Call) -> Mapping[str, object]:
    return call.repository.releases.find(call.identifier)


def _list_releases(call: Call) -> Mapping[str, object]:
    return call.page(configs.RELEASES, call.repository.releases.list())


def _update_release(call: Call) -> Mapping[str, object]:
    mask = call.query.get("updateMask") or None
    return call.repository.update_release(call.identifier, call.body, mask)


def _sort(
    call: Call, items: list[dict[str, object]], fields: Mapping[str, str]
) -> list[dict[str, object]]:
    order = parse_order(call.query, tuple(fields))
    if order is None or not call.repository.sorts_lists:
        return items
    field, descends = order
    return sorted(items, key=lambda item: str(item[fields[field]]), reverse=descends)


_LONG_RUNNING = "createLongRunning"
_LIST = ("filter", "orderBy", *PAGING)

METHODS: Mapping[tuple[str, str, str], Method] = MappingProxyType(
    {
        ("GET", "", ""): Method("other", _get_repository),
        ("POST", "compilationResults", ""): Method(
            "compile",
            _create_compilation_result,
            (),
            request_bodies.COMPILATION_RESULT,
            "compilation_result",
            slow=True,
        ),
        ("POST", "compilationResults", _LONG_RUNNING): Method(
            "compile",
            _create_compilation_operation,
            (),
            request_bodies.COMPILATION_RESULT,
            "compilation_result",
            slow=True,
        ),
        ("GET", "compilationResults", ""): Method("list", _list_compilation_results, _LIST),
        ("GET", "compilationResults/*", ""): Method("other", _get_compilation_result),
        ("GET", "compilationResults/*", "query"): Method(
            "query", _query_compilation_result, ("filter", *PAGING)
        ),
        ("POST", "workflowInvocations", ""): Method(
            "create",
            _create_invocation,
            (),
            request_bodies.WORKFLOW_INVOCATION,
            "workflow_invocation",
        ),
        ("GET", "workflowInvocations", ""): Method("list", _list_invocations, _LIST),
        ("GET", "workflowInvocations/*", ""): Method("get", _get_invocation),
        ("GET", "workflowInvocations/*", "query"): Method("query", _query_invocation, PAGING),
        ("POST", "workflowInvocations/*", "cancel"): Method(
            "cancel", _cancel_invocation, (), request_bodies.CANCEL
        ),
        ("DELETE", "workflowInvocations/*", ""): Method("other", _delete_invocation),
        ("GET", "workflowConfigs", ""): Method("list", _list_workflows, PAGING),
        ("GET", "workflowConfigs/*", ""): Method("other", _get_workflow),
        ("GET", "releaseConfigs", ""): Method("list", _list_releases, PAGING),
        ("GET", "releaseConfigs/*", ""): Method("other", _get_release),
        ("PATCH", "releaseConfigs/*", ""): Method(
            "update",
            _update_release,
            ("updateMask",),
            request_bodies.RELEASE_CONFIG,
            "release_config",
        ),
    }
)
"""All methods, by HTTP method, path inside the repository, and verb after a colon."""
