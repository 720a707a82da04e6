@0xc0a52d0b7e6f1a02;
# Wire form of messages/model/policy.h. Ordinals never change; new fields go at the end.

using Cxx = import "/capnp/c++.capnp";
using R = import "report.capnp";
$Cxx.namespace("tideline::schema");

enum SuppressPolicy { cpuset @0; cfsQuota @1; workConserving @2; }

struct ThresholdPolicy {
  enable @0 :Bool;
  cpuSuppressThresholdPercent @1 :Int32;  # percent of capacity
  cpuSuppressMinPercent @2 :R.OptInt;     # percent of capacity
  cpuSuppressPolicy @3 :SuppressPolicy;
}

struct CpuQosPolicy {
  enable @0 :Bool;
  groupIdentity @1 :Int32;  # -1..2
  schedIdle @2 :Int32;      # 0 or 1
}

struct ColocationPolicy {
  enable @0 :Bool;
  cpuReclaimThresholdPercent @1 :Int32;     # percent of capacity
  memoryReclaimThresholdPercent @2 :Int32;  # percent of capacity
  degradeTimeMinutes @3 :Int32;             # minutes
  metricAggregateDurationSeconds @4 :Int32; # seconds
  metricReportIntervalSeconds @5 :Int32;    # seconds
  resourceDiffThreshold @6 :Float64;        # (0,1]
  batchCpuThresholdPercent @7 :R.OptInt;    # percent of capacity
  batchMemoryThresholdPercent @8 :R.OptInt; # percent of capacity
}

struct NodePolicy {
  version @0 :UInt64;
  epoch @1 :UInt64;
  colocation @2 :ColocationPolicy;
  threshold @3 :ThresholdPolicy;
  lsr @4 :CpuQosPolicy;
  ls @5 :CpuQosPolicy;
  be @6 :CpuQosPolicy;
}
