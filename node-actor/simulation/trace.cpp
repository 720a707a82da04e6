#include "node-actor/simulation/trace.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "messages/model/report.h"

namespace tideline::simulation {
namespace {

using model::invalid;
using model::Result;

constexpr double kMostTimeS = 1e11;  // beyond it a stamp is in ms
constexpr std::size_t kMostShown = 60;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> split(std::string_view line, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = line.find(separator);
    parts.push_back(trimmed(line.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    line.remove_prefix(end + 1);
  }
}

/// A number of 0..most.
Result<double> number(std::string_view column, std::string_view text, double most) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc{} && end == text.data() + text.size() && std::isfinite(value) && value >= 0 &&
      value <= most) {
    return value;
  }
  return invalid(fmt::format("{} '{}': want a number of 0 to {:g}", column, text.substr(0, kMostShown), most));
}

constexpr auto kMostMilli = static_cast<double>(model::ReportLimits::kMaxMilliCpu);
constexpr auto kMostBytes = static_cast<double>(model::ReportLimits::kMaxMemoryBytes);

}  // namespace

/// One line's texts by column; an absent one is empty.
struct TraceReader::Fields {
  std::array<std::string_view, static_cast<std::size_t>(Column::kOther) + 1> texts;
  std::string_view operator[](Column column) const { return texts[static_cast<std::size_t>(column)]; }
};

std::size_t Trace::host_of(const model::NodeName& node, std::size_t number) const {
  const auto same =
      std::find_if(hosts.begin(), hosts.end(), [&](const TraceHost& host) { return host.name == node.str(); });
  return same != hosts.end() ? static_cast<std::size_t>(same - hosts.begin()) : number % hosts.size();
}

const TracePoint* Trace::point(const TracePod& pod, model::Duration since) const {
  const std::int64_t at_ms = begin_ms + model::to_ms(since) % length_ms;
  const auto after = std::upper_bound(pod.points.begin(), pod.points.end(), at_ms,
                                      [](std::int64_t at, const TracePoint& point) { return at < point.at_ms; });
  return after == pod.points.begin() ? nullptr : &*std::prev(after);
}

Result<void> TraceReader::columns_of(std::string_view header) {
  static const std::map<std::string_view, Column> kNames = {
      {"time_s", Column::kTime},
      {"host", Column::kHost},
      {"cpu_millicores", Column::kCpu},
      {"pod", Column::kPod},
      {"class", Column::kClass},
      {"memory_bytes", Column::kMemory},
      {"cpu_request_millicores", Column::kCpuRequest},
      {"memory_request_bytes", Column::kMemoryRequest},
      {"Timestamp [ms]", Column::kTime},
      {"CPU cores", Column::kCores},
      {"CPU capacity provisioned [MHZ]", Column::kCapacityMhz},
      {"CPU usage [MHZ]", Column::kUsedMhz},
      {"Memory capacity provisioned [KB]", Column::kCapacityKb},
      {"Memory usage [KB]", Column::kUsedKb},
  };
  separator_ = header.find(';') != std::string_view::npos ? ';' : ',';
  const bool bitbrains = separator_ == ';';
  columns_.clear();
  for (const auto name : split(header, separator_)) {
    const auto known = kNames.find(name);
    if (known == kNames.end() && !bitbrains) {
      return invalid(
          fmt::format("column '{}' is none of time_s, host, cpu_millicores, pod, class, memory_bytes, "
                      "cpu_request_millicores, memory_request_bytes",
                      name.substr(0, kMostShown)));
    }
    columns_.push_back(known == kNames.end() ? Column::kOther : known->second);
    const bool twice =
        columns_.back() != Column::kOther && std::count(columns_.begin(), columns_.end(), columns_.back()) > 1;
    if (twice) return invalid(fmt::format("column '{}' is there twice", name));
  }
  const auto lacks = [&](std::initializer_list<Column> wanted) {
    return std::any_of(wanted.begin(), wanted.end(), [&](Column column) {
      return std::find(columns_.begin(), columns_.end(), column) == columns_.end();
    });
  };
  if (bitbrains && lacks({Column::kTime, Column::kCores, Column::kCapacityMhz, Column::kUsedMhz, Column::kCapacityKb,
                          Column::kUsedKb})) {
    return invalid("its first line has not the columns of GWA-T-12 (Bitbrains)");
  }
  if (!bitbrains && lacks({Column::kTime, Column::kHost, Column::kCpu})) {
    return invalid("its first line must name the columns time_s, host and cpu_millicores at least");
  }
  return {};
}

