#!/usr/bin/env bash
# A scripted rollout: a canary wave, a pause, the rest; then the failed ones again; and the report
# read with jq. It runs on the simulator; leave FLEET_ACCESS empty to run it on AWS.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
fleet="${FLEET:-fleet}"
group="${1:-web}"

# On AWS this whole block goes away: the standard credential chain is used.
world="${FLEET_WORLD:-$here/worlds/rollout.toml}"
sim="$(mktemp)"
"$fleet" sim --world "$world" >"$sim" 2>/dev/null &
trap 'kill %1; rm -f "$sim"' EXIT
until grep -q AWS_SECRET_ACCESS_KEY= "$sim"; do kill -0 %1; done
# shellcheck source=/dev/null
. "$sim"

report="$(mktemp --suffix .json)"
code=0
"$fleet" run --asg "$group" --yes --quiet \
  --waves 1,25%,100% --pause 1s --max-concurrency 25% --max-errors 2 \
  --report "$report" -- 'systemctl restart app' >/dev/null || code=$?
echo "rollout ended with $code: $(jq -r .verdict.sentence "$report")"

# 0: everybody succeeded. 1: some did not. Anything else needs a person.
case "$code" in
  0) exit 0 ;;
  1) ;;
  *) exit "$code" ;;
esac

run="$(jq -r .run.id "$report")"
jq -r '.instances[] | select(.outcome != "succeeded") | "\(.instance_id) \(.outcome) \(.response_code)"' "$report"
code=0
"$fleet" retry "$run" --only failed --yes --quiet --max-errors 100% --report "$report" >/dev/null || code=$?
echo "retry ended with $code: $(jq -r .verdict.sentence "$report")"
exit "$code"
