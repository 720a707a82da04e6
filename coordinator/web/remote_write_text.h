#pragma once
// What metrics say of Prometheus remote write.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "messages/model/units.h"

namespace tideline::web {

struct RemoteWriteNumbers {
  using Counts = std::vector<std::pair<std::string_view, std::uint64_t>>;
  Counts samples;  // by outcome
  Counts answers;  // requests by answer, each attempt
  std::uint64_t queued_bytes = 0;
  std::uint64_t queued_samples = 0;
  model::WallTime newest;  // of all samples that were sent; 0 = none was
};
/// The families tideline_remote_write_*.
std::string remote_write_text(const RemoteWriteNumbers& numbers);

}  // namespace tideline::web
