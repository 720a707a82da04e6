#include "coordinator/fleet/fleet_view.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "coordinator/fleet/application_book.h"
#include "coordinator/fleet/clock_filter.h"
#include "coordinator/fleet/gone_pods.h"
#include "coordinator/fleet/usage_average.h"

namespace tideline::fleet {

using model::Error;
using model::ErrorCode;
using model::Event;
using model::Reason;
using model::Report;

namespace {

template <class Unit>
std::optional<Unit> rounded(std::optional<double> value) {
  if (!value) return std::nullopt;
  return Unit(std::llround(*value));
}

/// The mean of the report's node_memory readings, less what its pods and host applications are known to use.
std::optional<double> system_memory_of(const Report& report) {
  double sum = 0;
  int readings = 0;
  for (const auto& sample : report.samples) {
    if (!sample.node_memory) continue;
    sum += static_cast<double>(sample.node_memory->value());
    ++readings;
  }
  if (readings == 0) return std::nullopt;
  double pods = 0;
  for (const auto& pod : report.pods) {
    if (pod.memory_bytes) pods += static_cast<double>(pod.memory_bytes->mean);
  }
  double applications = 0;
  for (const auto& application : report.applications) {
    if (application.memory_bytes) applications += static_cast<double>(application.memory_bytes->mean);
  }
  return std::max(0.0, sum / readings - pods - applications);
}

Event coordinator_event(Reason reason, const model::NodeName& node, const Arrival& arrival, std::string value) {
  return {.at = arrival.wall,
          .controller = model::Controller::kCoordinator,
          .reason = reason,
          .subject = node.str(),
          .old_value = "",
          .new_value = std::move(value)};
}

}  // namespace

std::string_view name_of(Liveness liveness) {
  switch (liveness) {
    case Liveness::kNever:
      return "never";
    case Liveness::kLive:
      return "live";
    case Liveness::kLate:
      return "late";
    case Liveness::kGone:
      return "gone";
  }
  return "unknown";
}

struct FleetView::Node {
  bool connected = false;
  std::optional<model::Incarnation> speaks;  // whose session is open; nullopt: none is, or it was not told
  model::MonoTime heard;                     // session opened or closed, or report arrived
  bool reported = false;                     // a live report was taken: the fields down to `reclaimed` mean something
  bool replaced = false;  // an agent other than the newest report's has had a session since that report
  model::MonoTime arrived;
  model::Incarnation incarnation;
  model::Seq seq;
  std::vector<model::Incarnation> left;  // newest last
  // Of the newest report what is asked for later, which its samples and events are not.
  std::shared_ptr<const model::NodeStatus> status;  // never null once reported
  std::vector<model::PodSummary> pods;
  std::optional<model::NodeSample> last;
  UsageAverage node_cpu;
  UsageAverage node_memory;
  Averages system;
  std::vector<Averages> pod_averages;  // of pods, in their order
  GonePods gone;
  ApplicationBook applications;
  ZoneBook zones;

  std::optional<model::Reclaimed> reclaimed;
  model::MonoTime reclaimed_at;
  std::optional<model::MonoTime> remembered;  // the newest report to an earlier life, until `reported`
  std::uint64_t gap_reports = 0;
  model::PolicyVersion policy_wanted;
  model::PolicyVersion policy_applied;
  model::PolicyContent policy_content;  // of the wanted one
  model::PolicyVersion acked;           // reports tell versions only; what a version said is known of an ack
  model::PolicyContent acked_content;
  std::string policy_problem;
  ClockFilter clock;
  bool skewed = false;  // inside an episode that was announced

  bool is_newest(const Report& report) const {
    // One of another session than the open one was on its way for long.
    if (speaks && *speaks != report.incarnation) return false;
    if (!reported) return true;
    if (report.incarnation == incarnation) return report.seq > seq;
    return speaks || std::find(left.begin(), left.end(), report.incarnation) == left.end();
  }

