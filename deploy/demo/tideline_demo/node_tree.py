"""The demo's Kubernetes-shaped tree with the weights kubelet gives, and the groups of client and daemons beside it."""

from .cgroups import BEST_EFFORT_SHARES, shares_from_millicores
from .modes import BATCH_UID, WEB_UID

KUBEPODS = "kubepods"
BURSTABLE = "kubepods/burstable"
BEST_EFFORT = "kubepods/besteffort"
WEB = f"{BURSTABLE}/pod{WEB_UID}"
CLIENT = "client"
DAEMONS = "daemons"
CLIENT_REALTIME_US = 200_000  # a second; it uses a fifth of that


class NodeTree:
    def __init__(self, tree, cpus):
        self.tree = tree
        self.cpus = cpus
        self.half = cpus * 500
        # The tree competes with the host's other groups like a kubepods of the whole host would.
        tree.set_shares("", shares_from_millicores(cpus * 1000))
        tree.make(KUBEPODS, shares_from_millicores(cpus * 1000))
        tree.make(BURSTABLE, shares_from_millicores(self.half))
        tree.make(BEST_EFFORT, BEST_EFFORT_SHARES)
        tree.make(WEB, shares_from_millicores(self.half))
        tree.make(f"{WEB}/nginx", shares_from_millicores(self.half))
        # Neither is part of what is compared: the same in all modes, and heavy enough to be on time.
        tree.make(CLIENT, shares_from_millicores(cpus * 1000))
        tree.allow_realtime(CLIENT, CLIENT_REALTIME_US)
        tree.make(DAEMONS, shares_from_millicores(cpus * 1000))
        self.batch = None

    def add_batch(self, root, container):
        """root: "burstable" or "besteffort". -> the container's group."""
        shares = shares_from_millicores(self.half) if root == "burstable" else BEST_EFFORT_SHARES
        if root == "burstable":  # kubelet: the QoS root weighs what its pods ask for
            self.tree.set_shares(BURSTABLE, shares_from_millicores(2 * self.half))
        self.batch = f"{KUBEPODS}/{root}/pod{BATCH_UID}"
        self.tree.make(self.batch, shares)
        self.tree.make(f"{self.batch}/{container}", shares)
        return f"{self.batch}/{container}"

    def remove_batch(self):
        if self.batch:
            self.tree.remove_below(self.batch)
            self.tree.set_shares(BURSTABLE, shares_from_millicores(self.half))
            self.batch = None