Result<void> TraceReader::begin(std::string_view header, const std::string& stem) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (header.starts_with(kByteOrderMark)) header.remove_prefix(kByteOrderMark.size());
  if (auto known = columns_of(header); !known) return known;
  if (separator_ == ',') return {};
  if (stem.size() > TraceLimits::kMaxNameBytes) {
    return invalid(fmt::format("file name of {} bytes, limit {}", stem.size(), TraceLimits::kMaxNameBytes));
  }
  TracePod machine;
  machine.name = fmt::format("vm-{}", stem);
  machines_.push_back(std::move(machine));
  return {};
}

Result<TraceReader::Fields> TraceReader::fields_of(std::string_view line) const {
  const auto parts = split(line, separator_);
  if (parts.size() != columns_.size()) {
    return invalid(fmt::format("{} fields, want {} as in the first line", parts.size(), columns_.size()));
  }
  Fields fields;
  for (std::size_t i = 0; i < parts.size(); ++i)
    fields.texts[static_cast<std::size_t>(columns_[i])] = parts[i];
  return fields;
}

Result<void> TraceReader::row(std::string_view line) {
  if (trimmed(line).empty()) return {};
  if (++rows_ > TraceLimits::kMaxRows) {
    return invalid(fmt::format("more than {} rows in all", TraceLimits::kMaxRows));
  }
  const auto fields = fields_of(line);
  if (!fields) return fields.error();
  return separator_ == ',' ? tideline_row(*fields) : bitbrains_row(*fields);
}

Result<TracePod*> TraceReader::pod_of(const std::string& host, const std::string& pod, model::QosClass qos) {
  for (const auto* name : {&host, &pod}) {
    if (name->size() > TraceLimits::kMaxNameBytes)
      return invalid(fmt::format("a name of {} bytes, limit {}", name->size(), TraceLimits::kMaxNameBytes));
  }
  const auto known = host_index_.find(host);
  const std::size_t index = known == host_index_.end() ? hosts_.size() : known->second;
  if (known == host_index_.end()) {
    if (hosts_.size() >= TraceLimits::kMaxHosts)
      return invalid(fmt::format("host '{}' is one more than {}", host, TraceLimits::kMaxHosts));
    host_index_.emplace(host, index);
    hosts_.push_back({host, {}});
  }
  auto& pods = hosts_[index].pods;
  std::string key(model::name_of(qos));
  key += '/';
  key += pod;
  const auto [found, is_new] = pod_index_.emplace(std::pair(index, std::move(key)), pods.size());
  if (is_new) {
    if (pods.size() >= TraceLimits::kMaxPodsOfHost)
      return invalid(fmt::format("host '{}' has more than {} pods", host, TraceLimits::kMaxPodsOfHost));
    TracePod fresh;
    fresh.name = pod.empty() ? (qos == model::QosClass::kBe ? "batch" : "services") : pod;
    fresh.qos = qos;
    pods.push_back(std::move(fresh));
  }
  return &pods[found->second];
}

Result<void> TraceReader::tideline_row(const Fields& fields) {
  const auto time = number("time_s", fields[Column::kTime], kMostTimeS);
  if (!time) return time.error();
  const auto cpu = number("cpu_millicores", fields[Column::kCpu], kMostMilli);
  if (!cpu) return cpu.error();
  if (fields[Column::kHost].empty()) return invalid("host '': want a name");
  const auto text = fields[Column::kClass];
  if (!text.empty() && text != "LS" && text != "BE")
    return invalid(fmt::format("class '{}': want LS or BE", text.substr(0, kMostShown)));
  const auto pod = pod_of(std::string(fields[Column::kHost]), std::string(fields[Column::kPod]),
                          text == "BE" ? model::QosClass::kBe : model::QosClass::kLs);
  if (!pod) return pod.error();
  TracePoint point{.at_ms = std::llround(*time * 1000), .cpu_milli = static_cast<float>(*cpu), .memory_bytes = -1};
  if (const auto memory = fields[Column::kMemory]; !memory.empty()) {
    const auto bytes = number("memory_bytes", memory, kMostBytes);
    if (!bytes) return bytes.error();
    point.memory_bytes = static_cast<float>(*bytes);
  }
  if (const auto request = fields[Column::kCpuRequest]; !request.empty()) {
    const auto milli = number("cpu_request_millicores", request, kMostMilli);
    if (!milli) return milli.error();
    (*pod)->request = std::max((*pod)->request, model::MilliCpu(std::llround(*milli)));
  }
  if (const auto request = fields[Column::kMemoryRequest]; !request.empty()) {
    const auto bytes = number("memory_request_bytes", request, kMostBytes);
    if (!bytes) return bytes.error();
    (*pod)->memory_request = std::max((*pod)->memory_request, model::Bytes(std::llround(*bytes)));
  }
  (*pod)->points.push_back(point);
  return {};
}

