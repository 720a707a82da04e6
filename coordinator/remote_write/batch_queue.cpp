#include "coordinator/remote_write/batch_queue.h"

#include <utility>

namespace tideline::remote_write {

std::size_t BatchQueue::push(Batch batch) {
  bytes_ += batch.body.size();
  samples_ += batch.samples;
  batches_.push_back(std::move(batch));
  std::size_t dropped = 0;
  while (bytes_ > max_bytes_ && batches_.size() > 1)
    dropped += take_front().samples;
  return dropped;
}

std::optional<Batch> BatchQueue::pop() {
  if (batches_.empty()) return std::nullopt;
  return take_front();
}

std::size_t BatchQueue::drop_begun_before(model::MonoTime time) {
  std::size_t dropped = 0;
  while (!batches_.empty() && batches_.front().begun < time)
    dropped += take_front().samples;
  return dropped;
}

std::size_t BatchQueue::drop_all() {
  const std::size_t dropped = samples_;
  batches_.clear();
  bytes_ = 0;
  samples_ = 0;
  return dropped;
}

Batch BatchQueue::take_front() {
  Batch front = std::move(batches_.front());
  batches_.pop_front();
  bytes_ -= front.body.size();
  samples_ -= front.samples;
  return front;
}

}  // namespace tideline::remote_write
