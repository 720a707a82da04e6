#include "coordinator/ledger_recorder/recorder.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "coordinator/ledger_recorder/pieces.h"
#include "coordinator/ledger_recorder/told.h"
#include "messages/clock/clock.h"
#include "messages/log/log.h"

namespace tideline::ledger_recorder {
namespace {

using ledger::RecordKind;
using model::Result;

constexpr std::uint64_t kPieces = 8;
constexpr std::size_t kBufferBytes = 256 << 10;
constexpr std::int64_t kTroubleEveryNs = 10'000'000'000;

}  // namespace

/// Files of one life; on the thread alone.
class Writing {
 public:
  explicit Writing(const RecorderConfig& config) : config_(config), piece_bytes_(config.max_bytes / kPieces) {}

  void begin(model::Epoch life, model::Duration aggregate) {
    begun_.epoch = life;
    begun_.aggregate = aggregate;
    begun_.piece = 0;
  }

  /// All of it, down to the file.
  void take(const std::deque<Told>& some) {
    for (const Told& told : some) {
      if (const auto* loss = std::get_if<ToldLoss>(&told.what)) {
        flush();
        file_.close();
        standing_ = loss->standing;
        unsaid_ += loss->lost;
        continue;
      }
      take_in(told, standing_);
      write(told);
    }
    flush();
  }

  std::uint64_t written() const { return written_; }
  /// Here, and not before.
  std::uint64_t lost() const { return lost_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t files() const { return files_; }
  bool failing() const { return refused_.has_value(); }

 private:
  void write(const Told& told) {
    auto body = body_of(told);
    if (!body) {
      // The disk is not at fault: what follows begins anew at once.
      flush();
      lose(1);
      log::warn("ledger-recording-lost", "a record: {}", body.error().message());
      return;
    }
    const std::string bytes = ledger::bytes_of({told.kind, told.at.mono, told.at.wall, *std::move(body)});
    const bool is_full =
        file_.is_open() && has_records_ && file_.bytes() + buffer_.size() + bytes.size() > piece_bytes_;
    if (is_full) flush();
    // What could not be flushed has closed it.
    const bool goes_on = is_full && file_.is_open();
    if ((!file_.is_open() || goes_on) && !open_next(told, goes_on)) return lose(1);
    buffer_ += bytes;
    has_records_ = true;
    ++pending_;
    if (buffer_.size() >= kBufferBytes) flush();
  }

  /// For this record, which is in `standing_` already. `goes_on`: nothing was lost since the file before. false: not
  /// now.
  bool open_next(const Told& first, bool goes_on) {
    file_.close();
    if (refused_ && clock::mono_now() - *refused_ < config_.retry) return false;
    if (const auto room = make_room(config_.directory, piece_bytes_, config_.max_bytes); !room) {
      refuse(room.error());
      return false;
    }
    ++begun_.piece;
    if (!goes_on && (begun_.piece > 1 || unsaid_ > 0)) ++begun_.stretch;
    begun_.lost = std::exchange(unsaid_, 0);
    auto file = PieceFile::create(config_.directory + "/" + piece_name(begun_.epoch, begun_.piece));
    if (!file) {
      unsaid_ = begun_.lost;
      refuse(file.error());
      return false;
    }
    file_ = *std::move(file);
    is_begun_ = false;
    has_records_ = false;
    buffer_ = ledger::recording_head();
    put(RecordKind::kBegin, first.at, ledger::body_of(begun_));
    // Before the first record of a life there was nothing.
    if (begun_.piece > 1 || begun_.lost > 0) put_standing(first);
    return true;
  }

  void put_standing(const Told& first) {
    if (standing_.policy.policy && !std::holds_alternative<ToldPolicy>(first.what)) {
      put(RecordKind::kPolicy, first.at,
          ledger::body_of(ledger::PolicyTold{standing_.policy.version, standing_.policy.policy->documents}));
    }
    const auto* of_node = std::get_if<ledger::NodeTold>(&first.what);
    for (const auto& [node, incarnation] : standing_.sessions) {
      if (of_node != nullptr && of_node->node == node) continue;
      put(RecordKind::kOpened, first.at, ledger::body_of(ledger::NodeTold{node, incarnation}));
    }
  }

  void put(RecordKind kind, const fleet::Arrival& at, std::string body) {
    buffer_ += ledger::bytes_of({kind, at.mono, at.wall, std::move(body)});
  }

  void flush() {
    if (buffer_.empty()) return;
    const std::string some = std::exchange(buffer_, {});
    if (const auto done = file_.append(some); !done) {
      if (!is_begun_) give_up_file();
      refuse(done.error());
      lose(0);
      return;
    }
    if (!std::exchange(is_begun_, true)) {
      ++files_;
      if (begun_.lost > 0) log::warn("ledger-recording-lost", "{} records; it begins anew", begun_.lost);
    }
    refused_.reset();
    bytes_ += some.size();
    written_ += std::exchange(pending_, 0);
  }

  /// Nothing in it is of use. A disk that stays full would get another one at each attempt, and what it was to say of
  /// earlier losses nobody would hear.
  void give_up_file() {
    file_.discard();
    unsaid_ += begun_.lost;
  }

  /// So many, and what waits for the file; the next record begins another one.
  void lose(std::uint64_t records) {
    records += std::exchange(pending_, 0);
    buffer_.clear();
    file_.close();
    lost_ += records;
    unsaid_ += records;
  }

  void refuse(const model::Error& why) {
    refused_ = clock::mono_now();
    if (const auto held = trouble_.admit(refused_->ns)) {
      log::error("ledger-recording-failed", "{}; control goes on without recording{}", why.message(),
                 *held == 0 ? "" : fmt::format(" ({} more held back)", *held));
    }
  }

  const RecorderConfig& config_;
  const std::uint64_t piece_bytes_;
  ledger::BeginTold begun_;
  Standing standing_;
  PieceFile file_;
  std::string buffer_;         // of the file, not written yet,
  std::uint64_t pending_ = 0;  // and the records in it
  bool is_begun_ = false;      // something of the file is on the disk
  bool has_records_ = false;   // the file, besides what it begins with
  std::uint64_t unsaid_ = 0;   // lost since the last begin
  std::optional<model::MonoTime> refused_;
  std::uint64_t written_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t files_ = 0;
  log::RateLimit trouble_{kTroubleEveryNs};
};

class LedgerRecorder::Impl : public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(RecorderConfig config) : config_(std::move(config)), writing_(config_) {}

