#include "coordinator/planner_program/cpu_time.h"

#include <sys/resource.h>

namespace tideline::planner_program {
namespace {

double timeval_s(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

double process_cpu_s() {
  struct rusage used {};
  if (::getrusage(RUSAGE_SELF, &used) != 0) return 0;
  return timeval_s(used.ru_utime) + timeval_s(used.ru_stime);
}

}  // namespace tideline::planner_program
