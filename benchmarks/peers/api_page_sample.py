"""A loop like the sample on the page of the Dataform API: one request every 10 seconds."""

import os
import sys
import time

import requests

runs_url = f"{os.environ['API_URL']}/v1/project/{os.environ['PROJECT_ID']}/run"
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
body = {
    "scheduleName": os.environ["SCHEDULE"],
    "environmentName": os.environ["ENVIRONMENT"],
}

run = requests.post(runs_url, json=body, headers=headers).json()
run_url = f"{runs_url}/{run['id']}"
run = requests.get(run_url, headers=headers).json()
while run["status"] == "RUNNING":
    time.sleep(float(os.environ["POLL_SECONDS"]))
    run = requests.get(run_url, headers=headers).json()
    print(run)
# The sample itself always succeeds.
sys.exit(run["status"] != "SUCCESSFUL")
