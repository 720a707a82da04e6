#include "k8s-bridge/translate/mirror.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "messages/model/report.h"

namespace tideline::k8s {
namespace {

using model::ReportLimits;

model::NodeAnnotations told_annotations(const NodeObject& node) {
  model::NodeAnnotations told;
  for (const std::string_view key : kNodeAnnotations) {
    const auto found = node.annotations.find(std::string(key));
    if (found != node.annotations.end()) told.insert(*found);
  }
  return told;
}

bool tells_the_same(const NodeObject& a, const NodeObject& b) {
  return a.labels == b.labels && a.cpu_allocatable == b.cpu_allocatable &&
         a.memory_allocatable == b.memory_allocatable && told_annotations(a) == told_annotations(b);
}

bool has_ended(const model::Pod& pod) {
  return pod.phase == model::PodPhase::kSucceeded || pod.phase == model::PodPhase::kFailed;
}

/// There is no end to what pods may be written to ask for.
constexpr std::int64_t kMostAmount = std::int64_t{1} << 60;

template <class Unit>
void add_bounded(Unit& sum, Unit amount) {
  sum = Unit(std::min(sum.value(), kMostAmount) + std::clamp<std::int64_t>(amount.value(), 0, kMostAmount));
}

template <class Unit>
void add_named(std::array<Unit, kBatchNames>& sums, const std::array<Unit, kBatchNames>& named,
               const std::optional<Unit>& whole) {
  Unit known(0);
  for (std::size_t i = 0; i < kBatchNames; ++i) {
    add_bounded(sums.at(i), named.at(i));
    add_bounded(known, named.at(i));
  }
  if (whole && *whole > known) add_bounded(sums.front(), *whole - known);
}

void sort_by_uid(std::vector<const PodObject*>& pods) {
  std::sort(pods.begin(), pods.end(), [](const PodObject* a, const PodObject* b) { return a->pod.uid < b->pod.uid; });
}

/// What a map or a list takes for each of its entries beside the texts.
constexpr std::size_t kEntryBytes = 128;

std::size_t bytes_of(const NodeObject& node) {
  std::size_t sum = sizeof(NodeObject) + kEntryBytes + node.key.name.size();
  for (const auto* texts : {&node.labels, &node.annotations}) {
    for (const auto& [key, value] : *texts)
      sum += kEntryBytes + key.size() + value.size();
  }
  for (const auto& problem : node.problems)
    sum += kEntryBytes + problem.size();
  return sum;
}

std::size_t bytes_of(const PodObject& pod) {
  // A container takes less than twice what it takes in a report; the CPUs of a range more.
  std::size_t sum = sizeof(PodObject) + kEntryBytes + 2 * wire_bytes(pod.pod) + pod.node.str().size() +
                    pod.pod.bound_cpus.cpus().size() * sizeof(int);
  for (const auto& problem : pod.problems)
    sum += kEntryBytes + problem.key.size() + problem.value.size() + problem.why.size();
  return sum;
}

std::string line_of(const PodObject& pod, const model::MetadataProblem& problem) {
  return fmt::format("pod {}/{}: {} is {}: {}", pod.pod.name_space, pod.pod.name, problem.key, problem.value,
                     problem.why);
}

}  // namespace

void Mirror::begin_nodes() {
  ++node_listing_;
}

bool Mirror::take(NodeObject node) {
  const model::NodeName name(node.key.name);
  const std::size_t bytes = bytes_of(node);
  const auto before = nodes_.find(name);
  const bool is_known = before != nodes_.end() && before->second.known;
  const std::size_t of_others = node_bytes_ - (is_known ? before->second.bytes : 0);
  if ((!is_known && known_nodes_ >= limits_.nodes) || of_others + bytes > limits_.node_bytes) {
    ++left_out_;
    if (is_known) lose(before);
    return false;
  }
  node_bytes_ = of_others + bytes;
  const auto place = nodes_.try_emplace(name).first;
  NodeRow& row = place->second;
  row.bytes = bytes;
  const bool is_another = !row.known || row.node.key.uid != node.key.uid;
  const bool is_changed = is_another || !tells_the_same(row.node, node);
  if (!row.known) ++known_nodes_;
  row.known = true;
  row.listing = node_listing_;
  row.node = std::move(node);
  if (is_changed) mark(place);
  return true;
}

void Mirror::node_gone(const std::string& name, const std::string& uid) {
  const auto found = nodes_.find(model::NodeName(name));
  if (found == nodes_.end() || !found->second.known) return;
  if (!uid.empty() && found->second.node.key.uid != uid) return;
  lose(found);
}

void Mirror::end_nodes() {
  for (auto node = nodes_.begin(); node != nodes_.end();) {
    const auto next = std::next(node);
    if (node->second.known && node->second.listing != node_listing_) lose(node);
    node = next;
  }
  nodes_listed_ = true;
}

void Mirror::begin_pods() {
  ++pod_listing_;
}

bool Mirror::take(PodObject pod) {
  // It comes again with its node. Pods that nobody schedules must not take the room of those that run.
  if (pod.node.empty()) {
    pod_gone(pod.key.uid);
    return true;
  }
  const model::PodUid uid(pod.key.uid);
  const std::size_t bytes = bytes_of(pod);
  const auto before = pods_.find(uid);
  const bool is_new = before == pods_.end();
  const std::size_t of_others = pod_bytes_ - (is_new ? 0 : before->second.bytes);
  if ((is_new && pods_.size() >= limits_.pods) || of_others + bytes > limits_.pod_bytes) {
    ++left_out_;
    if (!is_new) drop(before);
    return false;
  }
  pod_bytes_ = of_others + bytes;
  const auto place = pods_.try_emplace(uid).first;
  PodRow& row = place->second;
  row.bytes = bytes;
  row.listing = pod_listing_;
  if (pod.pod.uid == place->first) pod.pod.uid = place->first;
  if (is_new || row.pod.node != pod.node) {
    if (!is_new) unbind(row);
    row.pod = std::move(pod);
    bind(row);
    return true;
  }
  const bool is_changed = row.pod.pod != pod.pod || row.pod.batch_requests != pod.batch_requests;
  pod.node = row.pod.node;
  row.pod = std::move(pod);
  if (is_changed && !row.pod.node.empty()) mark(nodes_.find(row.pod.node));
  return true;
}

void Mirror::pod_gone(const std::string& uid) {
  const auto found = pods_.find(model::PodUid(uid));
  if (found != pods_.end()) drop(found);
}

void Mirror::end_pods() {
  for (auto pod = pods_.begin(); pod != pods_.end();)
    pod = pod->second.listing == pod_listing_ ? std::next(pod) : drop(pod);
  pods_listed_ = true;
}

const NodeObject* Mirror::node(const model::NodeName& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() || !found->second.known ? nullptr : &found->second.node;
}

const PodObject* Mirror::pod(const model::PodUid& uid) const {
  const auto found = pods_.find(uid);
  return found == pods_.end() ? nullptr : &found->second.pod;
}

std::vector<model::NodeName> Mirror::changed() {
  if (!complete()) return {};
  std::vector<model::NodeName> names(changed_.begin(), changed_.end());
  changed_.clear();
  return names;
}

model::NodeObjects Mirror::objects(const model::NodeName& name) const {
  model::NodeObjects told;
  const auto found = nodes_.find(name);
  if (found == nodes_.end() || !found->second.known) return told;
  const NodeObject& node = found->second.node;
  told.labels = node.labels;
  told.annotations = told_annotations(node);
  told.cpu_allocatable = node.cpu_allocatable;
  told.memory_allocatable = node.memory_allocatable;
  const Choice choice = choice_of(found->second);
  told.pods.reserve(choice.pods.size());
  for (const PodObject* pod : choice.pods) {
    told.pods.push_back(pod->pod);
    if (choice.unbound.contains(pod)) told.pods.back().bound_cpus = {};
  }
  return told;
}

BatchRequests Mirror::batch_requests(const model::NodeName& name) const {
  BatchRequests sums;
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) return sums;
  for (const PodObject* pod : found->second.pods) {
    if (has_ended(pod->pod)) continue;
    add_named(sums.cpu, pod->batch_requests.cpu, pod->pod.requests.batch_cpu);
    add_named(sums.memory, pod->batch_requests.memory, pod->pod.requests.batch_memory);
  }
  return sums;
}

