@0xc0a52d0b7e6f1a01;
# Wire form of messages/model/{report,sample,pod}.h. Ordinals never change; new fields go at the end. History holds reports
# with fields that the build which took them did not know (but for those of pods, Report.podList): a reader of a field that
# was added takes a bad value as unknown.
# "Known" booleans carry std::optional: a value whose flag is false is not known and must be ignored.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("tideline::schema");

struct OptInt { known @0 :Bool; value @1 :Int64; }
struct OptFloat { known @0 :Bool; value @1 :Float64; }

struct Pressure {
  known @0 :Bool;
  some @1 :Float64;  # share of time, 0..1
  full @2 :Float64;  # share of time, 0..1
}

# Of a group or of the host, over the window. What is not known has no meaning.
struct MemorySignals {
  memoryKnown @0 :Bool;
  ioKnown @1 :Bool;
  refaultsKnown @2 :Bool;
  scannedKnown @3 :Bool;
  allocStallsKnown @4 :Bool;
  oomKillsKnown @5 :Bool;
  oomKills @6 :UInt16;       # in the window
  memorySome @7 :Float32;    # share of time, 0..1
  memoryFull @8 :Float32;    # share of time, 0..1
  ioSome @9 :Float32;        # share of time, 0..1
  ioFull @10 :Float32;       # share of time, 0..1
  refaults @11 :Float32;     # pages per second
  scanned @12 :Float32;      # pages per second
  allocStalls @13 :Float32;  # per second, of the host alone
}

struct MemorySample {
  availableKnown @0 :Bool;
  beUsageKnown @1 :Bool;
  beReclaimableKnown @2 :Bool;
  beTightenedKnown @3 :Bool;
  rung @4 :UInt8;            # model::ReliefRung; one that is not known counts as none
  available @5 :Int64;       # bytes, of the tightest bound
  beUsage @6 :Int64;         # bytes, with page cache
  beReclaimable @7 :Int64;   # bytes
  beTightened @8 :Int64;     # bytes; not known = relief holds BE to none
  host @9 :MemorySignals;    # null: nothing of it is known; so are the next two
  ls @10 :MemorySignals;
  be @11 :MemorySignals;
}

struct Sample {
  monoNs @0 :Int64;       # ns, sender's monotonic clock
  wallMs @1 :Int64;       # ms since the epoch, sender's wall clock
  windowNs @2 :Int64;     # ns
  nodeCpu @3 :OptInt;     # millicores
  lsCpu @4 :OptInt;       # millicores
  beCpu @5 :OptInt;       # millicores
  systemCpu @6 :OptInt;   # millicores
  nodeMemory @7 :OptInt;  # bytes
  lsMemory @8 :OptInt;    # bytes
  beMemory @9 :OptInt;    # bytes
  cpuPressure @10 :Pressure;
  memoryPressure @11 :Pressure;
  ioPressure @12 :Pressure;
  lsDelayPerCpu @13 :OptFloat;  # seconds waited per second of LS CPU
  beLimit @14 :OptInt;          # millicores; not known = no quota
  memorySide @15 :MemorySample; # null: nothing of it is known
}

struct Resources {
  cpu @0 :OptInt;          # millicores
  memory @1 :OptInt;       # bytes
  batchCpu @2 :OptInt;     # millicores
  batchMemory @3 :OptInt;  # bytes
}

# Of kubernetes.io/mid-cpu and mid-memory.
struct MidRequests {
  cpu @0 :OptInt;          # millicores
  memory @1 :OptInt;       # bytes
}

struct Container {
  name @0 :Text;
  id @1 :Text;
  requests @2 :Resources;  # null: asks for nothing
  limits @3 :Resources;    # null: no limit
}

enum BurstPolicy { none @0; cpuBurstOnly @1; cfsQuotaBurstOnly @2; auto @3; }

