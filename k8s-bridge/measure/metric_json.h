#pragma once
// NodeMetric objects (slo.koordinator.sh/v1alpha1) as they are written to the API server. Plain functions.

#include <cstddef>
#include <string>
#include <string_view>

#include "messages/model/ids.h"
#include "messages/model/node_metric.h"
#include "messages/model/units.h"

namespace tideline::measure {

/// About a thousand pods with names of the usual length. etcd takes 1.5 MiB.
inline constexpr std::size_t kMaxStatusBytes = std::size_t{256} << 10;

inline constexpr std::string_view kNodeMetricsPath = "/apis/slo.koordinator.sh/v1alpha1/nodemetrics";
std::string object_path(const model::NodeName& node);
std::string status_path(const model::NodeName& node);

/// All of an object but its status.
struct Wanted {
  model::NodeName node;
  std::string node_uid;
  model::Duration interval{0};  // in whole seconds, as `averaged`
  model::Duration averaged{0};
  friend bool operator==(const Wanted&, const Wanted&) = default;
};

/// For a POST to kNodeMetricsPath. Its owner is the Node: it goes with it.
std::string object_body(const Wanted& wanted);
/// Merge patch of an object that is there: owner and spec alone.
std::string object_patch(const Wanted& wanted);
/// Whether the object's JSON, which is anyone's, has that spec and that Node, by its uid, among its owners. True of
/// what cannot be read: nothing is known to be wrong.
bool is_as_wanted(std::string_view object, const Wanted& wanted);

struct StatusPatch {
  std::string body;
  std::size_t pods_left_out = 0;
};
/// Merge patch of the status: a part that is not known is removed. The pods, by namespace and name, are as many as
/// `max_bytes` has room for: where they are not all, those that use most CPU, then most memory, are in it.
StatusPatch status_patch(const model::NodeMetric& metric, std::size_t max_bytes = kMaxStatusBytes);

}  // namespace tideline::measure
