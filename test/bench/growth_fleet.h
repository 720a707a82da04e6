#pragma once
// Nodes for benches of history: services that follow the day and the week, each in its own way and with noise of its
// own, and batch pods that come and go. From a seed: the same numbers everywhere.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "messages/model/report.h"

namespace tideline::bench {

/// Draws that are the same with every library; small and fast, for there are a billion of them in a year.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    // SplitMix64 (Steele, Lea, Flood, 2014).
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double between(double low, double high) { return low + (high - low) * uniform(); }
  /// Mean 0, deviation 1; near enough to normal, and never beyond 3.5.
  double bell() { return (uniform() + uniform() + uniform() + uniform() - 2) * 1.7320508075688772; }

 private:
  std::uint64_t state_;
};

struct GrowthShape {
  std::size_t services = 24;
  std::size_t batch = 6;      // at any time
  double batch_minutes = 40;  // that a batch pod lives, in the mean; each is of a job of its own
  model::MilliCpu cpu{32'000};
  model::Bytes memory{std::int64_t{128} << 30};
};

class GrowthNode {
 public:
  GrowthNode(model::NodeName name, const GrowthShape& shape, std::uint64_t seed, model::WallTime begin);

  /// The next one, of the window that ends at `wall`, with so many samples. Passes model::validate. Good until the next
  /// call.
  const model::Report& report(model::WallTime wall, model::Duration window, std::size_t samples);
  /// Of the newest report's pods: another number where they are others. Never 0.
  std::uint64_t pod_list() const { return list_; }
  std::uint64_t pods_made() const { return made_; }

 private:
  struct Load {
    bool batch = false;
    double cpu_milli = 0;  // in the mean
    double swing = 0;      // with the hour of the day
    double phase_hours = 0;
    double restless = 0;  // how far a minute is from the one before
    double noise = 0;     // what is left of earlier minutes
    double memory = 0;    // bytes, least
    double breathes = 0;  // how much of it comes and goes
    double breath = 0;    // 0..1
    double breath_hours = 1;
    model::WallTime ends;  // of batch
  };
  struct Sums {
    double ls_cpu = 0;
    double be_cpu = 0;
    double ls_memory = 0;
    double be_memory = 0;
  };

  void add_service(std::size_t index);
  void put_batch(std::size_t index, model::WallTime now);
  void end_batch(model::WallTime now);
  model::Pod pod_of(const Load& load, std::size_t index);
  double cpu_of(Load& load, model::WallTime wall, double keeps);
  void use(std::size_t index, model::WallTime wall, double minutes, double keeps, Sums& sums);
  model::NodeSample sample(const Sums& sums);

  GrowthShape shape_;
  Draws draws_;
  std::uint64_t name_hash_;
  std::vector<Load> loads_;  // as report_.pods
  model::Report report_;
  model::WallTime begin_;
  std::uint64_t list_ = 1;
  std::uint64_t made_ = 0;
};

}  // namespace tideline::bench
