#include "node-actor/kernel/host_facts.h"

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

Result<model::MilliCpu> read_cpu_capacity(const KernelRoot& root) {
  const std::string path = root.sys + "/devices/system/cpu/online";
  const auto text = read_file(path);
  if (!text) return text.error();
  const auto count = count_cpus(*text);
  if (!count) return malformed(path, *text);
  return model::MilliCpu(*count * 1000);
}

}  // namespace tideline::kernel