  Liveness liveness(model::MonoTime now, const FleetOptions& options) const;
  void take(const Report& report, const Arrival& arrival, const SlotClock& slots);
  void average(const Report& report, std::int64_t slot);
  void forget_use();
  std::vector<Averages> averages_of(const Report& report, std::int64_t slot);
  void policy_is(model::PolicyVersion applied);
};

Liveness FleetView::Node::liveness(model::MonoTime now, const FleetOptions& options) const {
  if (!reported) {
    if (!remembered) return Liveness::kNever;
    // A live node's report is at hand, and this one's is not.
    return now - *remembered <= options.gone_after ? Liveness::kLate : Liveness::kGone;
  }
  const model::Duration age = now - arrived;
  return age <= options.late_after ? Liveness::kLive : age <= options.gone_after ? Liveness::kLate : Liveness::kGone;
}

void FleetView::Node::take(const Report& report, const Arrival& arrival, const SlotClock& slots) {
  if (reported && report.incarnation != incarnation) {
    std::erase(left, report.incarnation);
    if (left.size() == kLeftIncarnations) left.erase(left.begin());
    left.push_back(incarnation);
    // An agent that only lost its spool is on the same host still.
    if (status->boot_id != report.status.boot_id) forget_use();
  }
  reported = true;
  replaced = false;
  arrived = arrival.mono;
  incarnation = report.incarnation;
  seq = report.seq;
  if (!report.samples.empty()) last = report.samples.back();
  for (auto sample = report.samples.rbegin(); sample != report.samples.rend() && !last->ls_delay_per_cpu; ++sample)
    last->ls_delay_per_cpu = sample->ls_delay_per_cpu;
  policy_is(report.status.policy_applied);
  average(report, slots.slot(arrival.mono));
  if (!status || *status != report.status) status = std::make_shared<const model::NodeStatus>(report.status);
  pods = report.pods;
  // Where there were more before.
  pods.shrink_to_fit();
}

void FleetView::Node::forget_use() {
  last.reset();
  node_cpu = node_memory = UsageAverage();
  system = {};
  pod_averages.assign(pods.size(), {});
  gone = {};
  applications = {};
  zones = {};
}

void FleetView::Node::average(const Report& report, std::int64_t slot) {
  const auto add = [&](UsageAverage& to, const auto& value, model::Duration window) {
    if (value) to.add(slot, static_cast<double>(value->value()), window);
  };
  for (const auto& sample : report.samples) {
    add(node_cpu, sample.node_cpu, sample.window);
    add(node_memory, sample.node_memory, sample.window);
    add(system.cpu, sample.system_cpu, sample.window);
  }
  if (const auto memory = system_memory_of(report)) system.memory.add(slot, *memory, report.window);

  auto listed = averages_of(report, slot);
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const auto& pod = report.pods[i];
    if (pod.cpu_milli) listed[i].cpu.add(slot, static_cast<double>(pod.cpu_milli->mean), report.window);
    if (pod.memory_bytes) listed[i].memory.add(slot, static_cast<double>(pod.memory_bytes->mean), report.window);
  }
  pod_averages = std::move(listed);
  gone.drop_ended(slot);
  applications.take(report.applications, slot, report.window);
  zones.take(report, slot);
}

/// What is known of the report's pods, to which nothing of it is added yet; those that it does not list any more go.
std::vector<Averages> FleetView::Node::averages_of(const Report& report, std::int64_t slot) {
  const auto& before = pods;
  const auto& listed = report.pods;
  const auto same_uid = [](const model::PodSummary& a, const model::PodSummary& b) { return a.pod->uid == b.pod->uid; };
  // From one report to the next a node's pods are mostly the same, in the same order.
  if (std::equal(before.begin(), before.end(), listed.begin(), listed.end(), same_uid)) return std::move(pod_averages);
  std::unordered_map<model::PodUid, std::size_t> known;
  known.reserve(before.size());
  for (std::size_t i = 0; i < before.size(); ++i)
    known.emplace(before[i].pod->uid, i);
  std::vector<Averages> averages(listed.size());
  std::vector<bool> stays(before.size());
  for (std::size_t i = 0; i < listed.size(); ++i) {
    if (const auto found = known.find(listed[i].pod->uid); found != known.end()) {
      averages[i] = pod_averages[found->second];
      stays[found->second] = true;
    } else if (const auto back = gone.take_back(listed[i].pod->uid)) {
      averages[i] = *back;
    }
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    const model::Pod& pod = *before[i].pod;
    // A uid that was listed twice is one pod.
    if (!stays[i] && known.at(pod.uid) == i) gone.add(pod, pod_averages[i], system, slot, report.window);
  }
  return averages;
}

void FleetView::Node::policy_is(model::PolicyVersion applied) {
  policy_applied = applied;
  if (applied == policy_wanted) policy_problem.clear();
}

