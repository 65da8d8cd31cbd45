#!/usr/bin/env bash
# What fleet is compared with: the AWS CLI in a loop, as one would write it in an incident.
#
#   aws-loop.sh GROUP SECONDS REPORT      $AWS is the AWS CLI; SECONDS pass between two looks
set -euo pipefail
group="$1" interval="$2" report="$3" aws="${AWS:-aws}"

command="$("$aws" ssm send-command \
    --document-name AWS-RunShellScript --parameters 'commands=["uptime"]' \
    --targets "Key=tag:aws:autoscaling:groupName,Values=$group" \
    --max-concurrency 10% --max-errors 100% \
    --query Command.CommandId --output text)"

# The rows of the last look are the report: nothing is asked for twice. There are none at first.
while :; do
    sleep "$interval"
    "$aws" ssm list-command-invocations --command-id "$command" --details --output json >"$report.part"
    jq -e '.CommandInvocations | length > 0 and
        all(.Status | IN("Success", "Failed", "Cancelled", "TimedOut"))' "$report.part" >/dev/null && break
done
jq --arg command "$command" '{command: $command, instances: [.CommandInvocations[] |
    {instance_id: .InstanceId, status: .StatusDetails,
     response_code: .CommandPlugins[0].ResponseCode, output: .CommandPlugins[0].Output}]}' \
    "$report.part" >"$report"
rm "$report.part"
