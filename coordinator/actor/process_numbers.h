#pragma once
// This process as Prometheus clients show theirs.

namespace tideline::coordinator {

struct ProcessNumbers {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double open_fds = 0;
  double max_fds = 0;
  double start_time_seconds = 0;  // since the epoch
};

/// From getrusage and /proc/self (proc(5)); what cannot be read is 0.
ProcessNumbers read_process_numbers();

}  // namespace tideline::coordinator