# Annotation koordinator.sh/cpuBurst. What is not known is as on the node.
struct CpuBurstOverride {
  policyKnown @0 :Bool;
  policy @1 :BurstPolicy;
  cpuBurstPercent @2 :OptInt;             # percent of the limit
  cfsQuotaBurstPercent @3 :OptInt;        # percent of the limit
  cfsQuotaBurstPeriodSeconds @4 :OptInt;  # seconds; -1 = no limit
  sharePoolThresholdPercent @5 :OptInt;   # percent of the share pool
}

# Annotation koordinator.sh/cpuQOS.
struct CpuQosOverride {
  enable @0 :Bool;
  groupIdentity @1 :OptInt;  # -1..2
}

enum MemoryQosTemplate { default @0; none @1; auto @2; }

# Annotation koordinator.sh/memoryQOS. What is not known is as its class.
struct MemoryQosOverride {
  policy @0 :MemoryQosTemplate;
  minLimitPercent @1 :OptInt;         # percent of the memory requested
  lowLimitPercent @2 :OptInt;         # percent of the memory requested
  throttlingPercent @3 :OptInt;       # percent of the way from request to limit
  wmarkRatio @4 :OptInt;              # percent of the limit
  wmarkScalePermill @5 :OptInt;       # permille of the limit
  wmarkMinAdj @6 :OptInt;             # -25..50, percent
  priorityEnable @7 :YesNo;
  priority @8 :OptInt;                # 0..12
  oomKillGroup @9 :YesNo;
  pageCacheEnable @10 :YesNo;
  pageCacheLimitPercent @11 :OptInt;  # percent of the limit
  pageCacheLimitSize @12 :OptInt;     # bytes
  pageCacheReclaimSync @13 :YesNo;
}

struct Spread {
  known @0 :Bool;
  min @1 :Int64;
  mean @2 :Int64;
  max @3 :Int64;
}

enum QosClass { lse @0; lsr @1; ls @2; be @3; system @4; }
enum KubeQos { guaranteed @0; burstable @1; bestEffort @2; }
enum CoreSchedPolicy { group @0; none @1; exclusive @2; }
enum PodPhase { pending @0; running @1; succeeded @2; failed @3; }

struct Pod {
  uid @0 :Text;
  namespace @1 :Text;
  name @2 :Text;
  qos @3 :QosClass;
  kubeQos @4 :KubeQos;
  phase @5 :PodPhase;
  priority @6 :OptInt;  # spec.priority
  workload @7 :Text;    # "kind/name" of the owner
  requests @8 :Resources;
  limits @9 :Resources;
  containers @10 :List(Container);
  cpuBurst @11 :CpuBurstOverride;   # null: as on the node
  cpuQos @12 :CpuQosOverride;       # null: as its class
  boundCpus @13 :Text;              # list of CPUs, "0-3,8"; "" = not bound
  evictionEnabled @14 :Bool;
  terminating @15 :Bool;            # has a deletion timestamp
  evictionPriority @16 :Int32;      # lower goes first
  evictionSubPriority @17 :OptInt;  # null: none
  evictionAllowedBy @18 :List(Text);  # features that may evict it, as Koordinator names them; null: all
  coreSchedGroup @19 :Text;           # label core-sched-group-id; "" = none
  coreSchedPolicy @20 :CoreSchedPolicy;
  midRequests @21 :MidRequests;       # null: none
  memoryQos @22 :MemoryQosOverride;   # null: as its class
}

struct PodSummary {
  pod @0 :Pod;              # null: left out, see Report.podList
  cpuMilli @1 :Spread;      # millicores
  memoryBytes @2 :Spread;   # bytes
  throttledRatio @3 :OptFloat;  # 0..1
  runDelay @4 :OptFloat;        # seconds waited per second
  memorySignals @5 :MemorySignals;  # null: nothing of it is known
}

struct Label { key @0 :Text; value @1 :Text; }

enum YesNo { unknown @0; no @1; yes @2; }

enum FeatureStateKind { inactive @0; active @1; unsupported @2; }
struct FeatureState {
  feature @0 :Text;
  state @1 :FeatureStateKind;
  why @2 :Text;
}

