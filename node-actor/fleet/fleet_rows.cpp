#include "node-actor/fleet/fleet_rows.h"

#include <cstdio>
#include <string_view>

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

double cores(model::MilliCpu cpu) {
  return static_cast<double>(cpu.value()) / 1000;
}

/// The time of a row, else which line it is.
std::string label(std::string_view kind, model::Duration since) {
  return kind == "row" ? fmt::format("{:.0f}", seconds(since)) : std::string(kind);
}

}  // namespace

void FleetRows::start(model::MonoTime now) {
  begin_ = last_connected_ = now;
}

void FleetRows::connected(model::MonoTime at) {
  ++row_.connected;
  ++whole_.connected;
  last_connected_ = at;
}

void FleetRows::disconnected(bool was_up) {
  for (Counts* counts : {&row_, &whole_})
    ++(was_up ? counts->lost : counts->failed);
}

void FleetRows::made() {
  ++row_.made;
  ++whole_.made;
}

void FleetRows::missed() {
  ++row_.missed;
  ++whole_.missed;
}

void FleetRows::acked() {
  ++row_.acked;
  ++whole_.acked;
}

void FleetRows::refused() {
  ++row_.refused;
  ++whole_.refused;
}

void FleetRows::latency(model::Duration value) {
  row_.latencies.add(value);
  whole_.latencies.add(value);
}

void FleetRows::policy(model::PolicyVersion version, model::MonoTime at) {
  ++row_.policies;
  ++whole_.policies;
  if (version > version_) {
    version_ = version;
    version_first_ = at;
  }
  if (version == version_) version_last_ = at;
}

void FleetRows::writes(std::size_t count) {
  row_.writes += count;
  whole_.writes += count;
}

void FleetRows::late() {
  ++row_.late;
  ++whole_.late;
}

void FleetRows::print(model::MonoTime now, std::size_t sessions, const HostFigures* hosts) {
  print({"row", now, sessions, 0, hosts}, row_);
  row_ = {};
}

void FleetRows::print_whole(model::MonoTime now, std::size_t sessions, std::size_t open, const HostFigures* hosts) {
  print({"whole", now, sessions, open, hosts}, whole_);
}

void FleetRows::print_fault(model::MonoTime now, const char* event, const std::string& fault, std::size_t nodes) {
  if (json_) {
    const nlohmann::json row = {
        {"kind", "fault"}, {"event", event}, {"second", seconds(now - begin_)}, {"fault", fault}, {"nodes", nodes}};
    fmt::print("{}\n", row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("{:>8.0f} {}: {} on {} nodes\n", seconds(now - begin_), event, fault, nodes);
  }
  std::fflush(stdout);
}

void FleetRows::print(const Line& line, const Counts& counts) {
  if (json_) {
    print_json(line, counts);
  } else if (line.hosts != nullptr) {
    print_hosts(line, counts);
  } else {
    print_sessions(line, counts);
  }
  if (!json_ && line.open != 0) fmt::print("{} reports had no answer at the end\n", line.open);
  std::fflush(stdout);
}

void FleetRows::print_json(const Line& line, const Counts& counts) const {
  const auto& times = counts.latencies;
  nlohmann::json row = {{"kind", line.kind},
                        {"second", seconds(line.now - begin_)},
                        {"sessions", line.sessions},
                        {"connected", counts.connected},
                        {"lastConnectedSecond", seconds(last_connected_ - begin_)},
                        {"lost", counts.lost},
                        {"failedAttempts", counts.failed},
                        {"made", counts.made},
                        {"acked", counts.acked},
                        {"refused", counts.refused},
                        {"missed", counts.missed},
                        {"open", line.open},
                        {"ackMs",
                         {{"p50", ms(times.percentile(0.5))},
                          {"p99", ms(times.percentile(0.99))},
                          {"p999", ms(times.percentile(0.999))},
                          {"max", ms(times.percentile(1))}}},
                        {"policies", counts.policies},
                        {"policyVersion", version_.value()},
                        {"policySpreadMs", ms(version_last_ - version_first_)}};
  if (line.hosts != nullptr) {
    const HostFigures& hosts = *line.hosts;
    row["hosts"] = {{"down", hosts.down},
                    {"limited", hosts.limited},
                    {"beLimitMilli", hosts.be_limit.value()},
                    {"beCpuMilli", hosts.be_used.value()},
                    {"lsCpuMilli", hosts.ls_used.value()},
                    {"spooled", hosts.spooled},
                    {"gaps", hosts.gaps},
                    {"duplicates", hosts.duplicates},
                    {"writes", counts.writes},
                    {"late", counts.late}};
  }
  fmt::print("{}\n", row.dump());
}

void FleetRows::print_sessions(const Line& line, const Counts& counts) {
  if (!headed_) {
    fmt::print("{:>8} {:>8} {:>9} {:>6} {:>7} {:>8} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8}\n", "second", "sessions",
               "connected", "lost", "failed", "acked", "refused", "missed", "p50 ms", "p99 ms", "p99.9 ms", "max ms",
               "policies");
    headed_ = true;
  }
  const auto& times = counts.latencies;
  fmt::print("{:>8} {:>8} {:>9} {:>6} {:>7} {:>8} {:>7} {:>7} {:>8.1f} {:>8.1f} {:>8.1f} {:>8.1f} {:>8}\n",
             label(line.kind, line.now - begin_), line.sessions, counts.connected, counts.lost, counts.failed,
             counts.acked, counts.refused, counts.missed, ms(times.percentile(0.5)), ms(times.percentile(0.99)),
             ms(times.percentile(0.999)), ms(times.percentile(1)), counts.policies);
}

void FleetRows::print_hosts(const Line& line, const Counts& counts) {
  if (!headed_) {
    fmt::print("{:>8} {:>8} {:>6} {:>6} {:>7} {:>8} {:>7} {:>7} {:>8} {:>5} {:>7} {:>9} {:>9} {:>9} {:>7} {:>5}\n",
               "second", "sessions", "lost", "failed", "refused", "acked", "spooled", "p99 ms", "policies", "down",
               "limited", "BE limit", "BE used", "LS used", "writes", "late");
    headed_ = true;
  }
  const HostFigures& hosts = *line.hosts;
  fmt::print(
      "{:>8} {:>8} {:>6} {:>6} {:>7} {:>8} {:>7} {:>7.1f} {:>8} {:>5} {:>7} {:>9.1f} {:>9.1f} {:>9.1f} {:>7} {:>5}\n",
      label(line.kind, line.now - begin_), line.sessions, counts.lost, counts.failed, counts.refused, counts.acked,
      hosts.spooled, ms(counts.latencies.percentile(0.99)), counts.policies, hosts.down, hosts.limited,
      cores(hosts.be_limit), cores(hosts.be_used), cores(hosts.ls_used), counts.writes, counts.late);
}

}  // namespace tideline::rehearsal
