"""The messages in request bodies, field by field.

https://docs.cloud.google.com/dataform/reference/rest/v1/projects.locations.repositories
"""

import json
from collections.abc import Mapping

from dataform_action.emulator.google.errors import bad_request
from dataform_action.emulator.google.protobuf_json import (
    Message,
    Parser,
    boolean,
    enum,
    ignored,
    int32,
    message,
    repeated,
    text,
    text_map,
)


def _output_only(*names: str) -> dict[str, Parser]:
    """Define fields that the service only sends, and ignores in requests."""
    return dict.fromkeys(names, ignored)


_METADATA = ("dataEncryptionState", "privateResourceMetadata", "internalMetadata")

TARGET = message("Target", database=text, schema=text, name=text)

CODE_COMPILATION_CONFIG = message(
    "CodeCompilationConfig",
    defaultDatabase=text,
    defaultSchema=text,
    defaultLocation=text,
    assertionSchema=text,
    databaseSuffix=text,
    schemaSuffix=text,
    tablePrefix=text,
    builtinAssertionNamePrefix=text,
    vars=text_map,
    defaultNotebookRuntimeOptions=message(
        "NotebookRuntimeOptions",
        gcsOutputBucket=text,
        aiPlatformNotebookRuntimeTemplate=text,
        gcsRepositorySnapshotDestination=message(
            "GcsRepositorySnapshotDestination", repositorySnapshotUri=text
        ),
    ),
    pipelineConfig=message(
        "PipelineConfig",
        pipelineType=enum(
            "PipelineConfig.PipelineType",
            "PIPELINE_TYPE_UNSPECIFIED",
            "DATAFORM",
            "SQL",
            "NOTEBOOK",
        ),
        path=text,
    ),
)

INVOCATION_CONFIG = message(
    "InvocationConfig",
    includedTargets=repeated(TARGET),
    includedTags=repeated(text),
    transitiveDependenciesIncluded=boolean,
    transitiveDependentsIncluded=boolean,
    fullyRefreshIncrementalTablesEnabled=boolean,
    serviceAccount=text,
    endUserAuthConfig=message(
        "EndUserAuthenticationConfig",
        oauthConfig=message("OAuthConfig", additionalOauthScopes=repeated(text)),
        userEmail=ignored,
    ),
    queryPriority=enum(
        "InvocationConfig.QueryPriority", "QUERY_PRIORITY_UNSPECIFIED", "INTERACTIVE", "BATCH"
    ),
    concurrentActionsLimit=int32,
    executionMode=enum(
        "InvocationConfig.ExecutionMode",
        "EXECUTION_MODE_UNSPECIFIED",
        "DEFAULT",
        "ALL_EXCEPT_UNIT_TESTS",
        "UNIT_TESTS_ONLY",
    ),
)

COMPILATION_RESULT = message(
    "CompilationResult",
    oneofs={"source": ("gitCommitish", "workspace", "releaseConfig")},
    gitCommitish=text,
    workspace=text,
    releaseConfig=text,
    codeCompilationConfig=CODE_COMPILATION_CONFIG,
    **_output_only(
        "name",
        "resolvedGitCommitSha",
        "dataformCoreVersion",
        "compilationErrors",
        "createTime",
        "gcsRepositorySnapshotMetadata",
        *_METADATA,
    ),
)

WORKFLOW_INVOCATION = message(
    "WorkflowInvocation",
    oneofs={"compilation_source": ("compilationResult", "workflowConfig")},
    compilationResult=text,
    workflowConfig=text,
    invocationConfig=INVOCATION_CONFIG,
    **_output_only(
        "name",
        "state",
        "invocationTiming",
        "resolvedCompilationResult",
        "pipelineConfig",
        *_METADATA,
    ),
)

RELEASE_CONFIG = message(
    "ReleaseConfig",
    name=text,
    gitCommitish=text,
    codeCompilationConfig=CODE_COMPILATION_CONFIG,
    cronSchedule=text,
    timeZone=text,
    disabled=boolean,
    releaseCompilationResult=text,
    recentScheduledReleaseRecords=ignored,
    internalMetadata=ignored,
)

CANCEL = message("CancelWorkflowInvocationRequest")
NOTHING = message("Empty")


def parse_body(kind: Message, body: bytes, path: str) -> Mapping[str, object]:
    """Parse a body, which may be empty; ``path`` is the name of the request's field for it."""
    try:
        data = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise bad_request(f"Invalid JSON payload received. {error}") from error
    return kind(data, path)
