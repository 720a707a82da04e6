#include "node-actor/enrol/enroller.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <utility>

#include <fmt/format.h>
#include <kj/async.h>
#include <kj/timer.h>
#include <unistd.h>

#include "messages/certs/signing.h"
#include "messages/clock/clock.h"
#include "messages/link/file_watch.h"
#include "messages/link/kj_rpc.h"
#include "messages/link/kj_thread.h"
#include "messages/link/small_file.h"
#include "messages/log/log.h"
#include "messages/model/json_text.h"
#include "node-actor/enrol/exchange.h"
#include "node-actor/enrol/identity_files.h"
#include "node-actor/enrol/wire.h"

namespace tideline::enrol {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

constexpr model::Duration kLongestRetry = std::chrono::hours(1);
constexpr std::int64_t kLongestSleepMs = 3'600'000;
constexpr std::int64_t kTellEveryNs = 10'000'000'000;
constexpr std::size_t kMaxProblemBytes = 400;

Result<std::string> read_token(const std::string& file) {
  const auto text = link::read_small_file("token", file);
  if (!text) return text.error();
  auto token = checked_token(*text);
  if (!token) return token.error().in("token " + file);
  return token;
}

/// "16 h 5 min", "40 s".
std::string text_of(std::int64_t ms) {
  const std::int64_t seconds = std::max<std::int64_t>(ms, 0) / 1000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  const std::int64_t minutes = seconds / 60;
  return minutes < 60 ? fmt::format("{} min", minutes) : fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

/// What callers on other threads ask.
class Standing {
 public:
  void good_until(model::WallTime until) {
    {
      const std::lock_guard lock(mutex_);
      good_until_ = until;
    }
    changed_.notify_all();
  }
  void bad(const std::string& problem) {
    const std::lock_guard lock(mutex_);
    good_until_.reset();
    problem_ = problem;
  }
  /// The newest reason; what is there may be good all the same.
  void not_renewed(const std::string& problem) {
    const std::lock_guard lock(mutex_);
    problem_ = problem;
  }

  Result<void> wait(model::Duration at_most) {
    std::unique_lock lock(mutex_);
    const auto is_good = [this]() { return good_until_ && clock::wall_now() < *good_until_; };
    if (changed_.wait_for(lock, at_most, is_good)) return {};
    return Error(ErrorCode::kUnavailable, problem_.empty() ? "no certificate yet" : problem_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<model::WallTime> good_until_;
  std::string problem_;
};

/// What is asked with, and what the answer belongs to.
struct Attempt {
  Question question;
  std::string key;
};

/// The part that lives on the loop.
class Core final : private kj::TaskSet::ErrorHandler {
 public:
  Core(link::KjContext& context, const EnrolConfig& config, IdentityFiles files, Standing& standing)
      : context_(context),
        config_(config),
        files_(std::move(files)),
        standing_(standing),
        random_(config.seed != 0 ? config.seed
                                 : (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()),
        watched_({config.files.certificate, config.files.key, config.files.ca}),
        ask_from_(context.timer.now()),
        tasks_(*this) {}

  /// Looks at what is there before it returns.
  void start() {
    static_cast<void>(watched_.changed());
    take_what_is_there();
    turn();
  }

 private:
  void turn() {
    if (watched_.changed()) take_what_is_there();
    follow_authorities();
    const auto now = clock::wall_now();
    const bool is_due = !valid_ || renew_at_ <= now;
    if (is_due && ask_from_ <= context_.timer.now()) return ask_now();
    kj::Duration wait = std::max<std::int64_t>(config_.look_every.count(), 1) * kj::NANOSECONDS;
    if (is_due) {
      wait = std::min(wait, ask_from_ - context_.timer.now());
    } else {
      wait = std::min(wait, std::min(renew_at_.ms - now.ms, kLongestSleepMs) * kj::MILLISECONDS);
    }
    tasks_.add(context_.timer.afterDelay(wait).then([this]() { turn(); }));
  }

  /// After watched_.changed().
  void take_what_is_there() {
    watched_.taken();
    const auto found = files_.read();
    if (found) return take(*found);
    valid_.reset();
    standing_.bad(found.error().message());
  }

  void take(const link::Validity& validity) {
    valid_ = validity;
    const double share = std::uniform_real_distribution<double>(0.0, 1.0)(random_);
    renew_at_ = renew_at(validity.not_before, validity.not_after, share);
    standing_.good_until(validity.not_after);
  }

  /// Those by which the server is known are those by which the link knows it. Who replaces an authority gives nodes the
  /// new one first, and does not wait for all certificates to be renewed.
  void follow_authorities() {
    if (!valid_ || valid_->not_after <= clock::wall_now()) return;
    const auto known = link::read_small_file("ca", config_.server_ca);
    if (!known || *known == followed_) return;
    if (const auto kept = files_.kept()) {
      const auto wanted = joined_authorities(*known, kept->issuer);
      const auto there = link::read_small_file("ca", config_.files.ca);
      if (!there || *there != wanted) {
        if (const auto replaced = files_.replace(*kept, wanted); !replaced) {
          return tell(replaced.error().in(config_.server_ca).message());
        }
        log::info("certificate-authorities", "those of {} are used from now on; the certificate stays",
                  config_.server_ca);
        static_cast<void>(watched_.changed());
        take_what_is_there();
      }
    }
    // Files that somebody else put there are theirs until the certificate is renewed.
    followed_ = *known;
  }

  Result<Attempt> prepare() const {
    Attempt attempt;
    auto& question = attempt.question;
    question.address = config_.address;
    question.server_name = config_.server_name;
    question.deadline = config_.request_deadline;
    auto authorities = link::read_small_file("ca", config_.server_ca);
    if (!authorities) return authorities.error();
    if (const auto some = link::validity_of(*authorities); !some) return some.error().in("ca " + config_.server_ca);
    question.authorities = *std::move(authorities);
    auto token = read_token(config_.token_file);
    if (!token) return token.error();
    question.token = *std::move(token);
    auto made = certs::make_signing_request();
    if (!made) return made.error();
    question.request = std::move(made->request);
    attempt.key = std::move(made->key);
    return attempt;
  }

  void ask_now() {
    auto attempt = prepare();
    if (!attempt) return failed(attempt.error(), "");
    const std::string token = attempt->question.token;
    const std::string authorities = attempt->question.authorities;
    tasks_.add(ask(context_, std::move(attempt->question))
                   .then(
                       [this, token, authorities, key = std::move(attempt->key)](Answer&& answer) {
                         // A server may say again what it was told.
                         answer.body = without_token(std::move(answer.body), token);
                         const auto taken = take_answer(answer, key, authorities);
                         if (!taken) return failed(taken.error().in(config_.address), token);
                         failures_ = 0;
                         // Whatever its dates say: a clock that is wrong here or there makes no storm.
                         ask_from_ = context_.timer.now() + config_.retry_max.count() * kj::NANOSECONDS;
                         turn();
                       },
                       [this, token](kj::Exception&& exception) { failed(link::error_from(exception), token); }));
  }

  Result<void> take_answer(const Answer& answer, const std::string& key, const std::string& authorities) {
    if (answer.status != 200) {
      const auto code =
          answer.status == 401 || answer.status == 403 ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable;
      return Error(code, text_of_refusal(answer.status, answer.body));
    }
    auto signed_answer = read_answer(answer.body, config_.node);
    if (!signed_answer) return signed_answer.error();
    const Identity identity{std::move(signed_answer->certificate), key, std::move(signed_answer->ca)};
    const auto valid = files_.replace(identity, joined_authorities(authorities, identity.issuer));
    if (!valid) return valid.error().in("the certificate is not taken");
    followed_ = authorities;
    static_cast<void>(watched_.changed());
    watched_.taken();
    take(*valid);
    told_.clear();
    const auto now = clock::wall_now().ms;
    log::info("certificate-renewed", "{}: node {}, valid for {}, to be renewed in {}", config_.address,
              config_.node.str(), text_of(valid->not_after.ms - now), text_of(renew_at_.ms - now));
    return {};
  }

  void failed(const Error& why, const std::string& token) {
    ++failures_;
    const unsigned doublings = std::min(failures_ - 1, 20u);
    const auto longest = std::min(config_.retry_max, config_.retry_min * (std::int64_t{1} << doublings)).count();
    const auto wait = std::uniform_int_distribution<std::int64_t>(longest / 2 + 1, longest + 1)(random_);
    ask_from_ = context_.timer.now() + wait * kj::NANOSECONDS;
    tell(model::printable(without_token(why.message(), token), kMaxProblemBytes));
    turn();
  }

  /// Once a change, and so often at most that changes make no flood.
  void tell(const std::string& problem) {
    standing_.not_renewed(problem);
    const auto now = clock::wall_now();
    const bool has_one = valid_ && now < valid_->not_after;
    const std::string key = (has_one ? "has one: " : "has none: ") + problem;
    if (key == told_) return;
    const auto held = noise_.admit(clock::mono_now().ns);
    if (!held) return;
    told_ = key;
    log::write(has_one ? log::Level::kWarn : log::Level::kError, "certificate-not-renewed",
               fmt::format("{}; {}{}", problem,
                           has_one ? fmt::format("the one there is ends in {}", text_of(valid_->not_after.ms - now.ms))
                                   : "there is none, so no link",
                           *held == 0 ? "" : fmt::format(" ({} other problems meanwhile)", *held)));
  }

  void taskFailed(kj::Exception&& exception) override {
    log::error("certificate-task-failed", "{}", exception.getDescription().cStr());
    // Without a turn to come there would be none any more.
    ask_from_ = context_.timer.now() + config_.retry_max.count() * kj::NANOSECONDS;
    tasks_.add(context_.timer.afterDelay(config_.retry_max.count() * kj::NANOSECONDS).then([this]() { turn(); }));
  }

  link::KjContext context_;
  const EnrolConfig& config_;
  IdentityFiles files_;
  Standing& standing_;
  std::mt19937_64 random_;
  link::FileWatch watched_;
  std::optional<link::Validity> valid_;  // of a certificate that the link takes, or took
  model::WallTime renew_at_;
  kj::TimePoint ask_from_;
  unsigned failures_ = 0;  // in a row
  std::string followed_;   // the authorities of server_ca that files have, as far as this process knows
  std::string told_;       // the newest problem in the log; "" = none since the last certificate
  log::RateLimit noise_{kTellEveryNs};
  kj::TaskSet tasks_;
};

}  // namespace

Result<void> check_config(const EnrolConfig& config) {
  if (!is_address(config.address)) {
    return model::invalid(fmt::format("address \"{}\" of the bootstrap port: want host:port", config.address));
  }
  if (config.server_name.empty() || config.server_name.find('*') != std::string::npos) {
    return model::invalid(
        fmt::format("server name \"{}\": want the DNS name in the coordinator's certificate", config.server_name));
  }
  if (config.server_ca.empty()) {
    return model::invalid("no file is named with the authorities by which the coordinator is known");
  }
  if (config.token_file.empty()) return model::invalid("no token file is named");
  if (config.node.empty()) return model::invalid("no node is named");
  if (config.retry_min <= model::kZeroDuration || config.retry_max < config.retry_min ||
      config.retry_max > kLongestRetry || config.request_deadline <= model::kZeroDuration) {
    return model::invalid("deadline and pauses: want more than 0, the longest pause at most an hour");
  }
  if (const auto files = IdentityFiles::at(config.files, config.node); !files) return files.error();
  return {};
}

Result<void> check_ready(const EnrolConfig& config) {
  if (auto good = check_config(config); !good) return good;
  const auto authorities = link::read_small_file("ca", config.server_ca);
  if (!authorities) return authorities.error();
  if (const auto some = link::validity_of(*authorities); !some) return some.error().in("ca " + config.server_ca);
  if (const auto token = read_token(config.token_file); !token) return token.error();
  const auto files = IdentityFiles::at(config.files, config.node);
  if (!files) return files.error();
  if (::access(files->directory().c_str(), W_OK | X_OK) != 0) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("{}: is no directory in which files can be written", files->directory()));
  }
  return {};
}

class Enroller::Impl {
 public:
  explicit Impl(EnrolConfig config) : config_(std::move(config)), thread_("tideline-enrol") {}
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> start() {
    auto files = IdentityFiles::at(config_.files, config_.node);
    if (!files) return files.error();
    return thread_.call([this, &files](link::KjContext& context) -> Result<void> {
      core_ = std::make_unique<Core>(context, config_, *files, standing_);
      core_->start();
      return {};
    });
  }
  Result<void> wait(model::Duration at_most) { return standing_.wait(at_most); }
  void stop() {
    thread_.stop([this](link::KjContext&) { core_.reset(); });
  }

 private:
  const EnrolConfig config_;
  Standing standing_;
  std::unique_ptr<Core> core_;  // made, used and destroyed on the loop
  link::KjThread thread_;
};

Enroller::Enroller(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Enroller::~Enroller() = default;

Result<std::unique_ptr<Enroller>> Enroller::start(EnrolConfig config) {
  if (auto good = check_config(config); !good) return good.error().in("certificate");
  auto impl = std::make_unique<Impl>(std::move(config));
  if (auto started = impl->start(); !started) return started.error().in("certificate");
  return std::unique_ptr<Enroller>(new Enroller(std::move(impl)));
}

Result<void> Enroller::wait(model::Duration at_most) const {
  return impl_->wait(at_most);
}

void Enroller::stop() {
  impl_->stop();
}

}  // namespace tideline::enrol
