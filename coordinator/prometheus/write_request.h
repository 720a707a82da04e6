#pragma once
// Prometheus' remote write, version 1.0, as bytes (prometheus.io, "Prometheus Remote-Write 1.0 specification"):
//   WriteRequest { repeated TimeSeries timeseries = 1; }
//   TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; }
//   Label        { string name = 1; string value = 2; }
//   Sample       { double value = 1; int64 timestamp = 2; }   timestamp: ms since the epoch
// in Protocol Buffers' encoding, then as one block of Snappy. Metadata is optional there, and not sent.
//
// A request is nothing but its series one after the other: what is appended to one text is a request at any time.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/units.h"

namespace tideline::prometheus {

struct Label {
  std::string name;
  std::string value;
  friend bool operator==(const Label&, const Label&) = default;
};

/// What a label's value may be: UTF-8, at most kMaxLabelValueBytes, cut between characters. Bytes that are none become
/// U+FFFD.
std::string label_value(std::string_view text);
inline constexpr std::size_t kMaxLabelValueBytes = 256;

/// The labels of some series that differ in their name only.
class SeriesLabels {
 public:
  /// In any order, no name twice, none of them __name__. Those without a value are left out, as an empty label is none.
  explicit SeriesLabels(std::vector<Label> labels);

  /// Appends a series of one sample. `name` is not empty.
  void append(std::string& request, std::string_view name, double value, model::WallTime at) const;
  /// Says that the series ends here: Prometheus does not show its last value any longer.
  void append_stale(std::string& request, std::string_view name, model::WallTime at) const;

 private:
  void append_bits(std::string& request, std::string_view name, std::uint64_t bits, model::WallTime at) const;

  std::string before_;  // labels that come before __name__, as fields of a TimeSeries
  std::string after_;
};

/// A whole request as it is sent.
std::string compressed(std::string_view request);

}  // namespace tideline::prometheus