  /// stop() must be called after it.
  void start() {
    thread_ = std::thread([self = shared_from_this()] { self->run(); });
  }

  void began(model::Epoch epoch, model::Duration aggregate) {
    const std::lock_guard lock(mutex_);
    begun_ = Begun{epoch, aggregate};
  }

  void add(Told told) {
    const std::size_t weight = weight_of(told);
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      take_in(told, standing_);
      if (queued_ + weight > config_.queue_bytes) losing_ = true;
      if (losing_ && (!queue_.empty() || queued_ > 0)) {
        ++lost_;
        return;
      }
      if (std::exchange(losing_, false)) {
        // This one counts as lost, too; of a session or a policy `standing_` tells.
        ++lost_;
        queue_.push_back({RecordKind::kBegin, told.at, ToldLoss{lost_, standing_}});
        unwritten_ += std::exchange(lost_, 0);
      } else {
        queued_ += weight;
        queue_.push_back(std::move(told));
      }
    }
    wake_.notify_one();
  }

  RecorderCounts counts() const {
    const std::lock_guard lock(mutex_);
    return given_up_ ? *given_up_ : counted();
  }

  void stop() {
    const std::lock_guard stopping(stop_mutex_);
    if (!thread_.joinable()) return;
    std::optional<std::uint64_t> left;
    {
      std::unique_lock lock(mutex_);
      stopped_ = true;
      wake_.notify_one();
      if (!ended_now_.wait_for(lock, config_.stop_within, [this] { return ended_; })) left = give_up();
    }
    if (!left) {
      thread_.join();
      return;
    }
    thread_.detach();
    log::warn("ledger-recording-stuck", "{}: the disk does not answer, and its thread is left to itself; {} records",
              config_.directory, *left);
  }

 private:
  struct Begun {
    model::Epoch epoch;
    model::Duration aggregate{0};
  };

  static std::uint64_t records_in(const std::deque<Told>& some) {
    return static_cast<std::uint64_t>(std::count_if(
        some.begin(), some.end(), [](const Told& told) { return !std::holds_alternative<ToldLoss>(told.what); }));
  }

