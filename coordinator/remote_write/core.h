#pragma once
// The writer on its loop: what waits, the request that is on its way, and when it is sent again.

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <kj/async-io.h>

#include "coordinator/remote_write/batch_queue.h"
#include "coordinator/remote_write/counters.h"
#include "coordinator/remote_write/retry.h"
#include "coordinator/remote_write/transport.h"
#include "coordinator/remote_write/writer.h"
#include "messages/link/kj_thread.h"
#include "messages/log/log.h"
#include "messages/model/result.h"

namespace tideline::remote_write {

/// Made, used and destroyed on the loop's thread.
class Core final : private kj::TaskSet::ErrorHandler {
 public:
  /// Gives the batches that are full, and with `open_too` the one that is not, oldest first. None is compressed yet.
  using Take = std::function<std::vector<Batch>(bool open_too)>;

  /// `config` and `counters` must outlive it.
  static model::Result<std::unique_ptr<Core>> create(link::KjContext& context, const RemoteWriteConfig& config,
                                                     Counters& counters, Take take);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  /// Some batches are full. The one that is not is taken after an interval.
  void add_full() { add(false); }
  /// Sends what is there, until an attempt fails and for stop_within at most; then `done` is fulfilled. To be called
  /// once.
  void finish(std::shared_ptr<std::promise<void>> done);

 private:
  using Sent = std::shared_ptr<const std::string>;
  /// On its way, or waiting to be sent again.
  struct Current {
    Batch batch;
    Sent body;
  };

  Core(link::KjContext& context, const RemoteWriteConfig& config, std::unique_ptr<Transport> transport,
       Counters& counters, Take take);
  kj::Promise<void> tick();
  void add(bool open_too);
  void queue(Batch batch);
  kj::Promise<void> send_next();
  kj::Promise<void> send_current();
  kj::Promise<void> on_answer(const Answer& answer);
  kj::Promise<void> again(const std::string& why, std::optional<model::Duration> at_least);
  void end();
  model::MonoTime oldest_begin() const;
  void show_queue();
  void taskFailed(kj::Exception&& exception) override;

  kj::Timer& timer_;
  const RemoteWriteConfig& config_;
  Counters& counters_;
  const Take take_;
  const std::string where_;
  const std::unique_ptr<Transport> transport_;
  BatchQueue queue_;
  Backoff backoff_;
  std::optional<Current> current_;
  bool sending_ = false;
  bool failing_ = false;  // the newest attempt was, as the log knows
  bool ending_ = false;
  bool ended_ = false;
  kj::Own<kj::PromiseFulfiller<void>> hurry_;  // while current_ waits to be sent again
  std::shared_ptr<std::promise<void>> done_;
  log::RateLimit failing_noise_{10'000'000'000};
  log::RateLimit refused_noise_{10'000'000'000};
  log::RateLimit dropped_noise_{10'000'000'000};
  kj::TaskSet tasks_;
};

}  // namespace tideline::remote_write
