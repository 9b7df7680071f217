"""Which parts of a request go together on Google Cloud. Pure: data in, problems out."""

from __future__ import annotations

from dataform_action.model import RunRequest


def problems_of(request: RunRequest) -> list[tuple[str, str]]:
    """Return what the API has no way to do of a request, by the name of the input."""
    problems: list[tuple[str, str]] = []
    if not (request.schedule or request.environment or request.git_ref):
        problems.append(
            ("schedule", "is missing, and so are environment and git-ref: give one of them")
        )
    if request.git_ref and request.schedule:
        problems.append(("git-ref", "does not go with schedule: give environment instead"))
    if not request.git_ref:
        problems += [
            (name, "needs git-ref, which is compiled with it") for name in _overrides(request)
        ]
    alone = not (request.environment or request.git_ref)
    if request.schedule and alone:
        problems += [
            (name, "does not go with schedule alone, which owns its selection: add environment")
            for name in _selection(request)
        ]
    if request.compile_only and alone:
        problems.append(("compile-only", "needs environment or git-ref: what to compile"))
    if request.promote and (not request.environment or request.git_ref):
        problems.append(("promote", "needs environment, without git-ref"))
    if request.promote and request.compile_only:
        problems.append(("promote", "comes after a run, which compile-only leaves out"))
    return problems


def _overrides(request: RunRequest) -> list[str]:
    given = (
        ("vars", request.vars),
        ("schema-suffix", request.schema_suffix),
        ("table-prefix", request.table_prefix),
    )
    return [name for name, value in given if value]


def _selection(request: RunRequest) -> list[str]:
    given = (
        ("tags", request.tags),
        ("actions", request.actions),
        ("include-dependencies", request.include_dependencies),
        ("include-dependents", request.include_dependents),
        ("full-refresh", request.full_refresh),
        ("service-account", request.service_account),
    )
    return [name for name, value in given if value]
