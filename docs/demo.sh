#!/bin/sh
# The main job, start to end, against the built-in sandbox: plan, apply, look, edit, a death in the middle, go on, destroy.
# It works on copies in a folder of its own, so that it can be run as often as you like.
set -eu

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cp -R specs "$place/specs"
mkdir -m 700 "$place/state"
cd "$place"
unset PROVISIONER_SPECS PROVISIONER_ENVIRONMENT PROVISIONER_STATE
export PROVISIONER_IN_AUTOMATION=1
# The key that signs plan files is kept here too: the demo leaves nothing at home, and needs no home.
export XDG_STATE_HOME="$place/.local"

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi
number=0
steps=8

headline() { # WORDS: what the next commands show
    number=$((number + 1))
    printf '\n%s[%s/%s] %s%s\n' "$bold" "$number" "$steps" "$*" "$plain"
}

show() { # LINE: a command as a person would type it
    printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"
}

run() {
    show "$@"
    "$@"
}

set_nodes() { # NUMBER
    show "sed -i 's/nodes: .*/nodes: $1/' specs/environments/dev.yaml"
    sed "s/nodes: .*/nodes: $1/" specs/environments/dev.yaml >edited && mv edited specs/environments/dev.yaml
}

kill_after_buying() { # NUMBER PROGRAM ARGUMENTS: ends with SIGKILL once it has bought so many, while they are being built
    wanted=$1
    shift
    show "$* &  # and kill -9 once it has bought $wanted servers"
    : >killed.log
    "$@" >killed.log 2>&1 &
    process=$!
    tries=0
    until [ "$(grep -c 'id=' killed.log)" -ge "$wanted" ] || [ "$tries" = 300 ] || ! kill -0 "$process" 2>/dev/null; do
        tries=$((tries + 1))
        sleep 0.1
    done
    kill -9 "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
    grep '^trainer' killed.log || true
    printf 'Process %s was killed.\n' "$process"
}

headline "The specs declare a stack: five servers in three groups."
run provisioner graph

headline "A plan shows what would be bought. It is saved, and nothing is sent."
run provisioner plan --out first.plan

headline "Apply carries out exactly that plan. It records each purchase before it sends it, and its ids as they arrive."
run provisioner apply first.plan

headline "The servers are there, other tools can reach them, and a second plan has nothing to do."
run provisioner inventory --format hosts
run provisioner plan --detailed-exitcode

headline "One edit, one more server: the next plan shows this and nothing else."
set_nodes 3
run provisioner plan --out third.plan
run provisioner apply third.plan

headline "The promise: a run dies right after it has bought three servers. The next one goes on, and buys nothing twice."
set_nodes 6
kill_after_buying 3 provisioner apply --auto-approve
run provisioner apply --auto-approve

headline "Destroy releases everything. A server that is paid for the month needs a word of its own."
run provisioner destroy --auto-approve --allow prepaid-delete

headline "The sandbox has kept a ledger of its own: each server was bought once and released once."
run provisioner sandbox ledger

cat <<END

${bold}Next${plain}
  . .venv/bin/activate                  the command is installed there
  mkdir play && cd play                 a folder of your own
  provisioner init --template team      or small, cluster, prepaid: specs to begin with
  provisioner plan                      what would be bought
With your own account: see "The same on the real cloud" in README.md.
END
