#pragma once
// What a node tells the coordinator: a batch of samples with the facts needed to read them.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/host_application.h"
#include "messages/model/ids.h"
#include "messages/model/knob.h"
#include "messages/model/node_annotations.h"
#include "messages/model/pod.h"
#include "messages/model/result.h"
#include "messages/model/sample.h"
#include "messages/model/units.h"
#include "messages/model/zone.h"

namespace tideline::model {

/// Bounds that both ends enforce; a report beyond them is refused, never cut.
struct ReportLimits {
  static constexpr std::size_t kMaxSamples = 600;
  static constexpr std::size_t kMaxPods = 1024;
  static constexpr std::size_t kMaxContainers = 64;        // of one pod
  static constexpr std::size_t kMaxEvictionFeatures = 16;  // named by one pod
  static constexpr std::size_t kMaxBoundCpus = 1 << 17;    // of all pods together
  static constexpr std::size_t kMaxEvents = 1024;
  static constexpr std::size_t kMaxKnobs = 64;
  static constexpr std::size_t kMaxLabels = 256;  // of the node
  static constexpr std::size_t kMaxTextBytes = 1024;
  static constexpr std::size_t kMaxWireBytes = 1 << 20;
  /// Of kMaxWireBytes, what a node's pods may take: the rest holds its samples, events and status.
  static constexpr std::size_t kMaxPodsWireBytes = 640 << 10;
  // A host beyond these is a broken or hostile sender.
  static constexpr std::int64_t kMaxMilliCpu = 10'000'000;
  static constexpr std::int64_t kMaxMemoryBytes = std::int64_t{1} << 50;
  // Of MemorySignals.
  static constexpr double kMaxStalledShare =
      1.5;                                       // two readings are not taken at one instant: a little over 1 is honest
  static constexpr double kMaxMemoryRate = 1e9;  // pages, or allocations, per second
  static constexpr std::int64_t kMaxOomKills = 65'535;
};

/// Min, mean, max over the report's window of what was known; absent when nothing was.
struct Spread {
  std::int64_t min = 0;
  std::int64_t mean = 0;
  std::int64_t max = 0;
  friend bool operator==(const Spread&, const Spread&) = default;
};

struct PodSummary {
  SharedPod pod;  // changes seldom: reports share it with those before
  std::optional<Spread> cpu_milli;
  std::optional<Spread> memory_bytes;
  std::optional<double> throttled_ratio;  // mean over the window
  std::optional<double> run_delay;        // mean over the window
  /// Of what is known in the window the means; oom_kills the sum. Signals travel in single precision.
  MemorySignals memory_signals{};
  friend bool operator==(const PodSummary&, const PodSummary&) = default;
};

/// What a host application used. Told of each that the policy in force names, also where nothing is known of it.
struct HostApplicationSummary {
  std::string name;
  Tier tier = Tier::kProd;
  QosClass qos = QosClass::kSystem;
  std::string group;                                     // where the node looked for it, relative to the hierarchies
  ApplicationState state = ApplicationState::kNotFound;  // at the end of the window
  std::optional<Spread> cpu_milli;
  std::optional<Spread> memory_bytes;
  friend bool operator==(const HostApplicationSummary&, const HostApplicationSummary&) = default;
};

/// State of one policy feature on this node. Silence is a bug: each feature asked for is listed.
struct FeatureState {
  std::string feature;  // e.g. "cpuSuppress"
  enum class State : std::uint8_t { kInactive = 0, kActive = 1, kUnsupported = 2 } state = State::kInactive;
  std::string why;
  friend bool operator==(const FeatureState&, const FeatureState&) = default;
};
std::string_view name_of(FeatureState::State state);

/// What became of batch pods while the agent watched, since its state directory was made.
struct BeWork {
  struct Sum {
    std::uint64_t pods = 0;
    Duration cpu{0};  // CPU time they used; travels as ms
    friend bool operator==(const Sum&, const Sum&) = default;
  };
  Sum completed;  // ended by themselves, well as far as is known
  Sum failed;     // ended by themselves in phase Failed
  Sum evicted;    // by this node: work that is lost
  friend bool operator==(const BeWork&, const BeWork&) = default;
};

/// What kind of CPU the host has, as cpu-normalization-config asks for it.
struct CpuKind {
  std::string model;                    // "model name" of /proc/cpuinfo; "" = not known
  std::optional<bool> hyper_threads{};  // more than one thread a core is in use; nullopt = not known
  std::optional<bool> turbo{};          // the kernel may run it above its base frequency; nullopt = not known
  friend auto operator<=>(const CpuKind&, const CpuKind&) = default;
};

struct NodeStatus {
  MilliCpu cpu_capacity;
  Bytes memory_capacity;
  MilliCpu cpu_allocatable;
  Bytes memory_allocatable;
  std::string cgroup_version;  // "v1" or "v2"; "simulated v1|v2" on a simulated tree
  std::string kernel_release;
  std::string boot_id;
  std::string agent_version;
  std::map<std::string, std::string> labels;
  Protection protection;
  std::vector<FeatureState> features;
  PolicyVersion policy_applied;
  std::vector<KnobSupport> knobs;  // as probed on the host; empty: not told, as by an agent of before this field
  std::optional<BeWork> be_work;   // nullopt: not told
  NodeAnnotations annotations;     // as the node was given them, within AnnotationLimits
  int zones = 0;                   // NUMA nodes of the host; 0: not known, or not told
  CpuKind cpu;
  friend bool operator==(const NodeStatus&, const NodeStatus&) = default;
};

enum class Lane : std::uint8_t { kLive = 0, kBackfill = 1 };

struct Report {
  NodeName node;
  Incarnation incarnation;
  Seq seq;
  Lane lane = Lane::kLive;        // backfill: held in the spool while the link was down; the live ledger ignores it
  std::uint64_t gap_reports = 0;  // reports lost just before this one: by a full spool, or refused for good
  MonoTime mono;                  // sender's clocks at the end of the window
  WallTime wall;
  Duration window{0};
  NodeStatus status;
  std::vector<NodeSample> samples;  // oldest first; their `pods` are empty: pods travel as summaries
  std::vector<PodSummary> pods;
  std::vector<Event> events;
  std::vector<HostApplicationSummary> applications;  // at most HostApplicationLimits::kMaxApplications
  std::vector<ZoneUse> zones;  // by id; empty: none were read in this window, or the host has but one
  friend bool operator==(const Report&, const Report&) = default;
};

/// What the report's pods are, in its order.
SharedPods shared_pods(const Report& report);

/// Semantic check of a report from outside: bounds, signs, finite ratios, order of samples, text sizes, no pod twice.
/// Whether the numbers are true it cannot know: a use above the capacity and a clock of another century are taken.
/// The error names the field and the value.
Result<void> validate(const Report& report);
/// The same of a report whose pods are shared_pods() of one that was found good, in their order: of them only their use
/// is checked.
Result<void> validate_with_known_pods(const Report& report);

}  // namespace tideline::model
