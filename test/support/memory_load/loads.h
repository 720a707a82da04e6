#pragma once
// The kinds of load. Each returns its exit code, and says what it did in lines on stdout: "ready" when it holds what it
// is to hold, and one JSON object at its end.

#include <cstddef>
#include <string>

#include "test/support/memory_load/life.h"

namespace tideline::test {

/// A service: it holds anonymous memory and a file, and answers requests at fixed times, each of which touches pages of
/// both at random and uses some memory of its own for a moment. Latency counts from the intended time.
struct TouchPlan {
  std::size_t anon_mib = 64;
  std::string directory;  // where the file lies; "": there is none
  std::size_t file_mib = 0;
  double per_second = 200;
  std::size_t anon_pages = 32;  // of one request
  std::size_t file_pages = 8;
  std::size_t scratch_kib = 128;
  bool samples = false;  // say "s <monotonic ms> <latency us>" of each request
};
int run_touch(const Life& life, const TouchPlan& plan);

/// A batch job that takes memory until it has `mib`, and holds it. Says "begin <monotonic ms>", and "ready" when it has
/// all; SIGTERM ends it as it ends any program.
struct GrowPlan {
  std::size_t mib = 64;
  double mib_per_second = 0;  // 0: as fast as it can
  std::size_t wave_mib = 0;   // afterwards gives the last of it back and takes it again,
  double wave_seconds = 1;    // each half so long
};
int run_grow(const Life& life, const GrowPlan& plan);
/// `count` of them, each with that plan, as children in the same group.
int run_many(const Life& life, const GrowPlan& plan, std::size_t count);

/// A batch job that writes files once, and reads and now and then rewrites them from then on, through the page cache.
/// Says "p <monotonic ms> <MiB so far>" ten times a second.
struct StreamPlan {
  std::string directory;
  std::size_t mib = 256;  // all files together
  std::size_t file_mib = 32;
  int write_percent = 10;     // of the passes over a file
  double mib_per_second = 0;  // 0: as fast as it can
};
int run_stream(const Life& life, const StreamPlan& plan);

/// Kernel memory that can be reclaimed, where there is no disk for a page cache: the names of files that are not there,
/// which the kernel remembers (negative dentries of sysfs).
struct NamesPlan {
  std::size_t mib = 32;  // about so much
};
int run_names(const Life& life, const NamesPlan& plan);

}  // namespace tideline::test
