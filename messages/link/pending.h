#pragma once
// Replies of a backend, from any thread, brought back to the loop that waits for them. For edge rooms that speak
// through KJ.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include <kj/async.h>
#include <kj/timer.h>

#include "messages/link/kj_thread.h"
#include "messages/link/reply.h"
#include "messages/model/units.h"

namespace tideline::link {

/// The way onto the loop, while there is one. Outlives the server in the hands of late replies.
class Gate {
 public:
  explicit Gate(KjThread& thread) : thread_(&thread) {}
  void post(KjThread::Task task) {
    const std::lock_guard lock(mutex_);
    if (thread_) thread_->post(kj::mv(task));
  }
  void shut() {
    const std::lock_guard lock(mutex_);
    thread_ = nullptr;
  }

 private:
  std::mutex mutex_;
  KjThread* thread_;
};

/// Held by all who wait. All on the loop's thread, except that the Reply may be called and destroyed anywhere.
class Pending : public std::enable_shared_from_this<Pending> {
 public:
  Pending(kj::Timer& timer, std::shared_ptr<Gate> gate, model::Duration deadline)
      : timer_(timer), gate_(std::move(gate)), deadline_(deadline.count() * kj::NANOSECONDS) {}

  /// `ask` gets the Reply. The promise never fails: no answer by the deadline, or by `instead` of it, is kUnavailable,
  /// a Reply dropped uncalled is kInternal.
  template <class T, class Ask>
  kj::Promise<model::Result<T>> ask(Ask&& ask, std::optional<model::Duration> instead = std::nullopt) {
    auto paf = kj::newPromiseAndFulfiller<model::Result<T>>();
    const std::uint64_t id = ++last_id_;
    slots_.emplace(id, std::make_unique<SlotOf<T>>(kj::mv(paf.fulfiller)));
    ask(Reply<T>([answer = std::make_shared<Answer<T>>(gate_, weak_from_this(), id)](model::Result<T> result) {
      answer->give(std::move(result));
    }));
    const kj::Duration deadline = instead ? instead->count() * kj::NANOSECONDS : deadline_;
    auto late = timer_.afterDelay(deadline).then([]() -> model::Result<T> {
      return model::Error(model::ErrorCode::kUnavailable, "the coordinator did not answer in time; try again");
    });
    return paf.promise.exclusiveJoin(kj::mv(late)).attach(kj::defer([self = shared_from_this(), id]() {
      self->slots_.erase(id);
    }));
  }

  /// Answers every open question with `error`.
  void fail_all(const model::Error& error) {
    for (const auto& [id, slot] : slots_)
      slot->fail(error);
  }

 private:
  struct Slot {
    virtual ~Slot() noexcept(false) = default;
    virtual void fail(model::Error error) = 0;
  };
  template <class T>
  struct SlotOf final : Slot {
    explicit SlotOf(kj::Own<kj::PromiseFulfiller<model::Result<T>>> own) : fulfiller(kj::mv(own)) {}
    void fail(model::Error error) override { fulfiller->fulfill(std::move(error)); }
    kj::Own<kj::PromiseFulfiller<model::Result<T>>> fulfiller;
  };

  /// Weak, for a Reply may be kept for ever; locked on the loop only.
  template <class T>
  class Answer {
   public:
    Answer(std::shared_ptr<Gate> gate, std::weak_ptr<Pending> pending, std::uint64_t id)
        : gate_(std::move(gate)), pending_(std::move(pending)), id_(id) {}
    ~Answer() { give(model::Error(model::ErrorCode::kInternal, "the coordinator dropped the question")); }
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;

    void give(model::Result<T> result) {
      if (given_.exchange(true)) return;
      gate_->post([pending = pending_, id = id_, result = std::move(result)](KjContext&) mutable {
        if (const auto waiting = pending.lock()) waiting->template arrive<T>(id, std::move(result));
      });
    }

   private:
    std::shared_ptr<Gate> gate_;
    std::weak_ptr<Pending> pending_;
    std::uint64_t id_;
    std::atomic<bool> given_{false};
  };

  template <class T>
  void arrive(std::uint64_t id, model::Result<T> result) {
    const auto slot = slots_.find(id);
    if (slot == slots_.end()) return;  // the client left, or the deadline passed
    static_cast<SlotOf<T>&>(*slot->second).fulfiller->fulfill(std::move(result));
  }

  kj::Timer& timer_;
  std::shared_ptr<Gate> gate_;
  kj::Duration deadline_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Slot>> slots_;
};

}  // namespace tideline::link
