#pragma once
// CPU of the last seconds as eviction judges it: means over cpuEvictTimeWindowSeconds, in bounded memory.

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "messages/model/policy.h"
#include "messages/model/units.h"

namespace tideline::decide {

/// A window is kept as at most about this many buckets, however long it is and however often a reading comes.
constexpr int kEvictBuckets = 60;

/// One reading. nullopt = not known. What is BE's counts as batch-cpu does.
struct EvictReading {
  model::MonoTime at;
  model::Duration window{0};                // that node_cpu and be_cpu are rates over
  std::optional<model::MilliCpu> node_cpu;  // all CPU used on the host
  std::optional<model::MilliCpu> be_cpu;    // used below the besteffort root
  std::optional<model::MilliCpu> be_limit;  // what BE could have had
  model::MilliCpu be_request;               // what its pods ask for
  friend bool operator==(const EvictReading&, const EvictReading&) = default;
};

/// BE at one instant or as a mean over a window.
struct BeView {
  model::MilliCpu limit;
  model::MilliCpu request;
  model::MilliCpu use;
  friend bool operator==(const BeView&, const BeView&) = default;
};

/// Nothing is known where `covered` is 0.
struct BeMean {
  BeView view;
  model::Duration covered{0};  // the time its readings stand for
};
struct NodeMean {
  model::MilliCpu use;
  model::Duration covered{0};
};

class EvictWindow {
 public:
  struct Bucket {
    model::MonoTime first;
    model::MonoTime last;
    std::int64_t be_readings = 0;
    model::Duration be_covered{0};
    BeView be_sum;
    std::int64_t node_readings = 0;
    model::Duration node_covered{0};
    model::MilliCpu node_sum;
  };
  /// All it remembers, for a recording.
  struct Kept {
    model::Duration length{0};
    model::CpuEvictPolicy limit_kind = model::CpuEvictPolicy::kRealLimit;
    std::vector<Bucket> buckets;  // oldest first
  };

  EvictWindow() = default;
  explicit EvictWindow(Kept kept) : kept_(std::move(kept)) {}
  const Kept& kept() const { return kept_; }

  /// Another length or another meaning of be_limit starts anew.
  void configure(model::Duration length, model::CpuEvictPolicy limit_kind);
  /// A reading counts once, and one from before the newest not at all. It stands for at most `longest`: a gap in the
  /// readings is not time that was watched.
  void add(const EvictReading& reading, model::Duration longest);
  BeMean be(model::MonoTime now) const;
  NodeMean node(model::MonoTime now) const;
  model::Duration length() const { return kept_.length; }
  std::size_t buckets() const { return kept_.buckets.size(); }

 private:
  bool within(const Bucket& bucket, model::MonoTime now) const;

  Kept kept_;
};

}  // namespace tideline::decide
