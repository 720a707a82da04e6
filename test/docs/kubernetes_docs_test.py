#!/usr/bin/env python3
"""The commands of docs/kubernetes.md run as pasted, against a real API server: its ```sh and ```sh kubernetes blocks.

One bash session in a directory with a copy of deploy/, in which disruption budgets are v1beta1's: the API server is of
1.20. There is one Node. What else a cluster has is played: controllers that say that what was asked for is there, and
let go of what is deleted. No container runs, so what asks the coordinator is marked untested.
"""

import os
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{SOURCE}/test/kube")

# pylint: disable=wrong-import-position
import control_plane
import docs_test
from tideline_demo.faults import Fault

PAGE = "docs/kubernetes.md"
# deploy/ is edited, so that it cannot be the tree's own.
BEFORE = """cp -r "$TIDELINE/deploy" .
sed -i 's,^apiVersion: policy/v1$,apiVersion: policy/v1beta1,' $(grep -rl '^apiVersion: policy/v1$' deploy/kubernetes)"""
SKIPPED = 77
# Some twenty calls of kubectl, each of which asks a real API server several times.
SESSION_SECONDS = 240


def kubernetes_blocks():
    """-> [(line number, code)] of those that are run here, in the page's order; others of the page prepare for them."""
    text = docs_test.text_of(PAGE)
    return sorted(docs_test.blocks(text, "sh") + docs_test.blocks(text, "sh kubernetes"))


class Controllers:
    """What a cluster's controllers say of Deployments and DaemonSets, and do about what is deleted."""

    def __init__(self, plane):
        self.api = plane.api()
        self.faults = []
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self):
        self.ends.set()
        self.thread.join(70)

    def _run(self):
        while not self.ends.wait(0.2):
            for step in (self._say_that_all_is_there, self._let_go_of_namespaces, self._let_go_of_volumes):
                try:
                    step()
                except Fault as fault:
                    # What is being edited comes again; the last ones tell why nothing went on.
                    self.faults = self.faults[-4:] + [str(fault)]

    def _items(self, path):
        return self.api.ask("GET", path)["items"] or []

    def _say_that_all_is_there(self):
        for kind in ("deployments", "daemonsets"):
            for thing in self._items(f"/apis/apps/v1/{kind}"):
                meta = thing["metadata"]
                if thing.get("status", {}).get("observedGeneration") == meta["generation"] or "deletionTimestamp" in meta:
                    continue
                if kind == "deployments":
                    count = thing["spec"]["replicas"]
                    status = {"replicas": count, "updatedReplicas": count, "readyReplicas": count, "availableReplicas": count}
                else:
                    count = len(self._items("/api/v1/nodes"))
                    status = {"currentNumberScheduled": count, "desiredNumberScheduled": count, "numberAvailable": count,
                              "numberMisscheduled": 0, "numberReady": count, "updatedNumberScheduled": count}
                thing["status"] = {**status, "observedGeneration": meta["generation"]}
                self.api.ask("PUT", f"/apis/apps/v1/namespaces/{meta['namespace']}/{kind}/{meta['name']}/status", thing)

    def _let_go_of_namespaces(self):
        # Nothing in a namespace that is gone can be let go of any more.
        in_use = {claim["metadata"]["namespace"] for claim in self._items("/api/v1/persistentvolumeclaims")}
        for space in self._items("/api/v1/namespaces"):
            if space["metadata"]["name"] in in_use:
                continue
            if "deletionTimestamp" in space["metadata"] and space["spec"].get("finalizers"):
                space["spec"]["finalizers"] = []
                self.api.ask("PUT", f"/api/v1/namespaces/{space['metadata']['name']}/finalize", space)

    def _let_go_of_volumes(self):
        for claim in self._items("/api/v1/persistentvolumeclaims"):
            meta = claim["metadata"]
            if "deletionTimestamp" in meta and meta.get("finalizers"):
                self.api.ask("PATCH", f"/api/v1/namespaces/{meta['namespace']}/persistentvolumeclaims/{meta['name']}",
                             {"metadata": {"finalizers": None}}, "application/merge-patch+json")


class KubernetesCommands(unittest.TestCase):
    def test_run_as_pasted(self):
        with tempfile.TemporaryDirectory(prefix="tideline-docs-kube-") as directory:
            plane = control_plane.ControlPlane(directory)
            try:
                api = plane.api()
                capacity = {"cpu": "8", "memory": "32Gi", "pods": "110"}
                api.ask("POST", "/api/v1/nodes", {
                    "apiVersion": "v1", "kind": "Node", "metadata": {"name": "web-1", "labels": {"kubernetes.io/os": "linux"}},
                    "status": {"capacity": capacity, "allocatable": capacity}})
                controllers = Controllers(plane)
                # An editor that is left without a change.
                variables = {"KUBECONFIG": plane.admin_kubeconfig, "KUBE_EDITOR": "true"}
                found = kubernetes_blocks()
                self.assertGreater(len(found), 6)
                problem = docs_test.run_blocks(PAGE, found, BEFORE, variables, SESSION_SECONDS)
                controllers.stop()
                self.assertFalse(problem, f"\n{problem}\ncontrollers: {controllers.faults}\n{plane.log()}")
                print(f"{PAGE}: {len(found)} blocks ran")
                self.assert_nothing_is_left(api)
            finally:
                plane.stop()

    def assert_nothing_is_left(self, api):
        """The last commands of the page take away what the others made, but for what it says that stays."""
        spaces = [space["metadata"]["name"] for space in api.ask("GET", "/api/v1/namespaces")["items"]]
        self.assertNotIn("tideline-system", spaces)
        for path in ("/apis/rbac.authorization.k8s.io/v1/clusterroles", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"):
            left = [one["metadata"]["name"] for one in api.ask("GET", path)["items"]
                    if one["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") == "tideline"]
            self.assertEqual(left, [], path)
        kept = api.ask("GET", "/api/v1/namespaces/kube-system/configmaps/ack-slo-config")
        self.assertIn("colocation-config", kept["data"])


if __name__ == "__main__":
    if lacking := control_plane.missing():
        print(f"skipped: needs {lacking}", file=sys.stderr)
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
