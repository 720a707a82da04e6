// Bitbrains' VMs as pods of a few hosts, for history_peers.py: as rows for others, as reports to a coordinator over the
// real link, and compared with what a store has of them.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "storage/rocks/rocks_store.h"
#include "test/bench/bitbrains_rows.h"
#include "test/e2e/report_feed.h"

namespace {

using namespace tideline;
using bench::Columns;
using bench::VmRow;
using bench::VmTrace;
using nlohmann::json;

struct Options {
  std::string trace;
  std::size_t vms = 0;
  std::int64_t moments = 0;
  std::size_t of_host = 30;
  std::int64_t begin_s = 0;
  std::int64_t abreast = 1;
  bench::Pace pace;
  Columns columns = Columns::kAll;
  std::string out;
  std::string coordinator;
  std::string certs;
  std::string store;
  int patience_s = 3600;
};

int failed(const std::string& what) {
  fmt::print(stderr, "bench_history_feed: {}\n", what);
  return 1;
}

/// A line for each row, by moment: moment, VM, requests of CPU and memory, use of CPU and memory.
int write_rows(const Options& options, const VmTrace& trace) {
  std::FILE* file = std::fopen(options.out.c_str(), "we");
  if (file == nullptr) return failed(options.out + ": cannot be written");
  std::vector<std::size_t> at(trace.vms.size(), 0);
  for (std::int64_t moment = 0; moment < trace.moments; ++moment) {
    for (std::size_t i = 0; i < trace.vms.size(); ++i) {
      const auto& rows = trace.vms[i].rows;
      if (at[i] == rows.size() || rows[at[i]].moment != moment) continue;
      const VmRow& row = rows[at[i]++];
      fmt::print(file, "{} {}", row.moment, trace.vms[i].name);
      if (options.columns != Columns::kUsed) fmt::print(file, " {} {}", row.cpu_request, row.memory_request);
      if (options.columns != Columns::kAllocated) fmt::print(file, " {} {}", row.cpu_used, row.memory_used);
      fmt::print(file, "\n");
    }
  }
  if (std::fclose(file) != 0) return failed(options.out + ": cannot be written");
  fmt::print("{}\n", json{{"vms", trace.vms.size()},
                          {"moments", trace.moments},
                          {"rows", trace.rows},
                          {"samples", trace.rows * bench::values_of_row(options.columns)},
                          {"twice", trace.twice},
                          {"hosts", (trace.vms.size() + options.of_host - 1) / options.of_host}}
                         .dump());
  return 0;
}

int feed(const Options& options, const VmTrace& trace) {
  bench::VmHosts hosts(trace, options.of_host, options.begin_s, options.columns, options.pace);
  const auto begin = std::chrono::steady_clock::now();
  test::ReportFeed sender({.coordinator = options.coordinator, .certs = options.certs, .nodes = hosts.size()},
                          [&hosts](std::size_t index) { return hosts.next(index); });
  const auto deadline = begin + std::chrono::seconds(options.patience_s);
  while (!sender.finished() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const bool in_time = sender.finished();
  const auto fed = sender.stop(std::chrono::milliseconds(0));
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  fmt::print("{}\n", json{{"made", fed.made},
                          {"acked", fed.acked},
                          {"refused", fed.refused},
                          {"putOff", fed.put_off},
                          {"sessionsLost", fed.sessions_lost},
                          {"lastRefusal", fed.last_refusal},
                          {"seconds", spent.count()}}
                         .dump());
  if (!fed.problem.empty()) return failed(fed.problem);
  if (!in_time) return failed(fmt::format("not all reports were acked within {} s", options.patience_s));
  return fed.acked == fed.made && fed.refused == 0 ? 0 : failed("reports were refused: " + fed.last_refusal);
}

/// How far what is stored is from what was measured, of one quantity.
struct Off {
  std::uint64_t there = 0;
  std::uint64_t missing = 0;
  double worst_of_vm = 0;    // share of what the VM has
  double worst_of_host = 0;  // share of what its host has
};

using Means = std::map<std::int64_t, std::int64_t>;  // by time

/// A quantity of a VM: what it is of a report's rows, and what the VM has of it at most.
struct Quantity {
  std::int64_t VmRow::*value;
  std::int64_t VmRow::*capacity;
  bool is_mean;  // else that of the last row
};

std::int64_t of_rows(const Quantity& quantity, const std::vector<VmRow>& rows) {
  if (!quantity.is_mean) return rows.back().*quantity.value;
  double sum = 0;
  for (const VmRow& row : rows)
    sum += static_cast<double>(row.*quantity.value);
  return std::llround(sum / static_cast<double>(rows.size()));
}

std::int64_t most_of(const bench::Vm& vm, std::int64_t VmRow::*capacity) {
  std::int64_t most = 0;
  for (const VmRow& row : vm.rows)
    most = std::max(most, row.*capacity);
  return most;
}

/// The finest tier that has a row for each report.
series::Tier tier_of(const bench::Pace& pace) {
  return pace.report_s() < series::step_s(series::Tier::kMinute) ? series::Tier::kTenSeconds : series::Tier::kMinute;
}

void compare(const bench::Vm& vm, const Quantity& quantity, const Means& stored, const Options& options, double host,
             Off& off) {
  const std::int64_t most = most_of(vm, quantity.capacity);
  std::size_t at = 0;
  while (const auto window = bench::take_window(vm, at, options.pace.moments_of_report)) {
    // A report belongs to the step that the middle of its window is in.
    const std::int64_t length = options.pace.report_s();
    const std::int64_t middle = options.begin_s + window->number * length + length / 2;
    const auto found = stored.find(series::floor_to(middle, series::step_s(tier_of(options.pace))));
    if (found == stored.end()) {
      ++off.missing;
      continue;
    }
    ++off.there;
    const auto by = static_cast<double>(std::abs(found->second - of_rows(quantity, window->rows)));
    if (most > 0) off.worst_of_vm = std::max(off.worst_of_vm, by / static_cast<double>(most));
    if (host > 0) off.worst_of_host = std::max(off.worst_of_host, by / host);
  }
}

int check(const Options& options, const VmTrace& trace) {
  const auto store = rocks::RocksStore::open_read_only(options.store);
  if (!store) return failed(store.error().message());
  const bench::VmHosts hosts(trace, options.of_host, options.begin_s, options.columns, options.pace);
  std::map<series::Field, Quantity> fields;
  if (options.columns != Columns::kAllocated) {
    fields[series::Field::kPodCpu] = {&VmRow::cpu_used, &VmRow::cpu_request, true};
    fields[series::Field::kPodMemory] = {&VmRow::memory_used, &VmRow::memory_request, true};
  }
  if (options.columns != Columns::kUsed) {
    fields[series::Field::kPodCpuRequest] = {&VmRow::cpu_request, &VmRow::cpu_request, false};
    fields[series::Field::kPodMemoryRequest] = {&VmRow::memory_request, &VmRow::memory_request, false};
  }
  std::map<series::Field, Off> offs;
  for (std::size_t index = 0; index < hosts.size(); ++index) {
    std::map<std::string, std::map<series::Field, Means>> stored;
    const series::ReadRange range{.node = model::NodeName(fmt::format("sim-{:05}", index)),
                                  .tier = tier_of(options.pace),
                                  .from = {(options.begin_s - 3600) * 1000},
                                  .to = {(options.begin_s + trace.moments * options.pace.seconds_apart + 3600) * 1000}};
    const auto read = (*store)->read(range, nullptr, [&](series::Table&& table) {
      if (table.subject.kind != series::SubjectKind::kPod) return true;
      for (const auto& column : table.fields) {
        if (!fields.contains(column.field)) continue;
        Means& means = stored[table.subject.name][column.field];
        for (std::size_t row = 0; row < table.times.size(); ++row) {
          if (column.cells[row].count > 0) means[table.times[row]] = column.cells[row].mean();
        }
      }
      return true;
    });
    if (!read) return failed(read.error().message());
    for (const auto& [field, quantity] : fields) {
      double capacity = 0;
      for (const auto* vm : hosts.vms(index))
        capacity += static_cast<double>(most_of(*vm, quantity.capacity));
      for (const auto* vm : hosts.vms(index))
        compare(*vm, quantity, stored[vm->name][field], options, capacity, offs[field]);
    }
  }
  json told = json::object();
  std::uint64_t missing = 0;
  for (const auto& [field, off] : offs) {
    told[series::name_of(field)] = {{"there", off.there},
                                    {"missing", off.missing},
                                    {"worstOfVm", off.worst_of_vm},
                                    {"worstOfHost", off.worst_of_host}};
    missing += off.missing;
  }
  fmt::print("{}\n", told.dump());
  return missing == 0 ? 0 : failed(fmt::format("{} samples are not in history", missing));
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.trace = bench::bitbrains_csv();
  CLI::App app("Bitbrains' VMs as pods of a few hosts: rows, reports over the link, and whether a store has them.");
  app.require_subcommand(1);
  app.add_option("--trace", options.trace, "vm_usage_14d.csv.gz of the set")->capture_default_str();
  app.add_option("--vms", options.vms, "the first so many; 0: all")->capture_default_str();
  app.add_option("--moments", options.moments, "the first so many of 300 s; 0: all")->capture_default_str();
  app.add_option("--vms-per-host", options.of_host, "pods of a report")
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  const std::map<std::string, Columns> columns{
      {"all", Columns::kAll}, {"used", Columns::kUsed}, {"allocated", Columns::kAllocated}};
  app.add_option("--columns", options.columns, "which of a VM are samples")
      ->transform(CLI::CheckedTransformer(columns))
      ->default_str("all");
  app.add_option("--begin", options.begin_s, "s since the epoch that the first moment is moved to");
  app.add_option("--abreast", options.abreast, "so many times as many VMs, over that part of the time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--seconds-apart", options.pace.seconds_apart, "moments, as the store is told")
      ->check(CLI::Range(1, 300))
      ->capture_default_str();
  app.add_option("--moments-of-report", options.pace.moments_of_report,
                 "of which a report has min, mean and max; it is to be of 10 s, or of whole minutes")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  auto* rows = app.add_subcommand("rows", "write the samples as text, a line for each VM and moment");
  rows->add_option("OUT", options.out, "file")->required();
  auto* feeding = app.add_subcommand("feed", "send reports, and wait until each is acked");
  feeding->add_option("--coordinator", options.coordinator, "host:port")->required();
  feeding->add_option("--certs", options.certs, "directory that `tideline-fleet certs` filled")->required();
  feeding->add_option("--patience", options.patience_s, "s")->capture_default_str();
  auto* checking = app.add_subcommand("check", "compare a store with the samples");
  checking->add_option("STORE", options.store, "directory of the history")->required();
  CLI11_PARSE(app, argc, argv);

  const std::int64_t length = options.pace.report_s();
  if (length != series::step_s(series::Tier::kTenSeconds) && length % series::step_s(series::Tier::kMinute) != 0) {
    return failed(fmt::format("--moments-of-report {}, {} s apart: want reports of 10 s or of whole minutes",
                              options.pace.moments_of_report, options.pace.seconds_apart));
  }
  const auto read = bench::read_vms(options.trace, options.vms, options.moments);
  if (!read) return failed(read.error().message());
  if (read->moments < options.abreast) {
    return failed(fmt::format("--abreast {}: there are {} moments", options.abreast, read->moments));
  }
  const auto trace = options.abreast > 1 ? bench::abreast(*read, options.abreast) : *read;
  if (rows->parsed()) return write_rows(options, trace);
  return feeding->parsed() ? feed(options, trace) : check(options, trace);
}
