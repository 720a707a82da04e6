#pragma once
// Requests that wait to be sent, oldest first, within a bound of bytes. A plain value without a clock.

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "messages/model/units.h"

namespace tideline::remote_write {

/// What becomes one request.
struct Batch {
  std::string body;
  std::size_t samples = 0;
  model::MonoTime begun;   // when its first report was offered
  model::WallTime newest;  // of its samples
};

class BatchQueue {
 public:
  explicit BatchQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// The oldest are dropped as long as they are more bytes than may wait; never the one that came. How many samples
  /// that cost.
  std::size_t push(Batch batch);
  std::optional<Batch> pop();
  /// Drops those begun before `time`. How many samples that cost.
  std::size_t drop_begun_before(model::MonoTime time);
  std::size_t drop_all();

  bool empty() const { return batches_.empty(); }
  std::size_t bytes() const { return bytes_; }
  std::size_t samples() const { return samples_; }

 private:
  Batch take_front();

  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::size_t samples_ = 0;
  std::deque<Batch> batches_;
};

}  // namespace tideline::remote_write
