"""Google Cloud Dataform: the fields that each request names, which are those that ``parse`` reads.

A response without the others is small: the SQL of all actions may be 20 MB. The syntax is
described at https://cloud.google.com/apis/docs/system-parameters. An API that ignores ``fields``
or refuses one of them works as well, see ``client``.
"""

from __future__ import annotations

INVOCATION = "name,state,resolvedCompilationResult,invocationTiming"
INVOCATIONS = "nextPageToken,workflowInvocations(name,compilationResult)"
INVOCATION_ACTIONS = (
    "nextPageToken,workflowInvocationActions(target,state,failureReason,invocationTiming,"
    "bigqueryAction/jobId,notebookAction/jobId,dataPreparationAction/jobId,"
    "bigqueryUnitTestAction(actualResultsJobId,expectedResultsJobId))"
)
COMPILATION = (
    "name,resolvedGitCommitSha,dataformCoreVersion,"
    "codeCompilationConfig(pipelineConfig,defaultLocation)"
)
OPERATION = "name,done,error,response"
REPOSITORY = "gitRemoteSettings/url"
RELEASE_CONFIG = "name,codeCompilationConfig"
SERVICE_ACCOUNT = "serviceAccount"
WORKFLOW_CONFIGS = (
    "nextPageToken,workflowConfigs(name,releaseConfig,invocationConfig/serviceAccount)"
)
WORKFLOW_CONFIG = "name,releaseConfig,invocationConfig"

#: What may hold tags and dependencies. A declaration has neither; an empty object stands for it.
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


#: Everything that is read about a compiled action.
COMPILED_ACTIONS = _compiled(
    "filePath,", "relationType,", "parentAction,", "dependencyTargets,tags,disabled"
)
#: What is enough to select actions: their names, tags and dependencies.
SELECTABLE_ACTIONS = _compiled("", "", "", "dependencyTargets,tags")
