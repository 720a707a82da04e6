#include "k8s-bridge/leader/leadership.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "messages/clock/clock.h"
#include "messages/log/log.h"

namespace tideline::leader {
namespace {

using lease::Phase;
using model::Result;

/// Others take the Lease without it, only later.
constexpr auto kReleasePatience = std::chrono::seconds(3);
constexpr std::int64_t kTroubleEveryNs = 10'000'000'000;

/// Of the whole deadline half, as client-go has it: where one gets no answer there is time for another.
model::Duration request_deadline(const lease::ElectorOptions& options) {
  return options.renew_deadline / 2;
}

k8s_api::ClientConfig of_its_own(k8s_api::ClientConfig client, const lease::ElectorOptions& options) {
  client.connect_deadline = std::min(client.connect_deadline, request_deadline(options));
  // It gets the Lease without a term, and gives it back after the end of one.
  client.term = nullptr;
  return client;
}

k8s_api::Request request_of(lease::Call call, const lease::ElectorOptions& options) {
  k8s_api::Request request;
  request.path = lease::object_path(options.name_space, options.name);
  switch (call.kind) {
    case lease::Call::Kind::kRead:
      request.method = k8s_api::Method::kGet;
      break;
    case lease::Call::Kind::kCreate:
      request.method = k8s_api::Method::kPost;
      request.path = lease::collection_path(options.name_space);
      break;
    case lease::Call::Kind::kUpdate:
      request.method = k8s_api::Method::kPut;
      break;
  }
  request.body = std::move(call.body);
  request.priority = k8s_api::Priority::kHigh;
  request.deadline = request_deadline(options);
  request.max_answer_bytes = lease::LeaseLimits::kMaxBytes;
  return request;
}

lease::Answer heard(const Result<k8s_api::Answer>& answer) {
  if (!answer) return lease::no_answer(answer.error().message());
  return lease::answer_of(answer->status, answer->body, k8s_api::describe(*answer));
}

std::string holder_text(const std::string& holder) {
  return holder.empty() ? std::string("held by nobody") : "held by " + holder;
}

}  // namespace

class Leadership::Impl {
 public:
  explicit Impl(LeadershipConfig config) : config_(std::move(config)), elector_(config_.options) {}
  ~Impl() { release(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> start() {
    auto client = k8s_api::ApiClient::start(of_its_own(config_.client, config_.options));
    if (!client) return client.error();
    client_ = *std::move(client);
    thread_ = std::thread([this] { run(); });
    return {};
  }

  clock::TermPtr term() const { return term_; }

  lease::Standing standing() const {
    const std::lock_guard lock(mutex_);
    return elector_.standing();
  }

  void release() {
    if (!thread_.joinable()) return;
    {
      std::unique_lock lock(mutex_);
      term_->end();
      elector_.release(clock::boot_now());
      settle();
      changed_.notify_all();
      changed_.wait_for(lock, kReleasePatience, [this] {
        const auto phase = elector_.standing().phase;
        return phase == Phase::kReleased || phase == Phase::kLost;
      });
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
    client_->stop();
  }

 private:
  void run() {
    pthread_setname_np(pthread_self(), "tl-lease");
    std::unique_lock lock(mutex_);
    while (!done_) {
      const auto now = clock::boot_now();
      auto call = elector_.due(now, clock::wall_now());
      settle();
      if (call) {
        lock.unlock();
        send(*std::move(call));
        lock.lock();
        continue;
      }
      const auto next = elector_.next_due();
      if (next) {
        changed_.wait_for(lock, *next - now);
      } else {
        changed_.wait(lock);
      }
    }
  }

  void send(lease::Call call) {
    client_->send(request_of(std::move(call), config_.options), [this](const Result<k8s_api::Answer>& answer) {
      auto word = heard(answer);
      {
        const std::lock_guard lock(mutex_);
        elector_.answered(std::move(word), clock::boot_now(), share_(random_));
        settle();
      }
      changed_.notify_all();
    });
  }

  /// With the mutex held, after each word from or to the elector.
  void settle() {
    if (const auto until = elector_.leads_until()) {
      term_->extend(*until);
    } else if (told_.phase == Phase::kLeading) {
      term_->end();
    }
    auto standing = elector_.standing();
    if (standing == told_) return;
    tell(standing);
    std::swap(told_, standing);
    if (config_.on_change) config_.on_change(told_);
    // Whoever waits in release() waits for that.
    changed_.notify_all();
    if (told_.phase == Phase::kLost && standing.phase != Phase::kLost && config_.on_lost) config_.on_lost();
  }

  void tell(const lease::Standing& standing) {
    const auto& options = config_.options;
    if (standing.phase == Phase::kLost) {
      if (told_.phase == Phase::kLost) return;
      log::error("lease-lost", "{}/{}: {}: this process leads no more, and ends", options.name_space, options.name,
                 standing.problem);
      return;
    }
    if (standing.phase != told_.phase && standing.phase == Phase::kLeading) {
      log::info("lease-acquired", "{}/{}: this process leads, as {}; transition {}", options.name_space, options.name,
                options.identity, standing.transitions);
    }
    if (standing.phase != told_.phase && standing.phase == Phase::kReleased) {
      log::info("lease-released", "{}/{}: {}", options.name_space, options.name, holder_text(standing.holder));
    }
    if (standing.phase == Phase::kStandby && standing.holder != told_.holder) {
      log::info("lease-standby", "{}/{}: {}; this process waits for it, as {}", options.name_space, options.name,
                holder_text(standing.holder), options.identity);
    }
    if (standing.problem.empty() || standing.problem == told_.problem) return;
    if (const auto held = trouble_.admit(clock::mono_now().ns)) {
      log::warn("lease-trouble", "{}/{}: {}{}", options.name_space, options.name, standing.problem,
                *held == 0 ? "" : fmt::format(" ({} more held back)", *held));
    }
  }

  const LeadershipConfig config_;
  const std::shared_ptr<clock::Term> term_ = std::make_shared<clock::Term>();
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  lease::Elector elector_;
  lease::Standing told_;
  log::RateLimit trouble_{kTroubleEveryNs};
  std::mt19937_64 random_{std::random_device{}()};
  std::uniform_real_distribution<double> share_{0, 1};
  bool done_ = false;
  std::unique_ptr<k8s_api::ApiClient> client_;
  std::thread thread_;
};

Leadership::Leadership(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Leadership::~Leadership() = default;

Result<std::unique_ptr<Leadership>> Leadership::start(LeadershipConfig config) {
  auto impl = std::make_unique<Impl>(std::move(config));
  if (auto started = impl->start(); !started) return started.error();
  return std::unique_ptr<Leadership>(new Leadership(std::move(impl)));
}

clock::TermPtr Leadership::term() const {
  return impl_->term();
}

lease::Standing Leadership::standing() const {
  return impl_->standing();
}

void Leadership::release() {
  impl_->release();
}

}  // namespace tideline::leader