struct KnobSupport {
  knob @0 :UInt8;        # model::Knob
  supported @1 :Bool;
  file @2 :Text;         # in the kernel's spelling; "" where its cgroup version has none
  why @3 :Text;          # why it is not supported; of one that is what the kernel demands of its values
}

struct NodeStatus {
  cpuCapacity @0 :Int64;        # millicores
  memoryCapacity @1 :Int64;     # bytes
  cpuAllocatable @2 :Int64;     # millicores
  memoryAllocatable @3 :Int64;  # bytes
  cgroupVersion @4 :Text;
  kernelRelease @5 :Text;
  bootId @6 :Text;
  agentVersion @7 :Text;
  labels @8 :List(Label);
  protectionVerified @9 :Bool;
  protectionWhy @10 :Text;
  features @11 :List(FeatureState);
  policyApplied @12 :UInt64;    # version of the policy in force
  knobs @13 :List(KnobSupport); # as probed on the host
  beWork @14 :BeWork;           # null: not told
  annotations @15 :List(Label); # of the node
  zones @16 :UInt16;            # NUMA nodes of the host; 0 = not known, or not told
  cpuModel @17 :Text;           # "model name" of /proc/cpuinfo; "" = not known
  hyperThreads @18 :YesNo;      # more than one thread a core is in use
  turbo @19 :YesNo;             # the CPU may run above its base frequency
}

struct BeWork {
  # Batch pods that ended while the agent watched, since its state directory was made.
  completedPods @0 :UInt64;
  completedCpuMs @1 :UInt64;    # ms of CPU time they used
  failedPods @2 :UInt64;
  failedCpuMs @3 :UInt64;       # ms of CPU time
  evictedPods @4 :UInt64;
  evictedCpuMs @5 :UInt64;      # ms of CPU time: work that is lost
}

struct Event {
  wallMs @0 :Int64;      # ms since the epoch
  controller @1 :UInt8;  # model::Controller
  reason @2 :UInt16;     # model::Reason
  subject @3 :Text;
  oldValue @4 :Text;
  newValue @5 :Text;
}

struct HostApplicationUse {
  name @0 :Text;
  tier @1 :UInt8;           # model::Tier; one that is not known counts as prod
  qos @2 :QosClass;
  group @3 :Text;           # where it was looked for, relative to the hierarchies
  state @4 :UInt8;          # model::ApplicationState; one that is not known counts as unreadable
  cpuMilli @5 :Spread;      # millicores
  memoryBytes @6 :Spread;   # bytes
}

struct Zone {
  # A NUMA node.
  id @0 :UInt16;
  cpuCapacity @1 :Int64;     # millicores
  memoryCapacity @2 :Int64;  # bytes
  cpuUsed @3 :OptInt;        # millicores
  cpuBoundIdle @4 :Int64;    # millicores, not used of CPUs that are bound to LSE pods
  memoryUsed @5 :OptInt;     # bytes
  beCpu @6 :OptInt;          # millicores of it by the besteffort root
  beMemory @7 :OptInt;       # bytes, likewise
}

enum Lane { live @0; backfill @1; }

struct Report {
  node @0 :Text;
  incarnation @1 :UInt64;
  seq @2 :UInt64;         # from 1, no holes
  lane @3 :Lane;
  gapReports @4 :UInt64;  # reports lost just before this one
  monoNs @5 :Int64;       # ns, sender's monotonic clock
  wallMs @6 :Int64;       # ms since the epoch, sender's wall clock
  windowNs @7 :Int64;     # ns
  status @8 :NodeStatus;
  samples @9 :List(Sample);
  pods @10 :List(PodSummary);
  events @11 :List(Event);
  # 0: a list of pods without a name. Else its number in the session that carries this report, or in history, there of the
  # coordinator's making. All `pod` of a report may be left out: they are then, in the same order, those of the report
  # before, which must have the same number.
  podList @12 :UInt64;
  applications @13 :List(HostApplicationUse);  # each that the policy in force names; null: none, or not told
  zones @14 :List(Zone);  # by id; null: none were read in this window, or the host has but one
}
