"""The same loop with Google's client for Google Cloud Dataform, over REST.

With SHOW_PROGRESS, each poll also reads the states of the actions.
"""

# Few machines have the client and its types.
# mypy: ignore-errors
import os
import sys
import time

from google.cloud import dataform_v1
from google.oauth2.credentials import Credentials

place = "projects/{PROJECT_ID}/locations/{LOCATION}/repositories/{REPOSITORY}"
repository = place.format_map(os.environ)
client = dataform_v1.DataformClient(
    credentials=Credentials(os.environ["TOKEN"]),
    transport="rest",
    client_options={"api_endpoint": os.environ["API_URL"]},
)
invocation = client.create_workflow_invocation(
    parent=repository,
    workflow_invocation=dataform_v1.WorkflowInvocation(
        workflow_config=f"{repository}/workflowConfigs/{os.environ['SCHEDULE']}"
    ),
)
print(invocation.name, flush=True)

running = dataform_v1.WorkflowInvocation.State.RUNNING
while (invocation := client.get_workflow_invocation(name=invocation.name)).state == running:
    if "SHOW_PROGRESS" in os.environ:
        query = {"name": invocation.name, "page_size": 1000}
        actions = list(client.query_workflow_invocation_actions(query))
        print(sum(action.state == action.State.SUCCEEDED for action in actions), flush=True)
    time.sleep(float(os.environ["POLL_SECONDS"]))
print(invocation.state.name, flush=True)
sys.exit(invocation.state != dataform_v1.WorkflowInvocation.State.SUCCEEDED)
