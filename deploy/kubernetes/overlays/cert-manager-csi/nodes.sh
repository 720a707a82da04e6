#!/bin/bash
# nodes.sh NODE...: prints the agent of each node, with a certificate of the cert-manager CSI driver that names it:
#   kubectl get nodes -o name | cut -d/ -f2 | xargs deploy/kubernetes/overlays/cert-manager-csi/nodes.sh | kubectl apply -f -
# To be run again for nodes that come, and with `kubectl delete -f -` for nodes that went.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
(($#)) || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
# As Kubernetes names nodes; as a label and a part of a name it may have 63 characters.
name='^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$'
template=$(kubectl kustomize "$here/node")
for node in "$@"; do
  [[ $node =~ $name ]] || { echo "nodes.sh: no node's name, or one of more than 63 characters: '$node'" >&2; exit 1; }
  printf -- '---\n%s\n' "${template//node-name-goes-here/$node}"
done
