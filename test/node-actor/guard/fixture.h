#pragma once
// A cgroup that is a directory, and the agent's way of writing one of its files.

#include <string>

#include <sys/stat.h>

#include "node-actor/guard/journal_gate.h"
#include "node-actor/kernel/writer.h"

namespace tideline::guard {

inline kernel::FileIdentity identity_of(const std::string& path) {
  struct stat status {};
  ::stat(path.substr(0, path.rfind('/')).c_str(), &status);
  return {path, status.st_dev, status.st_ino};
}

inline Declaration declare_quota(const model::KernelWrite&, const std::string&) {
  return {RestoreClass::kRestore, "2000"};
}

/// As kernel::Writer does it: read, ask the gate, write.
inline model::Result<void> write_gated(kernel::WriteGate& gate, const std::string& path, const std::string& value) {
  const auto current = kernel::read_file(path);
  if (!current) return current.error();
  if (*current == value) return {};
  const auto file = identity_of(path);
  model::KernelWrite write;
  write.value = value;
  if (auto allowed = gate.before_write(file, *current, write); !allowed) return allowed.error();
  return kernel::write_identified(file, value);
}

}  // namespace tideline::guard
