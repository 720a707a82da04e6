#include "coordinator/remote_write/retry.h"

namespace tideline::remote_write {

Verdict verdict_of(unsigned status) {
  if (status >= 200 && status < 300) return Verdict::kTaken;
  if (status == 429) return Verdict::kBusy;
  if (status >= 500 && status < 600) return Verdict::kFailed;
  return Verdict::kRefused;
}

model::Duration Backoff::next() {
  model::Duration wait = min_;
  for (unsigned i = 0; i < failures_ && wait < max_; ++i)
    wait = wait > max_ / 2 ? max_ : 2 * wait;
  if (wait < max_) ++failures_;
  return model::Duration(std::uniform_int_distribution<std::int64_t>(wait.count() / 2, wait.count())(random_));
}

}  // namespace tideline::remote_write
