#include "coordinator/remote_write/core.h"

#include <algorithm>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "coordinator/prometheus/write_request.h"
#include "coordinator/remote_write/endpoint.h"
#include "messages/clock/clock.h"
#include "messages/http/kj_time.h"

namespace tideline::remote_write {
namespace {

std::uint64_t some_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

std::string where_of(const RemoteWriteConfig& config) {
  const auto endpoint = endpoint_from(config.url);
  return endpoint ? shown(*endpoint) : std::string();
}

}  // namespace

Core::Core(link::KjContext& context, const RemoteWriteConfig& config, std::unique_ptr<Transport> transport,
           Counters& counters, Take take)
    : timer_(context.timer),
      config_(config),
      counters_(counters),
      take_(std::move(take)),
      where_(where_of(config)),
      transport_(std::move(transport)),
      queue_(config.queue_bytes),
      backoff_(config.backoff_min, config.backoff_max, config.seed != 0 ? config.seed : some_seed()),
      tasks_(*this) {
  tasks_.add(tick());
}

model::Result<std::unique_ptr<Core>> Core::create(link::KjContext& context, const RemoteWriteConfig& config,
                                                  Counters& counters, Take take) {
  auto transport = Transport::create(context, config);
  if (!transport) return transport.error();
  return std::unique_ptr<Core>(new Core(context, config, *std::move(transport), counters, std::move(take)));
}

kj::Promise<void> Core::tick() {
  return timer_.afterDelay(http::to_kj(config_.interval)).then([this]() -> kj::Promise<void> {
    add(true);
    return tick();
  });
}

void Core::add(bool open_too) {
  for (auto& batch : take_(open_too))
    queue(std::move(batch));
  show_queue();
  if (queue_.empty() || std::exchange(sending_, true)) return;
  tasks_.add(send_next());
}

void Core::queue(Batch batch) {
  batch.body = prometheus::compressed(batch.body);
  const std::size_t dropped = queue_.push(std::move(batch));
  if (dropped == 0) return;
  counters_.update([dropped](WriterCounts& counts) { counts.samples.dropped += dropped; });
  if (const auto held = dropped_noise_.admit(clock::mono_now().ns)) {
    log::warn("remote-write-dropped", "{}: the queue of {} bytes is full, {} samples ({} more since the last line)",
              where_, config_.queue_bytes, dropped, *held);
  }
}

kj::Promise<void> Core::send_next() {
  if (const std::size_t old = queue_.drop_begun_before(oldest_begin()); old != 0) {
    counters_.update([old](WriterCounts& counts) { counts.samples.old += old; });
  }
  auto next = ended_ ? std::nullopt : queue_.pop();
  if (!next) {
    sending_ = false;
    show_queue();
    if (ending_) end();
    return kj::READY_NOW;
  }
  auto body = std::make_shared<const std::string>(std::move(next->body));
  current_ = Current{*std::move(next), std::move(body)};
  show_queue();
  return send_current();
}

kj::Promise<void> Core::send_current() {
  return transport_->post(current_->body)
      .then([this](Answer&& answer) { return on_answer(answer); },
            [this](kj::Exception&& exception) {
              counters_.update([](WriterCounts& counts) { ++counts.answers.none; });
              return again(reason_of(exception), std::nullopt);
            });
}

kj::Promise<void> Core::on_answer(const Answer& answer) {
  const Verdict verdict = verdict_of(answer.status);
  const std::string said = answer.text.empty() ? "" : ": " + answer.text;
  counters_.update([&](WriterCounts& counts) {
    auto& answers = counts.answers;
    ++(verdict == Verdict::kTaken    ? answers.taken
       : verdict == Verdict::kBusy   ? answers.busy
       : verdict == Verdict::kFailed ? answers.failed
                                     : answers.refused);
  });
  if (verdict == Verdict::kBusy || verdict == Verdict::kFailed) {
    return again(fmt::format("answered {}{}", answer.status, said), answer.retry_after);
  }
  // The end of the process counted them as dropped.
  if (!current_) return send_next();
  const Batch& batch = current_->batch;
  counters_.update([&](WriterCounts& counts) {
    if (verdict == Verdict::kTaken) {
      counts.samples.sent += batch.samples;
      counts.newest = std::max(counts.newest, batch.newest);
    } else {
      counts.samples.refused += batch.samples;
    }
  });
  if (verdict == Verdict::kRefused) {
    if (const auto held = refused_noise_.admit(clock::mono_now().ns)) {
      log::warn("remote-write-refused", "{}: {} samples: answered {}{} ({} more since the last line)", where_,
                batch.samples, answer.status, said, *held);
    }
  }
  backoff_.reset();
  if (std::exchange(failing_, false)) log::info("remote-write-again", "{}: answers again", where_);
  current_.reset();
  return send_next();
}

kj::Promise<void> Core::again(const std::string& why, std::optional<model::Duration> at_least) {
  if (const auto held = failing_noise_.admit(clock::mono_now().ns)) {
    failing_ = true;
    log::warn("remote-write-failing", "{}: {}; it is tried again ({} more since the last line)", where_, why, *held);
  }
  if (ending_) {
    end();
    return kj::READY_NOW;
  }
  const model::Duration asked = std::min(at_least.value_or(model::kZeroDuration), config_.longest_hold);
  auto hurry = kj::newPromiseAndFulfiller<void>();
  hurry_ = kj::mv(hurry.fulfiller);
  return timer_.afterDelay(http::to_kj(std::max(backoff_.next(), asked)))
      .exclusiveJoin(kj::mv(hurry.promise))
      .then([this]() -> kj::Promise<void> {
        hurry_ = nullptr;
        if (!current_) return send_next();
        if (current_->batch.begun >= oldest_begin()) return send_current();
        counters_.update([old = current_->batch.samples](WriterCounts& counts) { counts.samples.old += old; });
        current_.reset();
        return send_next();
      });
}

void Core::finish(std::shared_ptr<std::promise<void>> done) {
  done_ = std::move(done);
  ending_ = true;
  add(true);
  if (!sending_) return end();
  if (hurry_.get() != nullptr) hurry_->fulfill();
  tasks_.add(timer_.afterDelay(http::to_kj(config_.stop_within)).then([this]() { end(); }));
}

void Core::end() {
  if (std::exchange(ended_, true)) return;
  const std::size_t left = queue_.drop_all() + (current_ ? current_->batch.samples : 0);
  current_.reset();
  counters_.update([left](WriterCounts& counts) { counts.samples.dropped += left; });
  if (left != 0) log::warn("remote-write-dropped", "{}: {} samples at the end of the process", where_, left);
  show_queue();
  done_->set_value();
}

model::MonoTime Core::oldest_begin() const {
  return clock::mono_now() + -config_.max_age / 2;
}

void Core::show_queue() {
  const std::size_t bytes = queue_.bytes() + (current_ ? current_->body->size() : 0);
  const std::size_t samples = queue_.samples() + (current_ ? current_->batch.samples : 0);
  counters_.update([bytes, samples](WriterCounts& counts) {
    counts.queued_bytes = bytes;
    counts.queued_samples = samples;
  });
}

void Core::taskFailed(kj::Exception&& exception) {
  log::error("remote-write-task-failed", "{}: {}", where_, exception.getDescription().cStr());
}

}  // namespace tideline::remote_write
