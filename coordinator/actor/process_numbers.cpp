#include "coordinator/actor/process_numbers.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace tideline::coordinator {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::string text_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Field 22 of /proc/self/stat, ticks since boot, with the boot's time from /proc/stat.
double start_time_seconds() {
  const std::string stat = text_of("/proc/self/stat");
  const auto name_end = stat.rfind(')');
  const auto boot_at = text_of("/proc/stat");
  const auto btime = boot_at.find("\nbtime ");
  if (name_end == std::string::npos || btime == std::string::npos) return 0;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i)
    fields >> field;
  std::istringstream boot(boot_at.substr(btime + 7));
  double boot_seconds = 0;
  boot >> boot_seconds;
  std::istringstream ticks(field);
  double since_boot = 0;
  ticks >> since_boot;
  return boot_seconds + since_boot / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessNumbers read_process_numbers() {
  ProcessNumbers numbers;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) numbers.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  std::istringstream statm(text_of("/proc/self/statm"));
  double total_pages = 0;
  double resident_pages = 0;
  if (statm >> total_pages >> resident_pages) {
    numbers.resident_bytes = resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) numbers.max_fds = static_cast<double>(limit.rlim_cur);
  std::error_code problem;
  std::filesystem::directory_iterator open("/proc/self/fd", problem);
  // None is left to look with.
  if (problem == std::errc::too_many_files_open) numbers.open_fds = numbers.max_fds;
  for (; !problem && open != std::filesystem::directory_iterator(); open.increment(problem))
    ++numbers.open_fds;
  static const double started = start_time_seconds();
  numbers.start_time_seconds = started;
  return numbers;
}

}  // namespace tideline::coordinator
