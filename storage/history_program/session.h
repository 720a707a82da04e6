#pragma once
// What a command has of the process that it runs in.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::history_program {

/// One line of stderr that is drawn over; nothing where that is no terminal. Any thread may call it: RocksDB tells of a
/// backup's progress from its own.
class StatusLine {
 public:
  StatusLine();
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  /// Some ten times a second at most.
  void show(const std::string& text);
  void clear();

 private:
  const bool is_terminal_;
  std::mutex mutex_;
  bool is_drawn_ = false;
  std::chrono::steady_clock::time_point due_{};
};

struct Session {
  const std::atomic<bool>& stop;  // set by a signal
  StatusLine& status;

  model::Result<void> go_on() const;
};

/// What a command printed to stdout; a reader that goes away is no error.
model::Result<void> print(std::string_view text);
/// Where names in it are no UTF-8 they are replaced.
model::Result<void> print_json(const nlohmann::ordered_json& json);
/// ms since the epoch, or null.
nlohmann::ordered_json stamp_json(const std::optional<model::WallTime>& at);

}  // namespace tideline::history_program
