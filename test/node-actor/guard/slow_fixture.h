#pragma once
// A slow writer with a helper of the tests' own.

#include <chrono>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

#include <unistd.h>

#include "node-actor/guard/slow_writer.h"

namespace tideline::guard {

inline SlowWriterConfig slow_config(const std::string& mode, const std::string& state_dir, std::uint64_t epoch) {
  return {.argv = {std::string(std::getenv("TIDELINE_BIN")) + "/guard_test_slow_writer", mode},
          .state_dir = state_dir,
          .epoch = epoch,
          .deadline = std::chrono::seconds(2)};
}

/// What comes of the request under way while `now` stands still. Throws where nothing does for 20 s.
inline SlowDone finish(SlowWriter& writer, model::MonoTime now) {
  for (int tries = 0; tries < 20'000; ++tries) {
    if (auto done = writer.poll(now)) return *done;
    ::usleep(1000);
  }
  throw std::runtime_error("the slow writer said nothing");
}

}  // namespace tideline::guard
