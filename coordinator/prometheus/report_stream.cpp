#include "coordinator/prometheus/report_stream.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "coordinator/prometheus/series.h"
#include "messages/model/qos.h"

namespace tideline::prometheus {
namespace {

/// Pods that come from systemd or a file may have a uid alone.
const std::string& name_of_pod(const model::Pod& pod) {
  return pod.name.empty() ? pod.uid.str() : pod.name;
}

}  // namespace

Appended ReportStream::append(const model::Report& report, model::WallTime at, std::string& request) {
  Appended done;
  Node* const node = in_order(report.node, at);
  if (node == nullptr) {
    done.late = samples_of(report);
    return done;
  }
  const auto series = all_series();
  const auto labels = labels_of(report);
  if (labels != node->labels) {
    done.samples += end_all(*node, at, request);
    node->labels = labels;
  }
  const SeriesLabels of_node(labels);
  std::uint64_t known = 0;
  for (std::size_t i = 0; i < series.size() && series[i].of == SeriesOf::kNode; ++i) {
    if (!options_.series.has(i)) continue;
    const std::uint64_t bit = std::uint64_t{1} << i;
    if (const auto value = node_value(i, report)) {
      of_node.append(request, series[i].name, *value, at);
      known |= bit;
    } else if ((node->known & bit) != 0) {
      of_node.append_stale(request, series[i].name, at);
    } else {
      continue;
    }
    ++done.samples;
  }
  node->known = known;
  if (options_.series.has_pods()) append_pods(report, at, labels, request, done);
  return done;
}

/// With other labels they are other series.
std::size_t ReportStream::end_all(Node& node, model::WallTime at, std::string& request) {
  const auto series = all_series();
  const SeriesLabels before(node.labels);
  std::size_t ended = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (((node.known >> i) & 1) == 0) continue;
    before.append_stale(request, series[i].name, at);
    ++ended;
  }
  node.known = 0;
  return ended;
}

std::size_t ReportStream::samples_of(const model::Report& report) const {
  const auto series = all_series();
  std::size_t count = 0;
  for (std::size_t i = 0; i < series.size() && series[i].of == SeriesOf::kNode; ++i) {
    if (options_.series.has(i) && node_value(i, report)) ++count;
  }
  if (!options_.series.has_pods()) return count;
  for (const auto& pod : report.pods)
    count += samples_of(pod);
  return count;
}

std::size_t ReportStream::samples_of(const model::PodSummary& pod) const {
  const auto series = all_series();
  std::size_t count = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (series[i].of == SeriesOf::kPod && options_.series.has(i) && pod_value(i, pod)) ++count;
  }
  return count;
}

void ReportStream::append_pods(const model::Report& report, model::WallTime at, const std::vector<Label>& of_node,
                               std::string& request, Appended& done) const {
  const auto series = all_series();
  const std::size_t begin = request.size();
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& summary : report.pods) {
    const std::size_t samples = samples_of(summary);
    if (samples == 0) continue;
    const model::Pod& pod = *summary.pod;
    auto name_space = label_value(pod.name_space);
    auto name = label_value(name_of_pod(pod));
    // Of two, one that ends and the one in its place, both would have the same series.
    const bool is_first = seen.emplace(name_space, name).second;
    if (!is_first || request.size() - begin >= kMaxReportBytes) {
      done.left_out += samples;
      continue;
    }
    auto labels = of_node;
    labels.push_back({"namespace", std::move(name_space)});
    labels.push_back({"pod", std::move(name)});
    labels.push_back({"qos", std::string(model::name_of(pod.qos))});
    labels.push_back({"workload", label_value(pod.workload)});
    const SeriesLabels of_pod(std::move(labels));
    for (std::size_t i = 0; i < series.size(); ++i) {
      if (series[i].of != SeriesOf::kPod || !options_.series.has(i)) continue;
      if (const auto value = pod_value(i, summary)) of_pod.append(request, series[i].name, *value, at);
    }
    done.samples += samples;
  }
}

std::vector<Label> ReportStream::labels_of(const model::Report& report) const {
  std::vector<Label> labels;
  labels.reserve(options_.labels.size() + 5);
  labels.push_back({"node", label_value(report.node.str())});
  for (const auto& wanted : options_.labels) {
    const auto found = report.status.labels.find(wanted.key);
    // An empty label is none: without it the same series has equal labels.
    if (found == report.status.labels.end() || found->second.empty()) continue;
    labels.push_back({wanted.name, label_value(found->second)});
  }
  return labels;
}

/// Null: it is not.
ReportStream::Node* ReportStream::in_order(const model::NodeName& name, model::WallTime at) {
  if (at <= options_.after) return nullptr;
  auto found = nodes_.find(name);
  if (found == nodes_.end()) {
    if (nodes_.size() >= options_.max_nodes) forget_oldest();
    found = nodes_.emplace(name, Node{}).first;
  } else if (at <= found->second.newest) {
    return nullptr;
  }
  found->second.newest = at;
  return &found->second;
}

/// A quarter of them, so that it is not done for each node that comes.
void ReportStream::forget_oldest() {
  std::vector<model::WallTime> times;
  times.reserve(nodes_.size());
  for (const auto& [name, node] : nodes_)
    times.push_back(node.newest);
  const auto last = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 4);
  std::nth_element(times.begin(), last, times.end());
  std::erase_if(nodes_, [until = *last](const auto& each) { return each.second.newest <= until; });
}

}  // namespace tideline::prometheus
