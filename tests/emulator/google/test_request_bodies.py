"""Request bodies are parsed as strictly as in Google's APIs."""

from __future__ import annotations

import pytest

from tests.emulator.google.support import INVALID, Warehouse


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Invalid JSON payload received. Expecting property name"),
        (
            [],
            "Invalid value at 'workflow_invocation' "
            "(type.googleapis.com/google.cloud.dataform.v1.WorkflowInvocation), []",
        ),
        (
            {"fileOperations": 1},
            'Invalid JSON payload received. Unknown name "fileOperations" at '
            "'workflow_invocation': Cannot find field.",
        ),
        (
            {"invocationConfig": {"Included_tags": []}},
            'Invalid JSON payload received. Unknown name "Included_tags" at '
            "'workflow_invocation.invocation_config': Cannot find field.",
        ),
        (
            {"workflowConfig": "a", "workflow_config": "b"},
            'Invalid JSON payload received. Unknown name "workflow_config" at '
            "'workflow_invocation': Field is already set.",
        ),
        (
            {"workflowConfig": "a", "compilationResult": "b"},
            "Invalid value at 'workflow_invocation' (oneof), oneof field 'compilation_source' is "
            "already set. Cannot set 'workflowConfig'",
        ),
        (
            {"workflowConfig": 1},
            "Invalid value at 'workflow_invocation.workflow_config' (TYPE_STRING), 1",
        ),
        (
            {"invocationConfig": {"includedTags": "daily"}},
            'Invalid JSON payload received. Unknown name "included_tags" at '
            "'workflow_invocation.invocation_config.included_tags': "
            "Proto field is repeated: send a list.",
        ),
        (
            {"invocationConfig": {"includedTargets": [{"name": True}]}},
            "Invalid value at 'workflow_invocation.invocation_config.included_targets[0].name' "
            "(TYPE_STRING), True",
        ),
        (
            {"invocationConfig": {"transitiveDependenciesIncluded": "true"}},
            "Invalid value at 'workflow_invocation.invocation_config."
            'transitive_dependencies_included\' (TYPE_BOOL), "true"',
        ),
        (
            {"invocationConfig": {"concurrentActionsLimit": 2**31}},
            "Invalid value at 'workflow_invocation.invocation_config.concurrent_actions_limit' "
            "(TYPE_INT32), 2147483648",
        ),
        (
            {"invocationConfig": {"concurrentActionsLimit": 1.5}},
            "Invalid value at 'workflow_invocation.invocation_config.concurrent_actions_limit' "
            "(TYPE_INT32), 1.5",
        ),
        (
            {"invocationConfig": {"queryPriority": "FAST"}},
            "Invalid value at 'workflow_invocation.invocation_config.query_priority' "
            '(type.googleapis.com/google.cloud.dataform.v1.InvocationConfig.QueryPriority), "FAST"',
        ),
        (
            {"invocationConfig": {"queryPriority": 3}},
            "Invalid value at 'workflow_invocation.invocation_config.query_priority' "
            "(type.googleapis.com/google.cloud.dataform.v1.InvocationConfig.QueryPriority), 3",
        ),
    ],
)
def test_bodies_are_read_strictly(client: Warehouse, body: object, message: str) -> None:
    """Unknown names, repeated fields and wrong types are refused, and the error names the path."""
    response = client.request("POST", "/workflowInvocations", body)
    assert (response.status, response.data["error"]["status"]) == INVALID
    assert response.data["error"]["message"].startswith(message)
    (detail,) = response.data["error"]["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"


@pytest.mark.parametrize("variables", [["a"], {"a": 1}])
def test_variables_are_strings(client: Warehouse, variables: object) -> None:
    """Variables are an object of strings."""
    body = {"gitCommitish": "main", "codeCompilationConfig": {"vars": variables}}
    code, message = client.error("POST", "/compilationResults", body)
    assert code == INVALID
    assert message.startswith("Invalid value at 'compilation_result.code_compilation_config.vars")


def test_both_spellings_and_numbers_are_read(client: Warehouse) -> None:
    """Snake case and enum numbers are accepted; null, defaults and output fields are omitted."""
    body = {
        "compilation_result": client.compile(),
        "invocation_config": {
            "included_tags": [],
            "queryPriority": 2,
            "executionMode": "DEFAULT",
            "transitive_dependents_included": False,
            "serviceAccount": None,
            "includedTargets": [],
        },
        "name": "ignored",
        "state": 7,
    }
    created = client.data("POST", "/workflowInvocations", body)
    assert created["invocationConfig"] == {"queryPriority": "BATCH", "executionMode": "DEFAULT"}
    assert created["state"] == "RUNNING"
