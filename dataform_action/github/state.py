"""The names under which the main step leaves things for the post step (GITHUB_STATE)."""

from __future__ import annotations

STATE_SERVICE = "service"
STATE_PROJECT_ID = "project_id"
STATE_RUN_ID = "run_id"
STATE_RUN_LOG_URL = "run_log_url"
#: ``true`` once the creation of a run has begun.
STATE_CREATING = "creating"
#: The compilation that was made for the run alone, if one was: by it the run can be found.
STATE_COMPILATION = "compilation_result"
#: ``true`` if a run that is left going is to be cancelled.
STATE_CANCEL = "cancel"
#: Set when the main step left nothing to do.
STATE_SETTLED = "settled"

STATE_NAMES = (
    *(STATE_SERVICE, STATE_PROJECT_ID, STATE_RUN_ID, STATE_RUN_LOG_URL),
    *(STATE_CREATING, STATE_COMPILATION, STATE_CANCEL, STATE_SETTLED),
)
