"""Google Cloud Dataform: the fields that each request names. ``parse`` reads these fields.

The other fields would make responses large: the SQL of all actions may be 20 MB. For the syntax,
see https://cloud.google.com/apis/docs/system-parameters. ``client`` also supports an API that
ignores ``fields`` or refuses one of them.
"""

from __future__ import annotations

INVOCATION = "name,state,resolvedCompilationResult,invocationTiming"
INVOCATION_SETTINGS = "name,workflowConfig,invocationConfig"
INVOCATIONS = "nextPageToken,workflowInvocations(name,compilationResult)"
PAST_INVOCATIONS = (
    "nextPageToken,workflowInvocations(name,state,workflowConfig,compilationResult,"
    "resolvedCompilationResult,invocationTiming,invocationConfig(includedTargets,includedTags,"
    "transitiveDependenciesIncluded,transitiveDependentsIncluded,"
    "fullyRefreshIncrementalTablesEnabled,executionMode))"
)
INVOCATION_ACTIONS = (
    "nextPageToken,workflowInvocationActions(target,state,failureReason,invocationTiming,"
    "bigqueryAction/jobId,notebookAction/jobId,dataPreparationAction/jobId,"
    "bigqueryUnitTestAction(actualResultsJobId,expectedResultsJobId))"
)
COMPILATION = (
    "name,resolvedGitCommitSha,dataformCoreVersion,"
    "codeCompilationConfig(pipelineConfig,defaultLocation)"
)
COMPILATIONS = (
    "compilationResults(name,releaseConfig,gitCommitish,workspace,resolvedGitCommitSha,"
    "codeCompilationConfig)"
)
COMMIT = "resolvedGitCommitSha"
OPERATION = "name,done,error,response"
REPOSITORY = "gitRemoteSettings/url"
RELEASE_CONFIG = "name,gitCommitish,codeCompilationConfig"
SERVICE_ACCOUNT = "serviceAccount"
WORKFLOW_CONFIGS = (
    "nextPageToken,workflowConfigs(name,releaseConfig,invocationConfig/serviceAccount)"
)
WORKFLOW_CONFIG = "name,releaseConfig,invocationConfig"

#: The kinds with tags and dependencies, besides relations and assertions.
_KINDS = ("operations", "notebook", "dataPreparation", "bigqueryUnitTest")


def _compiled(own: str, relation: str, assertion: str, shared: str) -> str:
    kinds = (
        f"relation({relation}{shared})",
        f"assertion({assertion}{shared})",
        *(f"{kind}({shared})" for kind in _KINDS),
        "declaration",
    )
    fields = f"target,canonicalTarget,{own}{','.join(kinds)}"
    return f"nextPageToken,compilationResultActions({fields})"


#: All fields of a compiled action that ``parse`` reads.
COMPILED_ACTIONS = _compiled(
    "filePath,", "relationType,", "parentAction,", "dependencyTargets,tags,disabled"
)
#: The fields that a selection needs: names, tags and dependencies.
SELECTABLE_ACTIONS = _compiled("", "", "", "dependencyTargets,tags")
#: Whole actions: all that decides what is built, the SQL included, and what is newer than this
#: module. A list of known kinds would hide an action of a new kind, and so each change of it.
GRAPH_ACTIONS = "nextPageToken,compilationResultActions"
