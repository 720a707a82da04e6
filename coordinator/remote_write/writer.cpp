#include "coordinator/remote_write/writer.h"

#include <algorithm>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/remote_write/core.h"
#include "coordinator/remote_write/counters.h"
#include "coordinator/remote_write/credentials.h"
#include "coordinator/remote_write/endpoint.h"
#include "messages/clock/clock.h"
#include "messages/link/kj_thread.h"
#include "messages/log/log.h"

namespace tideline::remote_write {
namespace {

/// That the loop did not take yet, as it does within milliseconds, whatever the server does.
constexpr std::size_t kMaxFull = 8;

model::Result<void> check_numbers(const RemoteWriteConfig& config) {
  if (config.interval <= model::kZeroDuration) return model::invalid("interval: want more than 0");
  if (config.batch_bytes == 0 || config.queue_bytes == 0) {
    return model::invalid("batch and queue: want at least 1 byte");
  }
  if (config.backoff_min <= model::kZeroDuration || config.backoff_min > config.backoff_max) {
    return model::invalid("back-off: want more than 0, and no more at first than at most");
  }
  if (config.series.max_nodes == 0) return model::invalid("nodes: want at least 1");
  const auto& agent = config.user_agent;
  if (!std::all_of(agent.begin(), agent.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
    return model::invalid("user agent: want printable ASCII");
  }
  return {};
}

prometheus::StreamOptions stream_options(const RemoteWriteConfig& config) {
  auto options = config.series;
  options.after = std::max(options.after, clock::wall_now());
  return options;
}

}  // namespace

model::Result<void> check(const RemoteWriteConfig& config) {
  const auto endpoint = endpoint_from(config.url);
  if (!endpoint) return endpoint.error();
  if (const auto good = check_numbers(config); !good) return good.error().in(shown(*endpoint));
  if (const auto good = check_together(config, *endpoint); !good) return good.error();
  if (const auto read = read_credentials(config); !read) return read.error();
  return {};
}

class RemoteWriter::Impl : public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(RemoteWriteConfig config)
      : config_(std::move(config)), stream_(stream_options(config_)), thread_("tl-remote-write") {}

  model::Result<void> start() {
    return thread_.call([this](link::KjContext& context) -> model::Result<void> {
      auto core = Core::create(context, config_, counters_, [this](bool open_too) { return take(open_too); });
      if (!core) return core.error();
      core_ = *std::move(core);
      return {};
    });
  }

  void offer(const model::Report& report, model::WallTime at) {
    const std::int64_t oldest_ms = clock::wall_now().ms - model::to_ms(config_.max_age / 2);
    prometheus::Appended given;
    std::size_t old = 0;
    std::size_t dropped = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      if (at.ms < oldest_ms) {
        old = stream_.samples_of(report);
      } else {
        given = append(report, at);
      }
      if (open_.body.size() >= config_.batch_bytes) {
        if (full_.size() == kMaxFull) {
          dropped = full_.front().samples;
          full_.erase(full_.begin());
        }
        full_.push_back(std::exchange(open_, Batch()));
        thread_.post([this](link::KjContext&) { core_->add_full(); });
      }
    }
    if (old + dropped + given.late + given.left_out == 0) return;
    counters_.update([&](WriterCounts& counts) {
      counts.samples.old += old;
      counts.samples.dropped += dropped;
      counts.samples.late += given.late;
      counts.samples.left_out += given.left_out;
    });
  }

  WriterCounts counts() const {
    {
      const std::lock_guard lock(mutex_);
      if (given_up_) return *given_up_;
    }
    return counters_.get();
  }

  void stop() {
    const std::lock_guard stopping(stop_mutex_);
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(stopped_, true)) return;
    }
    auto done = std::make_shared<std::promise<void>>();
    const auto told = done->get_future();
    thread_.post([this, done = std::move(done)](link::KjContext&) mutable {
      if (core_ != nullptr && !is_given_up()) {
        core_->finish(std::move(done));
      } else {
        done->set_value();
      }
    });
    // A loop that ended drops the task, and the promise with it.
    const bool in_time = told.wait_for(config_.stop_within + config_.stop_grace) == std::future_status::ready;
    if (!in_time) give_up();
    const auto patience = in_time ? config_.stop_grace : model::kZeroDuration;
    const bool ended =
        thread_.stop_within(patience, [self = shared_from_this()](link::KjContext&) { self->core_.reset(); });
    if (!ended) log::warn("remote-write-stuck", "{}: its thread does not end, and is left to itself", where());
  }

 private:
  bool is_given_up() const {
    const std::lock_guard lock(mutex_);
    return given_up_.has_value();
  }

  /// What the loop has, as it told last, and what it has not taken.
  void give_up() {
    WriterCounts counts = counters_.get();
    std::size_t left = static_cast<std::size_t>(std::exchange(counts.queued_samples, 0));
    counts.queued_bytes = 0;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& batch : full_)
        left += batch.samples;
      left += open_.samples;
      counts.samples.dropped += left;
      given_up_ = counts;
    }
    if (left != 0) log::warn("remote-write-dropped", "{}: {} samples at the end of the process", where(), left);
  }

  std::string where() const {
    const auto endpoint = endpoint_from(config_.url);
    return endpoint ? shown(*endpoint) : std::string();
  }

  /// With mutex_ held.
  prometheus::Appended append(const model::Report& report, model::WallTime at) {
    const bool is_first = open_.samples == 0;
    const auto given = stream_.append(report, at, open_.body);
    if (given.samples == 0) return given;
    if (is_first) {
      open_.begun = clock::mono_now();
      open_.newest = at;
    }
    open_.samples += given.samples;
    open_.newest = std::max(open_.newest, at);
    return given;
  }

  std::vector<Batch> take(bool open_too) {
    const std::lock_guard lock(mutex_);
    auto taken = std::exchange(full_, {});
    if (open_too && open_.samples != 0) taken.push_back(std::exchange(open_, Batch()));
    return taken;
  }

  const RemoteWriteConfig config_;
  Counters counters_;
  std::mutex stop_mutex_;
  mutable std::mutex mutex_;  // of what follows, up to the core
  prometheus::ReportStream stream_;
  Batch open_;
  std::vector<Batch> full_;  // oldest first
  bool stopped_ = false;
  std::optional<WriterCounts> given_up_;  // of what stop() left to itself
  std::unique_ptr<Core> core_;            // on the loop only
  link::KjThread thread_;
};

RemoteWriter::RemoteWriter(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

RemoteWriter::~RemoteWriter() {
  impl_->stop();
}

model::Result<std::unique_ptr<RemoteWriter>> RemoteWriter::start(RemoteWriteConfig config) {
  if (const auto good = check(config); !good) return good.error();
  auto impl = std::make_shared<Impl>(std::move(config));
  if (const auto started = impl->start(); !started) return started.error();
  return std::unique_ptr<RemoteWriter>(new RemoteWriter(std::move(impl)));
}

void RemoteWriter::offer(const model::Report& report, model::WallTime at) {
  impl_->offer(report, at);
}

WriterCounts RemoteWriter::counts() const {
  return impl_->counts();
}

void RemoteWriter::stop() {
  impl_->stop();
}

}  // namespace tideline::remote_write
