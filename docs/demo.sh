#!/bin/sh
# The main job, start to end, against the built-in sandbox: plan, apply, look, plan again, edit, plan, destroy.
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

step() {
    printf '\n\033[1m$ %s\033[0m\n' "$*"
    "$@"
}

step provisioner plan --out first.plan
step provisioner apply first.plan
step provisioner state list
step provisioner output
step provisioner plan --detailed-exitcode
printf '\n\033[1m$ sed -i "s/nodes: 2/nodes: 3/" specs/environments/dev.yaml\033[0m\n'
sed 's/nodes: 2/nodes: 3/' specs/environments/dev.yaml > edited && mv edited specs/environments/dev.yaml
step provisioner plan
step provisioner apply --auto-approve
step provisioner destroy --auto-approve --allow prepaid-delete
step provisioner sandbox ledger
printf '\nThe same with your own account: see "The same on the real cloud" in README.md.\n'
