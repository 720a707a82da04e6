#include "node-actor/fleet/bench_rows.h"

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tideline::rehearsal {
namespace {

double ms(model::Duration value) {
  return static_cast<double>(value.count()) / 1e6;
}
double seconds(model::Duration value) {
  return static_cast<double>(value.count()) / 1e9;
}

}  // namespace

void BenchRows::start(model::MonoTime now) {
  begin_ = last_connected_ = now;
}

void BenchRows::connected(model::MonoTime at) {
  ++row_.connected;
  ++whole_.connected;
  last_connected_ = at;
}

void BenchRows::disconnected(bool was_up) {
  for (Counts* counts : {&row_, &whole_})
    ++(was_up ? counts->lost : counts->failed);
}

void BenchRows::made() {
  ++row_.made;
  ++whole_.made;
}

void BenchRows::missed() {
  ++row_.missed;
  ++whole_.missed;
}

void BenchRows::acked() {
  ++row_.acked;
  ++whole_.acked;
}

void BenchRows::refused() {
  ++row_.refused;
  ++whole_.refused;
}

void BenchRows::latency(model::Duration value) {
  row_.latencies.add(value);
  whole_.latencies.add(value);
}

void BenchRows::policy(model::PolicyVersion version, model::MonoTime at) {
  ++row_.policies;
  ++whole_.policies;
  if (version > version_) {
    version_ = version;
    version_first_ = at;
  }
  if (version == version_) version_last_ = at;
}

void BenchRows::print(model::MonoTime now, std::size_t sessions) {
  line("row", now, sessions, row_, 0);
  row_ = {};
}

void BenchRows::print_whole(model::MonoTime now, std::size_t sessions, std::size_t open) {
  line("whole", now, sessions, whole_, open);
}

void BenchRows::line(const char* kind, model::MonoTime now, std::size_t sessions, const Counts& counts,
                     std::size_t open) {
  const auto& times = counts.latencies;
  const double p50 = ms(times.percentile(0.5));
  const double p99 = ms(times.percentile(0.99));
  const double p999 = ms(times.percentile(0.999));
  const double max = ms(times.percentile(1));
  if (json_) {
    const nlohmann::json row = {{"kind", kind},
                                {"second", seconds(now - begin_)},
                                {"sessions", sessions},
                                {"connected", counts.connected},
                                {"lastConnectedSecond", seconds(last_connected_ - begin_)},
                                {"lost", counts.lost},
                                {"failedAttempts", counts.failed},
                                {"made", counts.made},
                                {"acked", counts.acked},
                                {"refused", counts.refused},
                                {"missed", counts.missed},
                                {"open", open},
                                {"ackMs", {{"p50", p50}, {"p99", p99}, {"p999", p999}, {"max", max}}},
                                {"policies", counts.policies},
                                {"policyVersion", version_.value()},
                                {"policySpreadMs", ms(version_last_ - version_first_)}};
    fmt::print("{}\n", row.dump());
  } else {
    if (!headed_) {
      fmt::print("{:>8} {:>8} {:>9} {:>6} {:>7} {:>8} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8}\n", "second",
                 "sessions", "connected", "lost", "failed", "acked", "refused", "missed", "p50 ms", "p99 ms",
                 "p99.9 ms", "max ms", "policies");
      headed_ = true;
    }
    const std::string label = std::string(kind) == "row" ? fmt::format("{:.0f}", seconds(now - begin_)) : kind;
    fmt::print("{:>8} {:>8} {:>9} {:>6} {:>7} {:>8} {:>7} {:>7} {:>8.1f} {:>8.1f} {:>8.1f} {:>8.1f} {:>8}\n", label,
               sessions, counts.connected, counts.lost, counts.failed, counts.acked, counts.refused, counts.missed, p50,
               p99, p999, max, counts.policies);
    if (open != 0) fmt::print("{} reports had no answer at the end\n", open);
  }
  std::fflush(stdout);
}

}  // namespace tideline::rehearsal
