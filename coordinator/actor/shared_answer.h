#pragma once
// One answer for all who ask within a while, where asking costs and anyone may ask. Thread-safe.

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "messages/link/reply.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::coordinator {

template <class T>
class SharedAnswer {
 public:
  /// `fresh`: how long an answer is good after it was given.
  explicit SharedAnswer(model::Duration fresh) : fresh_(fresh) {}

  /// Answers with the last one while that is fresh, else when give() brings one. True: none is under way, and the
  /// caller is to bring it, or an error.
  bool ask(model::MonoTime now, link::Reply<T> reply) {
    std::optional<T> known;
    {
      const std::lock_guard lock(mutex_);
      if (!last_ || now - given_ >= fresh_) {
        waiting_.push_back(std::move(reply));
        return !std::exchange(under_way_, true);
      }
      known = last_;
    }
    reply(*std::move(known));
    return false;
  }

  /// Answers all who wait. An error is theirs alone: who comes next asks anew.
  void give(const model::Result<T>& answer, model::MonoTime now) {
    std::vector<link::Reply<T>> waiting;
    {
      const std::lock_guard lock(mutex_);
      under_way_ = false;
      waiting.swap(waiting_);
      last_ = answer ? std::optional<T>(*answer) : std::nullopt;
      given_ = now;
    }
    for (const auto& reply : waiting)
      reply(answer);
  }

 private:
  const model::Duration fresh_;
  std::mutex mutex_;
  bool under_way_ = false;
  std::vector<link::Reply<T>> waiting_;
  std::optional<T> last_;
  model::MonoTime given_;  // last_
};

}  // namespace tideline::coordinator
