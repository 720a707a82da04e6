#pragma once
// Reports -> the series chosen of them, as parts of requests, in an order that Prometheus takes.

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coordinator/prometheus/choice.h"
#include "coordinator/prometheus/write_request.h"
#include "messages/model/report.h"

namespace tideline::prometheus {

struct StreamOptions {
  SeriesChoice series;
  std::vector<NodeLabel> labels;
  /// Nothing of this time or before is given: what another process sent of it is not known.
  model::WallTime after;
  std::size_t max_nodes = 1 << 16;  // whose newest time is kept; at least 1
};

/// In samples.
struct Appended {
  std::size_t samples = 0;   // given, the ends of series included
  std::size_t late = 0;      // not given, for their order
  std::size_t left_out = 0;  // not given: of the second of two pods of one name, or beyond kMaxReportBytes
};

/// Labels: node; those chosen of the node; of pods namespace, pod (its uid where it has no name), qos and workload, if
/// it has any. One sample a report and series, at the report's corrected time.
///
/// A series must not go back in time: Prometheus refuses a whole request for one sample that does. Each series has its
/// node's name, so a report whose time is not after that of its node's newest one gives nothing, as one does that
/// corrected time places where another was.
///
/// A node's series that the report before had, and this one does not, is ended; so are all of a node when its labels
/// change. Those of pods are not: Prometheus shows the last value of a pod that is gone for five minutes more.
class ReportStream {
 public:
  explicit ReportStream(StreamOptions options) : options_(std::move(options)) {}

  /// At most kMaxReportBytes are appended, and one pod more.
  Appended append(const model::Report& report, model::WallTime at, std::string& request);
  /// How many samples it has that are chosen.
  std::size_t samples_of(const model::Report& report) const;

  static constexpr std::size_t kMaxReportBytes = 1 << 20;

 private:
  struct Node {
    model::WallTime newest;
    std::uint64_t known = 0;    // a bit for each series that the newest report had
    std::vector<Label> labels;  // of them
  };

  Node* in_order(const model::NodeName& name, model::WallTime at);
  void forget_oldest();
  static std::size_t end_all(Node& node, model::WallTime at, std::string& request);
  std::vector<Label> labels_of(const model::Report& report) const;
  std::size_t samples_of(const model::PodSummary& pod) const;
  void append_pods(const model::Report& report, model::WallTime at, const std::vector<Label>& of_node,
                   std::string& request, Appended& done) const;

  StreamOptions options_;
  std::unordered_map<model::NodeName, Node> nodes_;
};

}  // namespace tideline::prometheus
