#include "test/bench/bitbrains_rows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "node-actor/sense/window.h"
#include "storage/files/files.h"

namespace tideline::bench {
namespace {

constexpr std::int64_t kTraceBegin = 1'372'636'800;  // 2013-07-01
constexpr std::size_t kFields = 7;
constexpr std::size_t kMaxLine = 1024;
constexpr std::string_view kHeader = "vm_id,timestamp_s,cpu_cores,cpu_cap_mhz,cpu_used_mhz,mem_cap_kb,mem_used_kb";
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kUptimeSeconds = 1'000'000;

bool fields_of(std::string_view line, std::array<double, kFields>& fields) {
  const char* at = line.data();
  const char* end = line.data() + line.size();
  for (std::size_t i = 0; i < kFields; ++i) {
    if (i > 0 && (at == end || *at++ != ',')) return false;
    const auto read = std::from_chars(at, end, fields[i]);
    if (read.ec != std::errc() || !(fields[i] >= 0 && fields[i] < 1e12)) return false;
    at = read.ptr;
  }
  return at == end;
}

std::int64_t nearest(double value) {
  return static_cast<std::int64_t>(value + 0.5);
}

VmRow row_of(const std::array<double, kFields>& f) {
  return {.moment = (nearest(f[1]) - kTraceBegin) / kMomentSeconds,
          .cpu_request = nearest(f[2] * 1000),
          .cpu_used = f[3] > 0 ? nearest(f[2] * 1000 * f[4] / f[3]) : 0,
          .memory_request = nearest(f[5] * 1024),
          .memory_used = nearest(f[6] * 1024)};
}

}  // namespace

std::string bitbrains_csv() {
  const char* traces = std::getenv("TIDELINE_TRACES");
  const char* source = std::getenv("TIDELINE_SOURCE");
  const std::string folder =
      traces != nullptr ? traces : fmt::format("{}/../shared/traces", source != nullptr ? source : ".");
  return folder + "/dev-bitbrains-rnd-2013-07/vm_usage_14d.csv.gz";
}

model::Result<VmTrace> read_vms(const std::string& path, std::size_t vms, std::int64_t moments) {
  VmTrace trace;
  std::map<std::int64_t, std::size_t> places;
  std::size_t number = 0;
  const auto read = files::for_each_line(path, kMaxLine, [&](std::string_view line) -> model::Result<void> {
    ++number;
    if (number == 1) {
      if (line == kHeader) return {};
      return model::invalid(fmt::format("{}: begins with \"{}\", want {}", path, line.substr(0, 80), kHeader));
    }
    std::array<double, kFields> fields{};
    if (!fields_of(line, fields)) {
      return model::invalid(fmt::format("{}:{}: want seven numbers, has \"{}\"", path, number, line.substr(0, 80)));
    }
    const auto id = nearest(fields[0]);
    const VmRow row = row_of(fields);
    if (row.moment < 0 || (moments > 0 && row.moment >= moments)) return {};
    auto place = places.find(id);
    if (place == places.end()) {
      if (vms > 0 && trace.vms.size() == vms) return {};
      place = places.emplace(id, trace.vms.size()).first;
      trace.vms.push_back({fmt::format("vm-{}", id), {}});
    }
    auto& rows = trace.vms[place->second].rows;
    if (!rows.empty() && rows.back().moment > row.moment) {
      return model::invalid(fmt::format("{}:{}: is older than the line before it", path, number));
    }
    if (!rows.empty() && rows.back().moment == row.moment) {
      rows.back() = row;
      ++trace.twice;
      return {};
    }
    rows.push_back(row);
    ++trace.rows;
    trace.moments = std::max(trace.moments, row.moment + 1);
    return {};
  });
  if (!read) return read.error();
  return trace;
}

VmTrace abreast(const VmTrace& trace, std::int64_t parts) {
  VmTrace made;
  made.moments = trace.moments / parts;
  made.twice = trace.twice;
  for (std::int64_t part = 0; part < parts; ++part) {
    for (const Vm& vm : trace.vms) {
      Vm& copy = made.vms.emplace_back(fmt::format("{}.{}", vm.name, part), std::vector<VmRow>());
      for (const VmRow& row : vm.rows) {
        if (row.moment / made.moments != part) continue;
        copy.rows.push_back(row);
        copy.rows.back().moment -= part * made.moments;
      }
      made.rows += copy.rows.size();
    }
  }
  return made;
}

std::optional<VmWindow> take_window(const Vm& vm, std::size_t& at, std::int64_t moments_of_report) {
  if (at == vm.rows.size()) return std::nullopt;
  VmWindow window{vm.rows[at].moment / moments_of_report, {}};
  while (at < vm.rows.size() && vm.rows[at].moment / moments_of_report == window.number)
    window.rows.push_back(vm.rows[at++]);
  return window;
}

VmHosts::VmHosts(const VmTrace& trace, std::size_t of_host, std::int64_t begin_s, Columns columns, Pace pace)
    : begin_s_(begin_s), columns_(columns), pace_(pace) {
  hosts_.resize((trace.vms.size() + of_host - 1) / of_host);
  for (std::size_t i = 0; i < trace.vms.size(); ++i) {
    Host& host = hosts_[i / of_host];
    const Vm& vm = trace.vms[i];
    host.vms.push_back(&vm);
    host.at.push_back(0);
    host.pods.emplace_back();
    std::int64_t cpu = 0;
    std::int64_t memory = 0;
    for (const VmRow& row : vm.rows) {
      cpu = std::max(cpu, row.cpu_request);
      memory = std::max(memory, row.memory_request);
    }
    host.cpu += cpu;
    host.memory += memory;
  }
}

const model::SharedPod& VmHosts::pod_of(Host& host, std::size_t vm, const VmRow& row) const {
  model::SharedPod& pod = host.pods[vm];
  const bool asks = columns_ != Columns::kUsed;
  const auto cpu = asks ? std::optional(model::MilliCpu(row.cpu_request)) : std::nullopt;
  const auto memory = asks ? std::optional(model::Bytes(row.memory_request)) : std::nullopt;
  if (!pod->uid.empty() && pod->requests.cpu == cpu && pod->requests.memory == memory) return pod;
  model::Pod made;
  made.uid = model::PodUid(host.vms[vm]->name);
  made.name_space = "bitbrains";
  made.name = host.vms[vm]->name;
  made.requests.cpu = cpu;
  made.requests.memory = memory;
  return pod = model::SharedPod(std::move(made));
}

std::optional<model::Report> VmHosts::next(std::size_t index) {
  Host& host = hosts_.at(index);
  std::optional<std::int64_t> number;
  for (std::size_t i = 0; i < host.vms.size(); ++i) {
    if (host.at[i] == host.vms[i]->rows.size()) continue;
    const std::int64_t of_vm = host.vms[i]->rows[host.at[i]].moment / pace_.moments_of_report;
    number = std::min(number.value_or(of_vm), of_vm);
  }
  if (!number) return std::nullopt;
  const std::int64_t begin = *number * pace_.report_s();
  std::vector<model::NodeSample> samples(static_cast<std::size_t>(pace_.moments_of_report));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::int64_t end = begin + (static_cast<std::int64_t>(i) + 1) * pace_.seconds_apart;
    samples[i].at = {(kUptimeSeconds + end) * kSecondNs};
    samples[i].wall = {(begin_s_ + end) * 1000};
    samples[i].window = std::chrono::seconds(pace_.seconds_apart);
  }
  model::SharedPods pods;
  for (std::size_t i = 0; i < host.vms.size(); ++i) {
    const Vm& vm = *host.vms[i];
    if (host.at[i] == vm.rows.size() || vm.rows[host.at[i]].moment / pace_.moments_of_report != *number) continue;
    const auto window = take_window(vm, host.at[i], pace_.moments_of_report);
    pods.push_back(pod_of(host, i, window->rows.back()));
    if (columns_ == Columns::kAllocated) continue;
    for (const VmRow& row : window->rows) {
      auto& sample = samples[static_cast<std::size_t>(row.moment % pace_.moments_of_report)];
      auto& use = sample.pods.emplace_back();
      use.uid = pods.back()->uid;
      use.cpu = model::MilliCpu(row.cpu_used);
      use.memory = model::Bytes(row.memory_used);
      sample.node_cpu = sample.node_cpu.value_or(model::MilliCpu(0)) + *use.cpu;
      sample.node_memory = sample.node_memory.value_or(model::Bytes(0)) + *use.memory;
    }
  }
  model::Report report;
  report.mono = samples.back().at;
  report.wall = samples.back().wall;
  report.window = std::chrono::seconds(pace_.report_s());
  report.status.cpu_capacity = report.status.cpu_allocatable = model::MilliCpu(host.cpu);
  report.status.memory_capacity = report.status.memory_allocatable = model::Bytes(host.memory);
  report.status.boot_id = fmt::format("bitbrains-{}", index);
  sense::ReportWindow folded;
  for (auto& sample : samples)
    folded.add(std::move(sample));
  report.pods = folded.summaries_of(pods);
  if (pace_.moments_of_report > 1) report.samples = folded.samples();
  return report;
}

}  // namespace tideline::bench