FleetView::FleetView(FleetOptions options) : options_(options) {}
FleetView::~FleetView() = default;
FleetView::FleetView(FleetView&&) noexcept = default;
FleetView& FleetView::operator=(FleetView&&) noexcept = default;

model::Result<FleetView::Node*> FleetView::find_or_add(const model::NodeName& name) {
  const auto found = nodes_.find(name);
  if (found != nodes_.end()) return found->second.get();
  if (nodes_.size() >= options_.max_nodes) {
    return Error(ErrorCode::kOverloaded,
                 fmt::format("node {} is one more than the {} this coordinator holds", name.str(), options_.max_nodes));
  }
  return nodes_.emplace(name, std::make_unique<Node>()).first->second.get();
}

model::Result<Intake> FleetView::intake(const Report& report, const Arrival& arrival) {
  const auto added = find_or_add(report.node);
  if (!added) return added.error();
  Node& node = **added;
  node.heard = arrival.mono;
  Intake intake;
  if (report.gap_reports > 0) {
    // A hostile count must not wrap the sum.
    if (__builtin_add_overflow(node.gap_reports, report.gap_reports, &node.gap_reports)) node.gap_reports = UINT64_MAX;
    intake.events.push_back(
        coordinator_event(Reason::kGap, report.node, arrival,
                          fmt::format("{} reports dropped before {} of incarnation {}", report.gap_reports,
                                      report.seq.value(), report.incarnation.value())));
  }
  if (report.lane == model::Lane::kBackfill) {
    intake.outcome = IntakeOutcome::kBackfill;
    return intake;
  }
  if (!node.is_newest(report)) return intake;

  node.take(report, arrival, SlotClock(options_.aggregate));
  node.clock.learn(report, arrival);
  intake.outcome = IntakeOutcome::kLive;
  const model::Duration offset = node.clock.newest().value_or(model::kZeroDuration);
  const model::Duration skew = std::chrono::abs(offset);
  if (!node.skewed && skew > options_.skew_bound) {
    node.skewed = true;
    intake.events.push_back(coordinator_event(Reason::kClockSkew, report.node, arrival,
                                              fmt::format("{:+.3f} s", std::chrono::duration<double>(offset).count())));
  } else if (node.skewed && skew < options_.skew_bound / 2) {
    node.skewed = false;
  }
  return intake;
}

model::Result<void> FleetView::remember(const model::NodeName& name, model::MonoTime heard) {
  if (nodes_.contains(name)) return {};
  const auto added = find_or_add(name);
  if (!added) return added.error();
  (*added)->heard = heard;
  (*added)->remembered = heard;
  return {};
}

model::Result<Event> FleetView::connected(const model::NodeName& name, const Arrival& arrival,
                                          model::Incarnation incarnation) {
  const auto added = find_or_add(name);
  if (!added) return added.error();
  Node& node = **added;
  node.connected = true;
  node.heard = arrival.mono;
  node.speaks = incarnation == model::Incarnation() ? std::nullopt : std::optional(incarnation);
  if (node.speaks && node.reported && *node.speaks != node.incarnation) node.replaced = true;
  return coordinator_event(Reason::kNodeConnected, name, arrival, "");
}

model::Result<Event> FleetView::disconnected(const model::NodeName& name, const Arrival& arrival) {
  const auto added = find_or_add(name);
  if (!added) return added.error();
  (*added)->connected = false;
  (*added)->speaks.reset();
  (*added)->heard = arrival.mono;
  return coordinator_event(Reason::kNodeDisconnected, name, arrival, "");
}

model::Result<void> FleetView::policy_wanted(const model::NodeName& name, model::PolicyVersion version,
                                             model::PolicyContent content) {
  const auto added = find_or_add(name);
  if (!added) return added.error();
  Node& node = **added;
  if (node.policy_wanted != version) node.policy_problem.clear();
  node.policy_wanted = version;
  node.policy_content = content;
  return {};
}

void FleetView::policy_answered(const model::NodeName& name, model::PolicyVersion pushed, const std::string& problem) {
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) return;
  Node& node = *found->second;
  if (problem.empty()) {
    node.policy_is(pushed);
    node.acked = pushed;
    node.acked_content = pushed == node.policy_wanted ? node.policy_content : model::PolicyContent();
  } else if (pushed == node.policy_wanted) {
    node.policy_problem = problem.substr(0, model::ReportLimits::kMaxTextBytes);
  }
}

