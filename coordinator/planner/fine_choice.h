#pragma once
// Which steps of which hosts are looked into.

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tideline::planner {

/// [from_s, until_s), since the epoch, on all hosts: the steps that begin in it.
struct FineWindow {
  std::int64_t from_s = 0;
  std::int64_t until_s = 0;
  friend bool operator==(const FineWindow&, const FineWindow&) = default;
};

/// A step of a host, by its number in the fleet.
struct HostStep {
  std::uint32_t host = 0;
  std::uint64_t step = 0;
  friend auto operator<=>(const HostStep&, const HostStep&) = default;
};

/// The same times, ascending, none within or at the end of another.
std::vector<FineWindow> joined_windows(std::vector<FineWindow> windows);

struct FineChoice {
  std::vector<FineWindow> windows;   // as joined_windows() gives them
  std::vector<HostStep> host_steps;  // ascending

  bool has(std::size_t host, std::size_t step, std::int64_t begin_s) const {
    const auto behind =
        std::upper_bound(windows.begin(), windows.end(), begin_s,
                         [](std::int64_t time, const FineWindow& window) { return time < window.from_s; });
    if (behind != windows.begin() && begin_s < (behind - 1)->until_s) return true;
    return std::binary_search(host_steps.begin(), host_steps.end(), HostStep{static_cast<std::uint32_t>(host), step});
  }
};

/// How full a host was in a step: what services and system used and batch might, as a share of its CPU; more than 1
/// where services used more than there was.
struct FullStep {
  HostStep at;
  double share = 0;
  friend bool operator==(const FullStep&, const FullStep&) = default;
};

/// The fullest of those that were added, and the same in whatever parts and order they were.
class FullestSteps {
 public:
  FullestSteps() = default;  // keeps none
  explicit FullestSteps(std::size_t most) : most_(most) {}
  void add(const FullStep& step);
  /// The most of both.
  void add(const FullestSteps& other);
  std::size_t most() const { return most_; }
  /// The fullest first; of equals the first step, and of these the first host.
  const std::vector<FullStep>& steps();

 private:
  void keep_most();

  std::size_t most_ = 0;
  std::vector<FullStep> steps_;
};

}  // namespace tideline::planner
