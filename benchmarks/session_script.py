"""The yardstick: the action's bare job, as a plain script on ``requests.Session``.

It sends what the action sends and waits as the action waits, and does nothing else: no
checks, no retries, no masks, no summary.
"""

import os
import sys
import time

import requests

project_url = f"{os.environ['INPUT_API-URL']}/v1/project/{os.environ['INPUT_PROJECT-ID']}/run"
body = {
    "scheduleName": os.environ["INPUT_SCHEDULE"],
    "environmentName": os.environ["INPUT_ENVIRONMENT"],
}
session = requests.Session()
session.headers["User-Agent"] = "session-script"
session.headers["Authorization"] = f"Bearer {os.environ['INPUT_TOKEN']}"

response = session.post(project_url, json=body, timeout=(10, 60), allow_redirects=False)
response.raise_for_status()
run_id = response.json()["id"]
print(f"Run {run_id}", flush=True)

started = time.monotonic()
while True:
    response = session.get(f"{project_url}/{run_id}", timeout=(10, 30), allow_redirects=False)
    response.raise_for_status()
    status = response.json()["status"]
    if status != "RUNNING":
        break
    time.sleep(min(max((time.monotonic() - started) / 20, 1), 10))
print(status, flush=True)
sys.exit(status != "SUCCESSFUL")
