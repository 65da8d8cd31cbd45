#!/usr/bin/env bash
# Records the ledgers of a format: tests/ledgers/record.sh VERSION, such as v2.
#
# Only for a format that has no ledgers here yet. What was recorded is never recorded again: it is
# what an older fleet left on somebody's disk, and it must be readable for ever.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
here="$root/tests/ledgers/$1"
fleet="${FLEET:-$root/target/debug/fleet}"
[ ! -e "$here/runs" ] || { echo "$here/runs is there already" >&2; exit 1; }

scratch="$(mktemp -d)"
export HOME="$scratch" XDG_STATE_HOME="$scratch/state" FLEET_PACE=0.02
"$fleet" sim --world "$here/world.toml" >"$scratch/exports" &
sim=$!
trap 'kill "$sim"; rm -rf "$scratch"' EXIT
until grep -qs AWS_SECRET_ACCESS_KEY "$scratch/exports"; do :; done
# shellcheck source=/dev/null
source "$scratch/exports"

# Each run has an id of its own: the time and the seed.
run() { # SEED COMMAND…
    FLEET_SEED=$((0x$1)) FLEET_NOW="2026-11-21T0$1:00:00Z" "$fleet" "$2" --yes "${@:3}" >/dev/null 2>&1 || true
}
begin() { # SEED COMMAND…
    FLEET_SEED=$((0x$1)) FLEET_NOW="2026-11-21T0$1:00:00Z" "$fleet" "$2" --yes --output jsonl "${@:3}" \
        >"$scratch/$1.jsonl" 2>/dev/null &
    begun=$!
}
until_said() { # SEED TEXT
    until grep -q "$2" "$scratch/$1.jsonl" 2>/dev/null; do :; done
}

# 1: everything succeeds.
run 1 run --asg web --reason "is it up" -- uptime
# 2: waves, the second of which spends the budget.
run 2 run --asg batch --waves 3,5,100% --max-concurrency 2 --max-errors 1 -- 'df -h; exit 9'
# 3: those that failed are run again.
run 3 retry 20261121-020000-000002 --only failed --max-errors 100%
# 4: Ctrl-C while the first instances run.
begin 4 run --asg slow --max-concurrency 2 -- 'sleep 60'
until_said 4 '"InProgress"'
kill -INT "$begun"
wait "$begun" || true
# 5: killed between two waves.
begin 5 run --asg web --waves 1,100% --pause 1h -- uptime
until_said 5 '"pause_started"'
kill -KILL "$begun"
wait "$begun" || true
# 6: killed while the only wave is under way.
begin 6 run --asg slow --max-concurrency 100% -- 'sleep 60'
until_said 6 '"command_accepted"'
kill -KILL "$begun"
wait "$begun" || true

cp -r "$XDG_STATE_HOME/fleet/runs" "$here/runs"
grep -rl "$scratch\|$(hostname)" "$here" && { echo "a path or a name of this machine is in it" >&2; exit 1; }
ls "$here/runs"