  /// With mutex_ held.
  RecorderCounts counted() const {
    RecorderCounts counts = counts_;
    counts.lost += unwritten_ + lost_;
    return counts;
  }

  /// With mutex_ held. How many records that costs.
  std::uint64_t give_up() {
    const std::uint64_t left = in_hand_ + records_in(queue_);
    queue_.clear();
    given_up_ = counted();
    given_up_->lost += left;
    return left;
  }

  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
      if (queue_.empty()) break;
      auto some = std::exchange(queue_, {});
      in_hand_ = records_in(some);
      const std::size_t taken = queued_;
      const auto begun = std::exchange(begun_, std::nullopt);
      lock.unlock();
      if (begun) writing_.begin(begun->epoch, begun->aggregate);
      writing_.take(some);
      some.clear();
      lock.lock();
      // Until now they held what they weigh.
      queued_ -= taken;
      in_hand_ = 0;
      counts_ = {writing_.written(), writing_.lost(), writing_.bytes(), writing_.files(), writing_.failing()};
    }
    ended_ = true;
    ended_now_.notify_all();
  }

  const RecorderConfig config_;
  Writing writing_;
  std::mutex stop_mutex_;
  mutable std::mutex mutex_;  // of what follows, up to the thread
  std::condition_variable wake_;
  std::condition_variable ended_now_;
  std::deque<Told> queue_;
  std::size_t queued_ = 0;  // bytes, with those that are being written
  Standing standing_;
  bool losing_ = false;          // until it is empty
  std::uint64_t lost_ = 0;       // of the loss that goes on
  std::uint64_t unwritten_ = 0;  // of those before it
  std::optional<Begun> begun_;
  RecorderCounts counts_;
  std::uint64_t in_hand_ = 0;  // records that are being written
  bool stopped_ = false;
  bool ended_ = false;
  std::optional<RecorderCounts> given_up_;  // of what stop() left to itself
  std::thread thread_;
};

LedgerRecorder::LedgerRecorder(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

LedgerRecorder::~LedgerRecorder() {
  impl_->stop();
}

Result<std::shared_ptr<LedgerRecorder>> LedgerRecorder::start(RecorderConfig config) {
  config.max_bytes = std::max(config.max_bytes, kLeastRecordingBytes);
  if (const auto there = pieces_in(config.directory); !there) return there.error();
  auto impl = std::make_shared<Impl>(std::move(config));
  impl->start();
  return std::shared_ptr<LedgerRecorder>(new LedgerRecorder(std::move(impl)));
}

void LedgerRecorder::began(model::Epoch epoch, const fleet::FleetOptions& options, const fleet::Arrival& /*at*/) {
  impl_->began(epoch, options.aggregate);
}

void LedgerRecorder::policy_loaded(const std::shared_ptr<const policy::ClusterPolicy>& policy,
                                   model::PolicyVersion version, const fleet::Arrival& at) {
  impl_->add({RecordKind::kPolicy, at, ToldPolicy{policy, version}});
}

void LedgerRecorder::opened(const model::NodeName& node, model::Incarnation incarnation, const fleet::Arrival& at) {
  impl_->add({RecordKind::kOpened, at, ledger::NodeTold{node, incarnation}});
}

void LedgerRecorder::closed(const model::NodeName& node, const fleet::Arrival& at) {
  impl_->add({RecordKind::kClosed, at, ledger::NodeTold{node, {}}});
}

void LedgerRecorder::reported(const std::shared_ptr<const model::Report>& report, const fleet::Arrival& at) {
  impl_->add({RecordKind::kReport, at, report});
}

void LedgerRecorder::forgot(const model::NodeName& node, const fleet::Arrival& at) {
  impl_->add({RecordKind::kForgotten, at, ledger::NodeTold{node, {}}});
}

void LedgerRecorder::accounted(const model::Reclaimed& account, const profile::Reclaimable& predicted,
                               const fleet::Arrival& at) {
  impl_->add({RecordKind::kAccount, at, ToldAccount{account, predicted}});
}

RecorderCounts LedgerRecorder::counts() const {
  return impl_->counts();
}

void LedgerRecorder::stop() {
  impl_->stop();
}

}  // namespace tideline::ledger_recorder
