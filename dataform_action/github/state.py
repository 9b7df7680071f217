"""The names of the values that the main step saves for the post step (GITHUB_STATE)."""

from __future__ import annotations

STATE_SERVICE = "service"
STATE_PROJECT_ID = "project_id"
STATE_RUN_ID = "run_id"
STATE_RUN_LOG_URL = "run_log_url"
#: ``true`` if a create request may have been sent.
STATE_CREATING = "creating"
#: The compilation that was made for the run, if any. It identifies the run.
STATE_COMPILATION = "compilation_result"
#: The ids of other runs of that compilation, separated by commas.
STATE_KNOWN_RUNS = "known_runs"
#: ``true`` if the post step must cancel a run that is still running.
STATE_CANCEL = "cancel"
#: Set if the post step has nothing to do.
STATE_SETTLED = "settled"

STATE_NAMES = (
    *(STATE_SERVICE, STATE_PROJECT_ID, STATE_RUN_ID, STATE_RUN_LOG_URL),
    *(STATE_CREATING, STATE_COMPILATION, STATE_KNOWN_RUNS, STATE_CANCEL, STATE_SETTLED),
)
