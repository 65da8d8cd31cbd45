#!/usr/bin/env bash
# A scripted repair: look at every instance, repair one of those that are broken, look whether that
# worked, and only then repair the rest; then look at every one again. The real documents run on
# real daemons, on the simulator.
#
# Exit code 0: everybody is healthy. 1: somebody is not. 5: the first repair did not work, so the
# rest was left alone. 77: it could not be run here.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
fleet="${FLEET:-fleet}"
group="${1:-web}"
users="${2:-ec2-user}"

skip() {
  echo "SKIPPED, NOTHING WAS SHOWN: $*" >&2
  exit 77
}
PATH="$PATH:/usr/sbin"
for it in sshd ssh jq; do
  command -v "$it" >/dev/null || skip "there is no $it on this machine (Debian: openssh-server, openssh-client, jq)"
done

# On AWS this whole block goes away: the standard credential chain is used.
dir="$(mktemp -d)"
"$fleet" sim --world "${FLEET_WORLD:-$here/worlds/sshd.toml}" >"$dir/sim" 2>/dev/null &
trap 'kill %1; rm -rf "$dir"' EXIT
until grep -q AWS_SECRET_ACCESS_KEY= "$dir/sim"; do kill -0 %1; done
# shellcheck source=/dev/null
. "$dir/sim"

# run NAME FLAGS…: a run that leaves its report in $dir/NAME.json, and its exit code in $code.
run() {
  local name="$1"
  shift
  code=0
  "$fleet" run --yes --quiet --max-concurrency 100% --report "$dir/$name.json" "$@" >/dev/null || code=$?
  # 0: good. 1: somebody is not. 5: the budget was spent. Anything else needs a person.
  case "$code" in 0 | 1 | 5) ;; *) exit "$code" ;; esac
}
check() { run "$@" --doc Fleet-CheckSshd --publish --param "Users=$users"; }
repair() { run "$@" --doc Fleet-RepairSshd --publish --param "Users=$users" --param DryRun=false; }

# What fleet has summed up, and who is not well.
sentence() {
  jq -r '.findings[0] | .subject + ": " + ([.verdicts[] | "\(.count) \(.verdict)"
    + if .codes == [] then "" else " (" + ([.codes[].code] | join(", ")) + ")" end] | join(", "))' "$dir/$1.json"
}
unwell() {
  jq -r '.instances[] | select(.findings.good != true) | .instance_id' "$dir/$1.json"
}

# A login as the user would make it, with the key that the instance has for it.
logins() {
  run "$1" --asg "$group" --max-errors 100% -- \
    "ssh -F none -p 2222 -i /root/operator -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null ec2-user@127.0.0.1 true"
  echo "$1: $(jq '.totals.succeeded // 0' "$dir/$1.json") of $(jq .population.planned "$dir/$1.json") can log in"
}

check before --asg "$group"
if ! jq -e '[.instances[].findings | select(.state == "read")] != []' "$dir/before.json" >/dev/null; then
  skip "$(jq -r '.instances[0].stderr' "$dir/before.json")"
fi
echo "before: $(sentence before)"
logins before-logins
broken=()
while read -r it; do broken+=("$it"); done < <(unwell before)
if [ "${#broken[@]}" -eq 0 ]; then
  echo "nobody needs a repair"
  exit 0
fi

# The first wave is one instance, and the gate is the check, not the word of the repair.
first="${broken[0]}"
repair first --instance "$first"
check gate --instance "$first"
echo "gate: $(sentence gate)"
if [ "$code" -ne 0 ]; then
  echo "gate: closed; the other $((${#broken[@]} - 1)) were left alone"
  exit 5
fi

rest=()
for it in "${broken[@]:1}"; do rest+=(--instance "$it"); done
if [ "${#rest[@]}" -gt 0 ]; then
  # The document would go out in waves of its own; the first one is behind us.
  repair rest "${rest[@]}" --waves 100%
  jq -r '.findings[0].changed[] | "changed: \(.change.action) \(.change.path) on \(.instances | length)"' "$dir/rest.json"
fi

check after --asg "$group"
echo "after: $(sentence after)"
result="$code"
logins after-logins
exit "$result"
