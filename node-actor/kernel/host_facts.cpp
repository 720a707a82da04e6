#include "node-actor/kernel/host_facts.h"

#include <array>
#include <optional>
#include <string_view>

#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/writer.h"

namespace tideline::kernel {

using model::Result;

Result<HostFacts> read_host_facts(const KernelRoot& root) {
  HostFacts facts;
  const auto take = [&](const char* file, std::string& into) -> Result<void> {
    const std::string path = root.proc + "/sys/kernel/" + file;
    const auto text = read_file(path);
    if (!text) return text.error();
    into = std::string(trimmed(*text));
    if (into.empty()) return malformed(path, *text);
    return {};
  };
  if (auto taken = take("random/boot_id", facts.boot_id); !taken) return taken.error();
  if (auto taken = take("osrelease", facts.kernel_release); !taken) return taken.error();
  if (auto taken = take("hostname", facts.hostname); !taken) return taken.error();
  return facts;
}

Result<model::Bytes> read_memory_capacity(const KernelRoot& root) {
  const std::string path = root.proc + "/meminfo";
  const auto text = read_file(path);
  if (!text) return text.error();
  const auto total = parse_meminfo(*text, "MemTotal");
  if (!total || total->value() == 0) return malformed(path, *text);
  return *total;
}

namespace {

/// A file that holds 1 or 0.
std::optional<bool> read_switch(const std::string& path) {
  const auto text = read_file(path);
  const auto number = text ? parse_number(trimmed(*text)) : std::nullopt;
  if (!number || *number < 0 || *number > 1) return std::nullopt;
  return *number == 1;
}

std::string model_name(std::string_view cpuinfo) {
  while (!cpuinfo.empty()) {
    const auto line = next_line(cpuinfo);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || trimmed(line.substr(0, colon)) != "model name") continue;
    return std::string(trimmed(line.substr(colon + 1)).substr(0, model::ReportLimits::kMaxTextBytes));
  }
  return {};
}

}  // namespace

model::CpuKind read_cpu_kind(const KernelRoot& root) {
  const std::string cpu = root.sys + "/devices/system/cpu";
  model::CpuKind kind;
  // A CPU has up to 2 kB of it, a host hundreds of CPUs.
  std::array<char, std::size_t{16} * 1024> start;
  KeptFile cpuinfo(root.proc + "/cpuinfo");
  if (const auto text = cpuinfo.read_start(start.data(), start.size())) kind.model = model_name(*text);
  kind.hyper_threads = read_switch(cpu + "/smt/active");
  if (const auto no_turbo = read_switch(cpu + "/intel_pstate/no_turbo")) {
    kind.turbo = !*no_turbo;
  } else {
    kind.turbo = read_switch(cpu + "/cpufreq/boost");
  }
  return kind;
}

}  // namespace tideline::kernel
