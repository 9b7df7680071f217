"""The names under which the main step leaves things for the post step (GITHUB_STATE)."""

from __future__ import annotations

STATE_SERVICE = "service"
STATE_PROJECT_ID = "project_id"
STATE_RUN_ID = "run_id"
STATE_RUN_LOG_URL = "run_log_url"
#: ``true`` if a run that is left going is to be cancelled.
STATE_CANCEL = "cancel"
#: Set when the main step left nothing to do.
STATE_SETTLED = "settled"
