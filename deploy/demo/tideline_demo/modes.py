"""The five ways to run the batch beside the web service, and what each means for kubelet, the pods file and policy."""

import dataclasses
import json

WEB_UID = "7e4a0b52-0000-4000-8000-000000000001"
BATCH_UID = "7e4a0b52-0000-4000-8000-000000000002"
THRESHOLD_PERCENT = 65


@dataclasses.dataclass(frozen=True)
class Mode:
    name: str
    meaning: str
    batch: str = ""        # "", "burstable" or "besteffort": the QoS root its pod lies under
    suppress: str = ""     # cpuSuppressPolicy; "" = Tideline measures and does not act


MODES = (
    Mode("alone", "no batch"),
    Mode("burstable", "batch as an ordinary Burstable pod with CPU requests", batch="burstable"),
    Mode("besteffort", "batch as an unmanaged BestEffort pod at kubelet's weight", batch="besteffort"),
    Mode("threshold", f"Tideline, cfsQuota, cpuSuppressThresholdPercent {THRESHOLD_PERCENT}", batch="besteffort",
         suppress="cfsQuota"),
    Mode("work-conserving", "Tideline, workConserving: weights first, quota only under pressure", batch="besteffort",
         suppress="workConserving"),
)


def policy_documents(mode):
    """-> {data key: JSON text} as a ConfigMap of Koordinator holds them."""
    threshold = {"enable": bool(mode.suppress)}
    if mode.suppress:
        threshold |= {"cpuSuppressThresholdPercent": THRESHOLD_PERCENT, "cpuSuppressPolicy": mode.suppress}
    colocation = {"enable": True, "cpuReclaimThresholdPercent": THRESHOLD_PERCENT,
                  "memoryReclaimThresholdPercent": 65}
    return {"resource-threshold-config": json.dumps({"clusterStrategy": threshold}, indent=2) + "\n",
            "colocation-config": json.dumps(colocation, indent=2) + "\n"}


def pods(mode, cpus, batch_container):
    """The pods file's contents. Web and batch ask for half of the host each: as Burstable pods they weigh the same."""
    half = f"{cpus * 500}m"
    listed = [{"uid": WEB_UID, "namespace": "demo", "name": "web", "qosClass": "LS", "kubeQosClass": "Burstable",
               "priority": 9000, "phase": "Running", "requests": {"cpu": half, "memory": "256Mi"}, "limits": {},
               "containers": [{"name": "nginx", "id": "nginx"}]}]
    if mode.batch == "burstable":
        listed.append({"uid": BATCH_UID, "namespace": "demo", "name": "batch", "qosClass": "LS",
                       "kubeQosClass": "Burstable", "priority": 9000, "phase": "Running",
                       "requests": {"cpu": half, "memory": "256Mi"}, "limits": {},
                       "containers": [{"name": batch_container, "id": batch_container}]})
    elif mode.batch == "besteffort":
        listed.append({"uid": BATCH_UID, "namespace": "demo", "name": "batch", "qosClass": "BE",
                       "kubeQosClass": "BestEffort", "priority": 5000, "phase": "Running",
                       "requests": {"kubernetes.io/batch-cpu": str(cpus * 500),
                                    "kubernetes.io/batch-memory": "256Mi"},
                       "limits": {}, "containers": [{"name": batch_container, "id": batch_container}]})
    return {"pods": listed}