Result<void> TraceReader::bitbrains_row(const Fields& fields) {
  constexpr double kBytesOfKb = 1024;
  constexpr double kMostMhz = 1e9;
  const auto time = number("Timestamp [ms]", fields[Column::kTime], 1000 * kMostTimeS);
  if (!time) return time.error();
  const auto cores = number("CPU cores", fields[Column::kCores], kMostMilli / 1000);
  if (!cores) return cores.error();
  const auto capacity = number("CPU capacity provisioned [MHZ]", fields[Column::kCapacityMhz], kMostMhz);
  if (!capacity) return capacity.error();
  const auto used = number("CPU usage [MHZ]", fields[Column::kUsedMhz], kMostMhz);
  if (!used) return used.error();
  const auto memory = number("Memory capacity provisioned [KB]", fields[Column::kCapacityKb], kMostBytes / kBytesOfKb);
  if (!memory) return memory.error();
  const auto active = number("Memory usage [KB]", fields[Column::kUsedKb], kMostBytes / kBytesOfKb);
  if (!active) return active.error();
  TracePod& machine = machines_.back();
  const double milli = *capacity > 0 ? *cores * 1000 * *used / *capacity : 0;
  machine.request = std::max(machine.request, model::MilliCpu(std::llround(*cores * 1000)));
  machine.memory_request = std::max(machine.memory_request, model::Bytes(std::llround(*memory * kBytesOfKb)));
  machine.points.push_back({.at_ms = std::llround(*time > kMostTimeS ? *time : *time * 1000),
                            .cpu_milli = static_cast<float>(std::min(milli, kMostMilli)),
                            .memory_bytes = static_cast<float>(*active * kBytesOfKb)});
  return {};
}

void TraceReader::pack_machines() {
  model::MilliCpu taken;
  bool open = false;
  for (TracePod& machine : machines_) {
    if (machine.points.empty()) continue;
    const bool full =
        taken + machine.request > host_cpu_ || (open && hosts_.back().pods.size() >= TraceLimits::kMaxPodsOfHost);
    if (!open || full) {
      hosts_.push_back({fmt::format("host-{}", hosts_.size()), {}});
      taken = model::MilliCpu(0);
      open = true;
    }
    taken += machine.request;
    hosts_.back().pods.push_back(std::move(machine));
  }
  machines_.clear();
}

Result<Trace> TraceReader::take() {
  if (rows_ == 0) return invalid("it has no rows");
  pack_machines();
  Trace trace;
  trace.hosts = std::move(hosts_);
  std::optional<std::int64_t> begin;
  std::int64_t end = 0;  // of the last row, which is in force for as long as the one before it
  for (auto& host : trace.hosts) {
    for (auto& pod : host.pods) {
      auto& points = pod.points;
      const auto earlier = [](const TracePoint& a, const TracePoint& b) { return a.at_ms < b.at_ms; };
      std::stable_sort(points.begin(), points.end(), earlier);
      // Of several rows of one instant the last one counts.
      const auto kept = std::unique(points.rbegin(), points.rend(),
                                    [](const TracePoint& a, const TracePoint& b) { return a.at_ms == b.at_ms; });
      points.erase(points.begin(), kept.base());
      points.shrink_to_fit();
      begin = std::min(begin.value_or(points.front().at_ms), points.front().at_ms);
      const auto last = points.back().at_ms;
      end = std::max(end, points.size() > 1 ? 2 * last - points[points.size() - 2].at_ms : last);
      float cpu = 0;
      float memory = 0;
      for (const TracePoint& point : points) {
        cpu = std::max(cpu, point.cpu_milli);
        memory = std::max(memory, point.memory_bytes);
      }
      if (pod.request.value() == 0) pod.request = model::MilliCpu(std::llround(std::ceil(cpu)));
      if (pod.memory_request.value() == 0) pod.memory_request = model::Bytes(std::llround(memory));
    }
  }
  trace.begin_ms = begin.value_or(0);
  trace.length_ms = std::max<std::int64_t>(end - trace.begin_ms, 1);
  return trace;
}

}  // namespace tideline::simulation
