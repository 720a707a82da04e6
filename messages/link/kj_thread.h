#pragma once
// A KJ event loop on a thread of its own. For edge rooms that speak through KJ (link, admin, web, api): KJ objects live
// and die on this thread, and only what `post` and `call` carry crosses.

#include <future>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <kj/async-io.h>
#include <kj/function.h>

#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::link {

/// What code on a KJ loop works with.
struct KjContext {
  kj::AsyncIoProvider& io;
  kj::LowLevelAsyncIoProvider& low;
  kj::Network& network;
  kj::Timer& timer;

  /// For a program that runs its loop in main.
  static KjContext of(kj::AsyncIoContext& context) {
    return {*context.provider, *context.lowLevelProvider, context.provider->getNetwork(), context.provider->getTimer()};
  }
};

class KjThread {
 public:
  using Task = kj::Function<void(KjContext&)>;

  /// Starts thread and loop; `name` (at most 15 bytes) is what top shows.
  explicit KjThread(const std::string& name);
  ~KjThread();  // stop()
  KjThread(const KjThread&) = delete;
  KjThread& operator=(const KjThread&) = delete;

  /// Runs `task` on the loop soon; from any thread; order is kept. All tasks waiting are run at one wake. A task that
  /// throws is logged. Dropped, unrun, after stop.
  void post(Task task);

  /// Runs `f(KjContext&)`, returning model::Result<T>, on the loop and waits for it (runs it in place when called from
  /// the loop). An exception becomes kInternal, a stopped loop kUnavailable.
  template <class F>
  auto call(F f) -> std::invoke_result_t<F&, KjContext&> {
    using R = std::invoke_result_t<F&, KjContext&>;
    if (is_current()) return f(context());
    auto promise = std::make_shared<std::promise<R>>();
    auto future = promise->get_future();
    post([promise, f = std::move(f)](KjContext& context) mutable {
      R result = model::Error(model::ErrorCode::kInternal, "not run");
      auto run = [&]() { result = f(context); };
      KJ_IF_MAYBE (exception, kj::runCatchingExceptions(run)) {
        result = model::Error(model::ErrorCode::kInternal, exception->getDescription().cStr());
      }
      promise->set_value(std::move(result));
    });
    promise.reset();
    try {
      return future.get();
    } catch (const std::future_error&) {
      return model::Error(model::ErrorCode::kUnavailable, "the loop was stopped");
    }
  }

  bool is_current() const;

  /// Runs what was posted before, then `last` (to destroy KJ objects where they live), then ends the loop and joins.
  /// Again: no effect. Not from the loop's own thread.
  void stop(Task last = [](KjContext&) {});
  /// As stop, but for so long at most. False: something that the loop runs does not return. It is left to itself then:
  /// what was posted, `last` and the end of the loop follow when it does, and what they use must be theirs.
  bool stop_within(model::Duration patience, Task last);

 private:
  struct State;
  KjContext& context();
  bool begin_stop(Task last);
  std::shared_ptr<State> state_;
};

}  // namespace tideline::link
