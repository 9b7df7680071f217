"""A careful script with ``requests.Session``: one connection, time limits, raised errors.

It sends the same requests as the action, but has no retries, masks, outputs or summary.
"""

import os
import sys
import time

import requests

runs_url = f"{os.environ['API_URL']}/v1/project/{os.environ['PROJECT_ID']}/run"
body = {
    "scheduleName": os.environ["SCHEDULE"],
    "environmentName": os.environ["ENVIRONMENT"],
}
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"

response = session.post(runs_url, json=body, timeout=(10, 60), allow_redirects=False)
response.raise_for_status()
run_id = response.json()["id"]
print(f"Run {run_id}", flush=True)

while True:
    response = session.get(f"{runs_url}/{run_id}", timeout=(10, 30), allow_redirects=False)
    response.raise_for_status()
    status = response.json()["status"]
    if status != "RUNNING":
        break
    time.sleep(float(os.environ["POLL_SECONDS"]))
print(status, flush=True)
sys.exit(status != "SUCCESSFUL")
