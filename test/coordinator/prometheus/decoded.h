#pragma once
// Requests of remote write as their receiver reads them: Snappy and Protocol Buffers, by a reader of the test's own.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tideline::prometheus {

struct DecodedSample {
  std::uint64_t bits = 0;  // of the value
  std::int64_t ms = 0;
  double value() const;
  friend bool operator==(const DecodedSample&, const DecodedSample&) = default;
};

struct DecodedSeries {
  std::vector<std::pair<std::string, std::string>> labels;  // in their order
  std::vector<DecodedSample> samples;

  /// "" where there is no such label.
  std::string label(std::string_view name) const;
  std::string name() const { return label("__name__"); }
};

/// Without Snappy. nullopt: it is no WriteRequest, or has a field that Prometheus does not know.
std::optional<std::vector<DecodedSeries>> decoded_plain(std::string_view request);
std::optional<std::vector<DecodedSeries>> decoded(std::string_view block);

/// Its only series of this name; one without samples where there is none, or there are more.
DecodedSeries only(const std::vector<DecodedSeries>& series, std::string_view name);

}  // namespace tideline::prometheus