std::vector<std::string> Mirror::problems(const model::NodeName& name) const {
  std::vector<std::string> lines;
  const auto found = nodes_.find(name);
  if (found == nodes_.end() || !found->second.known) return lines;
  const NodeRow& row = found->second;
  const Choice choice = choice_of(row);
  if (choice.left_out > 0) {
    lines.push_back(fmt::format("{} of its {} pods are left out: a report holds {}, and {} bytes of them",
                                choice.left_out, row.pods.size(), ReportLimits::kMaxPods,
                                ReportLimits::kMaxPodsWireBytes));
  }
  if (!choice.unbound.empty()) {
    lines.push_back(fmt::format("{} of its pods are taken for not bound: a report holds {} bound CPUs",
                                choice.unbound.size(), ReportLimits::kMaxBoundCpus));
  }
  lines.insert(lines.end(), row.node.problems.begin(), row.node.problems.end());
  std::vector<const PodObject*> pods(row.pods.begin(), row.pods.end());
  sort_by_uid(pods);
  for (const PodObject* pod : pods) {
    for (const auto& problem : pod->problems) {
      if (lines.size() >= kMaxProblems) return lines;
      lines.push_back(line_of(*pod, problem));
    }
  }
  return lines;
}

Mirror::Choice Mirror::choice_of(const NodeRow& row) {
  std::vector<const PodObject*> pods(row.pods.begin(), row.pods.end());
  // The mirror of a static pod that is being replaced is there twice.
  std::sort(pods.begin(), pods.end(), [](const PodObject* a, const PodObject* b) {
    return std::tie(a->pod.uid, b->created) < std::tie(b->pod.uid, a->created);
  });
  pods.erase(std::unique(pods.begin(), pods.end(),
                         [](const PodObject* a, const PodObject* b) { return a->pod.uid == b->pod.uid; }),
             pods.end());
  const auto rank = [](const PodObject* pod) { return std::tuple(has_ended(pod->pod), pod->created, pod->pod.uid); };
  std::sort(pods.begin(), pods.end(), [&](const PodObject* a, const PodObject* b) { return rank(a) < rank(b); });
  Choice choice;
  std::size_t bytes = 0;
  std::size_t bound = 0;
  for (const PodObject* pod : pods) {
    const std::size_t own = wire_bytes(pod->pod);
    if (choice.pods.size() == ReportLimits::kMaxPods || bytes + own > ReportLimits::kMaxPodsWireBytes) {
      ++choice.left_out;
      continue;
    }
    bytes += own;
    choice.pods.push_back(pod);
    const std::size_t cpus = pod->pod.bound_cpus.cpus().size();
    if (bound + cpus > ReportLimits::kMaxBoundCpus) {
      choice.unbound.insert(pod);
    } else {
      bound += cpus;
    }
  }
  sort_by_uid(choice.pods);
  return choice;
}