void FleetView::set_reclaimed(const model::Reclaimed& reclaimed, model::MonoTime now) {
  const auto found = nodes_.find(reclaimed.node);
  if (found == nodes_.end()) return;
  found->second->reclaimed = reclaimed;
  found->second->reclaimed_at = now;
}

std::size_t FleetView::size() const {
  return nodes_.size();
}

std::size_t FleetView::pod_count() const {
  std::size_t count = 0;
  for (const auto& [name, node] : nodes_)
    count += node->pods.size();
  return count;
}

Summary FleetView::summary(model::MonoTime now) const {
  Summary summary;
  for (const auto& [name, node] : nodes_) {
    const auto liveness = node->liveness(now, options_);
    ++summary.nodes[static_cast<std::size_t>(liveness)];
    if (node->connected) ++summary.connected;
    const bool is_there = liveness == Liveness::kLive || liveness == Liveness::kLate;
    if (is_there) summary.pods += node->pods.size();
    if (__builtin_add_overflow(summary.gap_reports, node->gap_reports, &summary.gap_reports)) {
      summary.gap_reports = UINT64_MAX;
    }
    if (is_there && node->policy_applied != node->policy_wanted) ++summary.policy_behind;
    if (is_there && !node->policy_problem.empty()) ++summary.policy_problems;
    if (liveness == Liveness::kLive && !node->status->protection.verified) ++summary.unprotected;
    const auto rung = static_cast<std::size_t>(node->last ? node->last->memory_side.rung : model::ReliefRung::kNone);
    if (liveness == Liveness::kLive && rung < summary.relief.size()) ++summary.relief[rung];
  }
  return summary;
}

std::optional<Liveness> FleetView::liveness(const model::NodeName& name, model::MonoTime now) const {
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) return std::nullopt;
  return found->second->liveness(now, options_);
}

std::optional<NodeView> FleetView::node(const model::NodeName& name, model::MonoTime now) const {
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) return std::nullopt;
  const Node& node = *found->second;
  NodeView view;
  view.name = name;
  view.connected = node.connected;
  view.clock_offset = node.clock.newest();
  view.gap_reports = node.gap_reports;
  view.policy_wanted = node.policy_wanted;
  view.policy_applied = node.policy_applied;
  view.policy_content = node.policy_content;
  if (node.acked == node.policy_applied) view.policy_content_applied = node.acked_content;
  view.policy_problem = node.policy_problem;
  if (node.reclaimed) view.reclaimed = model::aged(*node.reclaimed, now - node.reclaimed_at);
  view.liveness = node.liveness(now, options_);
  if (!node.reported) {
    if (node.remembered) view.report_age = std::max(now - *node.remembered, model::kZeroDuration);
    return view;
  }
  view.report_age = std::max(now - node.arrived, model::kZeroDuration);
  view.incarnation = node.incarnation;
  view.last_seq = node.seq;
  view.status = node.status;
  view.last = node.last;
  view.pod_count = node.pods.size();
  return view;
}

std::vector<model::NodeName> FleetView::names(const model::NodeName& after, std::size_t most) const {
  std::vector<model::NodeName> found;
  found.reserve(std::min(most, nodes_.size()));
  for (auto next = nodes_.upper_bound(after); next != nodes_.end() && found.size() < most; ++next)
    found.push_back(next->first);
  return found;
}

std::vector<NodeView> FleetView::nodes(model::MonoTime now, const model::NodeName& after, std::size_t most) const {
  std::vector<NodeView> views;
  const auto of = names(after, most);
  views.reserve(of.size());
  for (const auto& name : of)
    views.push_back(*node(name, now));
  return views;
}

std::string FleetView::label(const model::NodeName& name, const std::string& key) const {
  const auto found = nodes_.find(name);
  if (found == nodes_.end() || !found->second->status) return "";
  const auto& labels = found->second->status->labels;
  const auto label = labels.find(key);
  return label == labels.end() ? "" : label->second;
}

std::shared_ptr<const model::NodeStatus> FleetView::status(const model::NodeName& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : found->second->status;
}

std::vector<std::pair<model::NodeName, std::shared_ptr<const model::NodeStatus>>> FleetView::newest_statuses(
    const model::NodeName& name) const {
  std::vector<std::pair<model::NodeName, std::shared_ptr<const model::NodeStatus>>> statuses;
  if (!name.empty()) {
    const auto found = nodes_.find(name);
    if (found != nodes_.end()) statuses.emplace_back(name, found->second->status);
    return statuses;
  }
  statuses.reserve(nodes_.size());
  for (const auto& [of, node] : nodes_)
    statuses.emplace_back(of, node->status);
  return statuses;
}

