#include "node-actor/guard/process.h"

#include <fstream>
#include <sstream>
#include <string>

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tideline::guard {

std::optional<std::uint64_t> start_time_of(int pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string text;
  if (!std::getline(in, text)) return std::nullopt;
  // The command may hold anything, also ")": fields count from the last one, which ends field 2.
  const auto end = text.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field)
    fields >> skipped;
  std::uint64_t start = 0;
  if (!(fields >> start)) return std::nullopt;
  return start;
}

kernel::Fd open_process(int pid) {
  return kernel::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

bool send_signal(const kernel::Fd& process, int signal) {
  return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

}  // namespace tideline::guard
