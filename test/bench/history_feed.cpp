// Bitbrains' VMs as pods of a few hosts, for history_peers.py: as rows for others, as reports to a coordinator over the
// real link, and compared with what a store has of them.

#include <algorithm>
#include <chrono>
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
  bench::VmHosts hosts(trace, options.of_host, options.begin_s, options.columns);
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

void compare(const bench::Vm& vm, std::int64_t VmRow::*value, std::int64_t VmRow::*capacity, const Means& stored,
             std::int64_t begin_s, double host, Off& off) {
  std::int64_t most = 0;
  for (const VmRow& row : vm.rows)
    most = std::max(most, row.*capacity);
  for (const VmRow& row : vm.rows) {
    // A report belongs to the step that the middle of its window is in.
    const std::int64_t middle = begin_s + row.moment * bench::kMomentSeconds + bench::kMomentSeconds / 2;
    const auto found = stored.find(series::floor_to(middle, series::step_s(series::Tier::kMinute)));
    if (found == stored.end()) {
      ++off.missing;
      continue;
    }
    ++off.there;
    const auto by = static_cast<double>(std::abs(found->second - row.*value));
    if (most > 0) off.worst_of_vm = std::max(off.worst_of_vm, by / static_cast<double>(most));
    if (host > 0) off.worst_of_host = std::max(off.worst_of_host, by / host);
  }
}

int check(const Options& options, const VmTrace& trace) {
  const auto store = rocks::RocksStore::open_read_only(options.store);
  if (!store) return failed(store.error().message());
  const bench::VmHosts hosts(trace, options.of_host, options.begin_s, options.columns);
  std::map<series::Field, std::pair<std::int64_t VmRow::*, std::int64_t VmRow::*>> fields;
  if (options.columns != Columns::kAllocated) {
    fields[series::Field::kPodCpu] = {&VmRow::cpu_used, &VmRow::cpu_request};
    fields[series::Field::kPodMemory] = {&VmRow::memory_used, &VmRow::memory_request};
  }
  if (options.columns != Columns::kUsed) {
    fields[series::Field::kPodCpuRequest] = {&VmRow::cpu_request, &VmRow::cpu_request};
    fields[series::Field::kPodMemoryRequest] = {&VmRow::memory_request, &VmRow::memory_request};
  }
  std::map<series::Field, Off> offs;
  for (std::size_t index = 0; index < hosts.size(); ++index) {
    std::map<std::string, std::map<series::Field, Means>> stored;
    std::map<series::Field, double> capacity;
    const series::ReadRange range{.node = model::NodeName(fmt::format("sim-{:05}", index)),
                                  .tier = series::Tier::kMinute,
                                  .from = {(options.begin_s - 3600) * 1000},
                                  .to = {(options.begin_s + (trace.moments + 12) * bench::kMomentSeconds) * 1000}};
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
    for (const auto& [field, members] : fields) {
      for (const auto* vm : hosts.vms(index)) {
        std::int64_t most = 0;
        for (const VmRow& row : vm->rows)
          most = std::max(most, row.*members.second);
        capacity[field] += static_cast<double>(most);
      }
      for (const auto* vm : hosts.vms(index)) {
        compare(*vm, members.first, members.second, stored[vm->name][field], options.begin_s, capacity[field],
                offs[field]);
      }
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
  auto* rows = app.add_subcommand("rows", "write the samples as text, a line for each VM and moment");
  rows->add_option("OUT", options.out, "file")->required();
  auto* feeding = app.add_subcommand("feed", "send reports, and wait until each is acked");
  feeding->add_option("--coordinator", options.coordinator, "host:port")->required();
  feeding->add_option("--certs", options.certs, "directory that `tideline-fleet certs` filled")->required();
  feeding->add_option("--patience", options.patience_s, "s")->capture_default_str();
  auto* checking = app.add_subcommand("check", "compare a store with the samples");
  checking->add_option("STORE", options.store, "directory of the history")->required();
  CLI11_PARSE(app, argc, argv);

  const auto trace = bench::read_vms(options.trace, options.vms, options.moments);
  if (!trace) return failed(trace.error().message());
  if (rows->parsed()) return write_rows(options, *trace);
  return feeding->parsed() ? feed(options, *trace) : check(options, *trace);
}
