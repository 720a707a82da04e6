#pragma once
// A host in virtual time whose services are a steady load with noise, and CPU suppress on it: a closed loop of 100 ms,
// and of 50 where a fall may have begun, pods read each second, batch that takes all it may, and a kernel that does
// what is decided.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>

#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/fall_watch.h"
#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test {

/// What services use in a window, beside a mean that stays.
struct SteadyLoad {
  enum class Noise {
    kSpread,    // `size` percent of capacity, as a standard deviation
    kRequests,  // each takes `size` ms of a CPU; they come by themselves
    kBursts     // a window with `size` percent of capacity more, every `every_s` seconds on average
  };
  const char* name;
  Noise noise = Noise::kSpread;
  double size = 0;
  double every_s = 1;
  /// The node's CPU time is what ticks of 4 ms found running, in units of 10 ms, as of /proc/stat. Batch's is exact.
  bool by_ticks = false;
};

class SteadyHost {
 public:
  /// Of capacity.
  static constexpr double kServices = 0.25;
  static constexpr double kThreshold = 0.65;

  SteadyHost(int cpus, const SteadyLoad& load, unsigned seed,
             const model::NodePolicy& policy = policy_of(SuppressPolicy::kCfsQuota))
      : load_(load), cpus_(cpus), capacity_(1000.0 * cpus), policy_(policy), engine_(seed) {
    input_.now = kNow;
    input_.node = {MilliCpu(1000 * cpus), MilliCpu(1000 * cpus)};
    input_.be_outside_root = MilliCpu(0);
    input_.protection = {true, "verified"};
    input_.current = CurrentLimit::none();
  }

  /// 100 ms in which services use `more` beyond their load, and the round after it; and where that wants a round soon,
  /// 50 ms more and another. How many of them wrote.
  int round(double more = 0) {
    int writes = window(100ms, more) ? 1 : 0;
    if (wants_round_soon_) writes += window(50ms, more) ? 1 : 0;
    return writes;
  }

  /// So long, and the round after it. Whether it wrote.
  bool window(std::chrono::milliseconds length, double more) {
    const double seconds = std::chrono::duration<double>(length).count();
    const double services = std::clamp(use_of_services(seconds) + more, 0.0, capacity_);
    const double batch = std::min(limit(), capacity_ - services);
    const auto before = total_;
    count(services, batch, seconds);
    input_.now = input_.now + length;
    const bool is_second = input_.now - pods_at_ >= 1s;
    input_.fast = model::FastSample{.at = input_.now,
                                    .window = length,
                                    .node_cpu = rate(before.node, total_.node, seconds),
                                    .be_cpu = rate(before.batch, total_.batch, seconds),
                                    .be_periods = is_second ? 1 : 0,
                                    .be_outside_cpu = {}};
    const auto step = cpu_suppress_untold(state_, input_, policy_);
    state_ = step.state;
    decision_ = step.decision;
    wants_round_soon_ = falls_.may_have_begun(decision_.terms);
    if (decision_.write) input_.current = kept();
    if (is_second) read_pods();
    seconds_ += seconds;
    services_used_ += services * seconds;
    batch_used_ += batch * seconds;
    return decision_.write;
  }
  bool wants_round_soon() const { return wants_round_soon_; }

  /// What batch may use; all of the host without a quota.
  double limit() const {
    return input_.current.kind == CurrentLimit::Kind::kQuota ? static_cast<double>(input_.current.quota.value())
                                                             : capacity_;
  }
  const SuppressDecision& decision() const { return decision_; }
  SuppressInput& input() { return input_; }
  double capacity() const { return capacity_; }

  /// Means since the last call of begin_count().
  void begin_count() {
    services_used_ = batch_used_ = 0;
    seconds_ = 0;
  }
  double mean_services() const { return services_used_ / seconds_; }
  double mean_batch() const { return batch_used_ / seconds_; }

 private:
  /// ms of CPU.
  struct Total {
    double node = 0;
    double services = 0;
    double batch = 0;
  };

  static MilliCpu rate(double before, double now, double seconds) {
    return MilliCpu(std::llround((now - before) / seconds));
  }

  double use_of_services(double seconds) {
    const double mean = kServices * capacity_;
    // Of what comes by chance half of a window has less, and of its mean is farther off.
    const double wider = std::sqrt(0.1 / seconds);
    switch (load_.noise) {
      case SteadyLoad::Noise::kSpread:
        break;
      case SteadyLoad::Noise::kRequests: {
        std::poisson_distribution<int> requests(mean * seconds / load_.size);
        return requests(engine_) * load_.size / seconds;
      }
      case SteadyLoad::Noise::kBursts: {
        const bool bursts = std::uniform_real_distribution<double>(0, 1)(engine_) < seconds / load_.every_s;
        return spread(mean, wider) + (bursts ? load_.size / 100 * capacity_ : 0.0);
      }
    }
    return spread(mean, load_.size * wider);
  }

  double spread(double mean, double percent) {
    return percent > 0 ? std::normal_distribution<double>(mean, percent / 100 * capacity_)(engine_) : mean;
  }

  void count(double services, double batch, double seconds) {
    total_.services += services * seconds;
    total_.batch += batch * seconds;
    if (!load_.by_ticks) {
      total_.node += (services + batch) * seconds;
      return;
    }
    const auto ticks = static_cast<int>(std::lround(seconds / 0.004));
    std::binomial_distribution<int> found_running(ticks * cpus_, std::min(1.0, (services + batch) / capacity_));
    ticks_ms_ += 4.0 * found_running(engine_);
    total_.node = 10 * std::floor(ticks_ms_ / 10);
  }

  void read_pods() {
    model::NodeSample pods;
    pods.at = input_.now;
    pods.window = input_.now - pods_at_;
    const double seconds = std::chrono::duration<double>(pods.window).count();
    pods.node_cpu = rate(at_last_pods_.node, total_.node, seconds);
    pods.ls_cpu = rate(at_last_pods_.services, total_.services, seconds);
    pods.be_cpu = rate(at_last_pods_.batch, total_.batch, seconds);
    pods_at_ = input_.now;
    pods.ls_delay_per_cpu = 0.01;
    input_.pods = pods;
    at_last_pods_ = total_;
  }

  CurrentLimit kept() const {
    return decision_.action == Action::kLimit ? CurrentLimit::of(decision_.limit) : CurrentLimit::none();
  }

  SteadyLoad load_;
  int cpus_;
  double capacity_;
  std::optional<model::NodePolicy> policy_;
  std::mt19937 engine_;
  SuppressInput input_;
  SuppressState state_;
  SuppressDecision decision_;
  Total total_;
  Total at_last_pods_;
  double ticks_ms_ = 0;
  model::MonoTime pods_at_ = kNow;
  FallWatch falls_;
  bool wants_round_soon_ = false;
  double seconds_ = 0;  // since begin_count()
  double services_used_ = 0;
  double batch_used_ = 0;
};

}  // namespace tideline::decide::test
