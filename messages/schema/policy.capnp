@0xc0a52d0b7e6f1a02;
# Wire form of messages/model/policy.h. Ordinals never change; new fields go at the end.

using Cxx = import "/capnp/c++.capnp";
using R = import "report.capnp";
$Cxx.namespace("tideline::schema");

enum SuppressPolicy { cpuset @0; cfsQuota @1; workConserving @2; }
enum CpuEvictPolicy { realLimit @0; allocatable @1; }
enum CalculatePolicy { usage @0; request @1; maxUsageRequest @2; }
enum MidReclaimMode { predicted @0; static @1; }
enum CpuQosMechanism { groupIdentity @0; coreSched @1; }
# Of a sender that does not know the setting: unset, which is the receiver's default.
enum Switch { unset @0; off @1; on @2; }

struct ThresholdPolicy {
  enable @0 :Bool;
  cpuSuppressThresholdPercent @1 :Int32;  # percent of capacity
  cpuSuppressMinPercent @2 :R.OptInt;     # percent of capacity
  cpuSuppressPolicy @3 :SuppressPolicy;
  cpuEvictBeSatisfactionLowerPercent @4 :R.OptInt;   # percent of BE's CPU request
  cpuEvictBeSatisfactionUpperPercent @5 :R.OptInt;   # percent of BE's CPU request
  cpuEvictBeUsageThresholdPercent @6 :Int32 = 90;    # percent of BE's limit
  cpuEvictTimeWindowSeconds @7 :R.OptInt;            # seconds
  cpuEvictPolicy @8 :CpuEvictPolicy;
  cpuEvictThresholdPercent @9 :R.OptInt;             # percent of capacity
  cpuEvictLowerPercent @10 :R.OptInt;                # percent of capacity
  cpuAllocatableEvictThresholdPercent @11 :R.OptInt; # percent of allocatable
  cpuAllocatableEvictLowerPercent @12 :R.OptInt;     # percent of allocatable
  evictEnabledPriorityThreshold @13 :R.OptInt;       # spec.priority
  allocatableEvictPriorityThreshold @14 :R.OptInt;   # spec.priority
  memoryEvictThresholdPercent @15 :Int32 = 70;           # percent of memory; 0 = no eviction by use
  memoryEvictLowerPercent @16 :R.OptInt;                 # percent of memory
  memoryAllocatableEvictThresholdPercent @17 :R.OptInt;  # percent of allocatable
  memoryAllocatableEvictLowerPercent @18 :R.OptInt;      # percent of allocatable
}

struct CpuQosPolicy {
  enable @0 :Bool;
  groupIdentity @1 :Int32;  # -1..2
  schedIdle @2 :Int32;      # 0 or 1
  coreExpeller @3 :Switch;
}

# memoryQOS of one class.
struct MemoryQosPolicy {
  enable @0 :Bool;
  minLimitPercent @1 :Int32;            # percent of the memory requested
  lowLimitPercent @2 :Int32;            # percent of the memory requested
  throttlingPercent @3 :Int32;          # percent of the way from request to limit; 0 = none
  wmarkRatio @4 :Int32 = 95;            # percent of the limit
  wmarkScalePermill @5 :Int32 = 20;     # permille of the limit
  wmarkMinAdj @6 :Int32;                # -25..50, percent
  priorityEnable @7 :Bool;
  priority @8 :Int32;                   # 0..12
  oomKillGroup @9 :Bool;
  pageCacheEnable @10 :Switch;          # unset: the file is not touched
  pageCacheLimitPercent @11 :R.OptInt;  # percent of the limit
  pageCacheLimitSize @12 :R.OptInt;     # bytes
  pageCacheReclaimSync @13 :Switch;     # unset: the file is not touched
}

# tideline-config memoryRelief.
struct MemoryReliefPolicy {
  reclaim @0 :Bool = true;
  tighten @1 :Bool = true;
  emergencyKill @2 :Bool;
  marginPercent @3 :Int32 = 5;    # percent of memory
  horizonSeconds @4 :Int32 = 5;   # seconds
}

struct CpuBurstPolicy {
  policy @0 :R.BurstPolicy;
  cpuBurstPercent @1 :Int32 = 1000;           # percent of the limit
  cfsQuotaBurstPercent @2 :Int32 = 300;       # percent of the limit
  cfsQuotaBurstPeriodSeconds @3 :Int32 = -1;  # seconds; -1 = no limit
  sharePoolThresholdPercent @4 :Int32 = 50;   # percent of the share pool
}

# Mechanisms that decide and report and write nothing.
struct DryRun {
  cpuSuppress @0 :Bool;
  cpuBurst @1 :Bool;
  cpuQos @2 :Bool;
  cpuset @3 :Bool;
  batchLimits @4 :Bool;
  cpuEvict @5 :Bool;
  memoryQos @6 :Bool;     # oom_score_adj, too
  memoryRelief @7 :Bool;
  memoryEvict @8 :Bool;
}

# Ratios in hundredths: 125 is 1.25.
struct ScalingPolicy {
  cpuNormalization @0 :UInt32 = 100;     # 100..500
  cpuAmplification @1 :UInt32 = 100;     # 100..50000
  memoryAmplification @2 :UInt32 = 100;  # 100..10000
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
  cpuCalculatePolicy @9 :CalculatePolicy;
  memoryCalculatePolicy @10 :CalculatePolicy;
  midReclaimMode @11 :MidReclaimMode;
  midCpuThresholdPercent @12 :Int32 = 100;     # percent of capacity
  midMemoryThresholdPercent @13 :Int32 = 100;  # percent of capacity
  midUnallocatedPercent @14 :Int32;            # percent of what is not allocated
  midStaticCpuReservedPercent @15 :Int32;      # percent of capacity
  midStaticMemoryReservedPercent @16 :Int32;   # percent of capacity
  updateTimeThresholdSeconds @17 :Int32 = 300; # seconds
}

enum CgroupBase { cgroupRoot @0; kubepods @1; kubepodsBurstable @2; kubepodsBesteffort @3; }
enum Tier { prod @0; mid @1; batch @2; free @3; }

struct HostApplication {
  name @0 :Text;
  tier @1 :Tier;          # of its priority class
  qos @2 :R.QosClass;
  base @3 :CgroupBase;
  path @4 :Text;          # below the base, without slashes at its ends
}

struct NodePolicy {
  version @0 :UInt64;
  epoch @1 :UInt64;
  colocation @2 :ColocationPolicy;
  threshold @3 :ThresholdPolicy;
  lsr @4 :CpuQosPolicy;
  ls @5 :CpuQosPolicy;
  be @6 :CpuQosPolicy;
  cpuPolicy @7 :CpuQosMechanism;
  burst @8 :CpuBurstPolicy;
  dryRun @9 :DryRun;
  hostApplications @10 :List(HostApplication);  # null: none
  scaling @11 :ScalingPolicy;   # null: all ratios are 1
  lsrMemory @12 :MemoryQosPolicy;   # null: the class's default; so are the next two
  lsMemory @13 :MemoryQosPolicy;
  beMemory @14 :MemoryQosPolicy;
  relief @15 :MemoryReliefPolicy;   # null: the default
}
