#include "node-actor/kernel/online_cpus.h"

#include <array>
#include <utility>

#include "node-actor/kernel/parse.h"

namespace tideline::kernel {

model::Result<bool> OnlineCpus::look() {
  // More than a page, which is all that a file of sysfs holds.
  std::array<char, 8192> buffer;
  const auto text = file_.read(buffer.data(), buffer.size());
  if (!text) return text.error();
  if (*text == text_) return false;
  auto cpus = model::CpuSet::parse(trimmed(*text));
  if (!cpus || cpus->empty()) return malformed(file_.path(), *text);
  text_ = *text;
  const bool others = *cpus != cpus_;
  cpus_ = *std::move(cpus);
  return others;
}

}  // namespace tideline::kernel