bool FleetView::knows_host(const model::NodeName& name) const {
  const auto found = nodes_.find(name);
  return found != nodes_.end() && found->second->reported && !found->second->replaced;
}

std::optional<NodeUsage> FleetView::usage(const model::NodeName& name) const {
  if (!knows_host(name)) return std::nullopt;
  const auto found = nodes_.find(name);
  const Node& node = *found->second;
  const std::int64_t slot = SlotClock(options_.aggregate).slot(node.arrived);
  NodeUsage usage;
  usage.node = name;
  usage.arrived = node.arrived;
  const auto& status = *node.status;
  usage.cpu_capacity = status.cpu_capacity;
  usage.cpu_allocatable = status.cpu_allocatable;
  usage.memory_capacity = status.memory_capacity;
  usage.memory_allocatable = status.memory_allocatable;
  usage.annotations = status.annotations;
  usage.node_cpu = rounded<model::MilliCpu>(node.node_cpu.at(slot));
  usage.node_memory = rounded<model::Bytes>(node.node_memory.at(slot));
  usage.system_cpu = rounded<model::MilliCpu>(node.system.cpu.at(slot));
  usage.system_memory = rounded<model::Bytes>(node.system.memory.at(slot));
  usage.pods.reserve(node.pods.size() + node.gone.rows().size());
  for (std::size_t i = 0; i < node.pods.size(); ++i) {
    const model::Pod& pod = *node.pods[i].pod;
    const Averages& averages = node.pod_averages[i];
    usage.pods.push_back({.uid = pod.uid,
                          .qos = pod.qos,
                          .priority = pod.priority,
                          .phase = pod.phase,
                          .requests = pod.requests,
                          .mid_requests = pod.mid_requests,
                          .cpu = rounded<model::MilliCpu>(averages.cpu.at(slot)),
                          .memory = rounded<model::Bytes>(averages.memory.at(slot))});
  }
  for (const auto& row : node.gone.rows()) {
    PodUsage pod;
    pod.uid = row.uid;
    pod.qos = row.qos;
    pod.priority = row.priority;
    pod.cpu = rounded<model::MilliCpu>(left_of(row.use.cpu, row.system.cpu, node.system.cpu, slot));
    pod.memory = rounded<model::Bytes>(left_of(row.use.memory, row.system.memory, node.system.memory, slot));
    pod.listed = false;
    pod.name = row.name;
    usage.pods.push_back(std::move(pod));
  }
  for (const auto& row : node.applications.rows()) {
    usage.applications.push_back({.name = row.name,
                                  .tier = row.tier,
                                  .state = row.state,
                                  .listed = row.listed,
                                  .cpu = rounded<model::MilliCpu>(row.cpu.at(slot)),
                                  .memory = rounded<model::Bytes>(row.memory.at(slot)),
                                  .qos = row.qos});
  }
  usage.zone_count = status.zones;
  usage.zones = node.zones.at(slot);
  return usage;
}

std::vector<PodView> FleetView::pods(const model::NodeName& name) const {
  std::vector<PodView> views;
  const auto add = [&](const model::NodeName& of, const Node& node) {
    const std::int64_t slot = SlotClock(options_.aggregate).slot(node.arrived);
    for (std::size_t i = 0; i < node.pods.size(); ++i) {
      const Averages& averages = node.pod_averages[i];
      views.push_back({of, node.pods[i], rounded<model::MilliCpu>(averages.cpu.at(slot)),
                       rounded<model::Bytes>(averages.memory.at(slot))});
    }
  };
  if (!name.empty()) {
    const auto found = nodes_.find(name);
    if (found != nodes_.end()) add(name, *found->second);
    return views;
  }
  for (const auto& [of, node] : nodes_)
    add(of, *node);
  return views;
}

std::vector<model::NodeName> FleetView::long_gone(model::MonoTime now) const {
  std::vector<model::NodeName> names;
  for (const auto& [name, node] : nodes_) {
    if (!node->connected && now - node->heard > options_.forget_after) names.push_back(name);
  }
  return names;
}

bool FleetView::forget(const model::NodeName& name) {
  const auto found = nodes_.find(name);
  if (found == nodes_.end() || found->second->connected) return false;
  nodes_.erase(found);
  return true;
}

}  // namespace tideline::fleet