void Mirror::mark(Nodes::iterator node) {
  if (node->second.known) changed_.insert(node->first);
}

void Mirror::lose(Nodes::iterator node) {
  changed_.erase(node->first);
  --known_nodes_;
  node_bytes_ -= node->second.bytes;
  node->second.bytes = 0;
  node->second.known = false;
  node->second.node = {};
  if (node->second.pods.empty()) nodes_.erase(node);
}

void Mirror::bind(PodRow& row) {
  if (row.pod.node.empty()) return;
  const auto node = nodes_.try_emplace(row.pod.node).first;
  // One copy of the name for all pods of the node.
  row.pod.node = node->first;
  node->second.pods.insert(&row.pod);
  mark(node);
}

void Mirror::unbind(const PodRow& row) {
  if (row.pod.node.empty()) return;
  const auto node = nodes_.find(row.pod.node);
  node->second.pods.erase(&row.pod);
  mark(node);
  if (!node->second.known && node->second.pods.empty()) nodes_.erase(node);
}

Mirror::Pods::iterator Mirror::drop(Pods::iterator pod) {
  unbind(pod->second);
  pod_bytes_ -= pod->second.bytes;
  return pods_.erase(pod);
}

std::size_t wire_bytes(const model::Pod& pod) {
  // messages/schema/report.capnp: the summary with its spreads, ratios and signals, Pod, priority, requests and limits;
  // and a far pointer for each reference of the summary's.
  constexpr std::size_t kPod = 48 + 64 + 32 + 32 + 144 + 16 + 2 * 96 + 8 + 6 * 16;
  constexpr std::size_t kContainer = 32;
  constexpr std::size_t kResources = 96;
  constexpr std::size_t kRest = 104 + 32 + 16 + 48;  // cpuBurst, cpuQos, sub-priority, mid
  constexpr std::size_t kMemoryQos = 16 + 9 * (8 + 16);
  const auto text = [](std::size_t bytes) { return bytes / 8 * 8 + 8; };
  std::size_t sum = kPod + text(pod.uid.str().size()) + text(pod.name_space.size()) + text(pod.name.size()) +
                    text(pod.workload.size()) + text(pod.core_sched.group_id.size());
  for (const auto& container : pod.containers) {
    sum += kContainer + text(container.name.size()) + text(container.id.size());
    if (container.requests != model::Resources{}) sum += kResources;
    if (container.limits != model::Resources{}) sum += kResources;
  }
  if (!pod.bound_cpus.empty()) sum += text(pod.bound_cpus.text().size());
  if (pod.eviction.allowed_by) {
    sum += 8;
    for (const auto& feature : *pod.eviction.allowed_by)
      sum += 8 + text(feature.size());
  }
  if (pod.cpu_burst || pod.cpu_qos || pod.eviction.sub_priority || pod.mid_requests != model::MidRequests{})
    sum += kRest;
  if (pod.memory_qos) sum += kMemoryQos;
  return sum;
}

}  // namespace tideline::k8s
