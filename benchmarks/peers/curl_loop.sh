#!/usr/bin/env bash
# The same loop with curl and jq.
set -euo pipefail
runs_url=$API_URL/v1/project/$PROJECT_ID/run
authorization="Authorization: Bearer $TOKEN"
body=$(jq --null-input --compact-output '{scheduleName: env.SCHEDULE, environmentName: env.ENVIRONMENT}')

run_id=$(curl --silent --show-error --fail --header "$authorization" \
  --header 'Content-Type: application/json' --data "$body" "$runs_url" | jq --raw-output .id)
echo "Run $run_id"
while
  status=$(curl --silent --show-error --fail --header "$authorization" "$runs_url/$run_id" | jq --raw-output .status)
  [[ $status == RUNNING ]]
do
  sleep "$POLL_SECONDS"
done
echo "$status"
[[ $status == SUCCESSFUL ]]
