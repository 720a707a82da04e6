#include "k8s-bridge/api/watcher.h"

#include <utility>

#include <fmt/format.h>

#include "messages/http/kj_time.h"
#include "messages/log/log.h"

namespace tideline::k8s_api {
namespace {

constexpr std::size_t kMaxRefusalBytes = 64 * 1024;
constexpr std::size_t kReadBytes = 16 * 1024;

}  // namespace

Watcher::Watcher(Courier& courier, const ClientConfig& config, WatchedResource resource, WatchSink& sink,
                 std::uint64_t seed)
    : courier_(courier),
      config_(config),
      resource_(std::move(resource)),
      sink_(sink),
      plan_(
          resource_,
          {.backoff_min = config.backoff_min, .backoff_max = config.backoff_max, .watch_timeout = config.watch_timeout},
          seed),
      lines_(resource_.max_object_bytes),
      buffer_(kReadBytes) {}

kj::Promise<void> Watcher::run() {
  const WatchPlan::Step step = plan_.next();
  return courier_.timer()
      .afterDelay(http::to_kj(step.wait))
      .then([this]() { return courier_.turnstile().turn(Priority::kNormal, config_.page_deadline); })
      .then([this, step](Turnstile::Place&& place) {
        return step.kind == WatchPlan::Step::Kind::kPage ? list(step, kj::mv(place)) : watch(step, kj::mv(place));
      })
      .catch_([this](kj::Exception&& exception) { unanswered(error_of(exception)); })
      .then([this]() { return run(); });
}

kj::Promise<void> Watcher::list(const WatchPlan::Step& step, Turnstile::Place place) {
  auto page = http::within(courier_.timer(), config_.page_deadline,
                           courier_.ask(Method::kGet, step.path, "", config_.max_page_bytes), "no page of the list");
  auto taken = page.then([this, first = step.first](Answer&& answer) { take_page(answer, first); },
                         [this](kj::Exception&& exception) {
                           const model::Error error = error_of(exception);
                           if (error.code() != model::ErrorCode::kOverloaded) return unanswered(error);
                           if (!plan_.on_page_too_long()) tell("a page of the list: " + error.message());
                         });
  return taken.attach(kj::mv(place));
}

void Watcher::take_page(const Answer& answer, bool first) {
  if (answer.status != 200) return refused(answer);
  const auto page = parse_list_page(answer.body, config_.max_page_bytes);
  if (!page) return unreadable(page.error().in("the list"));
  if (first) sink_.on_list();
  for (const auto& item : page->items)
    sink_.on_object(item);
  plan_.on_page(page->resource_version, page->continue_token);
  if (!page->continue_token.empty()) return;
  courier_.counters().update([](ClientCounts& counts) { ++counts.lists; });
  sink_.on_listed();
}

kj::Promise<void> Watcher::watch(const WatchPlan::Step& step, Turnstile::Place place) {
  auto opening = http::within(courier_.timer(), config_.page_deadline, courier_.open(Method::kGet, step.path, ""),
                              "no answer to the watch");
  return opening.then([this, place = kj::mv(place)](http::Head&& head) mutable -> kj::Promise<void> {
    if (head.status == 200) {
      // A watch is no request in flight: it has its connection for minutes.
      place.reset();
      began(kj::mv(head.body));
      return read_on();
    }
    auto refusal = http::within(courier_.timer(), config_.page_deadline,
                                courier_.finish(kj::mv(head), kMaxRefusalBytes), "no end of the answer to the watch");
    return refusal.then([this](Answer&& answer) { refused(answer); }).attach(kj::mv(place));
  });
}

void Watcher::began(kj::Own<kj::AsyncInputStream> body) {
  courier_.counters().update([](ClientCounts& counts) { ++counts.watches; });
  body_ = kj::mv(body);
  began_at_ = http::now_of(courier_.timer());
  heard_at_ = *began_at_;
  lines_ = LineSplitter(resource_.max_object_bytes);
  tell("");
}

kj::Promise<void> Watcher::read_on() {
  // Of events, not of bytes: one that trickles is no better than one that is silent.
  const auto left = std::max(config_.watch_silence - (http::now_of(courier_.timer()) - heard_at_), model::Duration(0));
  auto read = http::within(courier_.timer(), left, body_->tryRead(buffer_.data(), 1, buffer_.size()),
                           config_.watch_silence, "no event of the watch");
  return read.then([this](std::size_t size) -> kj::Promise<void> {
    if (size == 0) {
      ended();
      return kj::READY_NOW;
    }
    if (!take_bytes({buffer_.data(), size})) return kj::READY_NOW;
    return read_on();
  });
}

/// False: the watch is over, and what became of it is told.
bool Watcher::take_bytes(std::string_view bytes) {
  switch (lines_.push(bytes, [this](std::string_view line) { return take_line(line); })) {
    case LineSplitter::Outcome::kMore:
      return true;
    case LineSplitter::Outcome::kStopped:
      return false;
    case LineSplitter::Outcome::kTooLong:
      break;
  }
  unreadable(model::Error(model::ErrorCode::kOverloaded,
                          fmt::format("a line of the watch is longer than {} bytes", resource_.max_object_bytes)));
  return false;
}

bool Watcher::take_line(std::string_view line) {
  const auto event = parse_watch_event(line, resource_.max_object_bytes);
  if (!event) {
    unreadable(event.error().in("an event of the watch"));
    return false;
  }
  switch (event->kind) {
    case WatchEvent::Kind::kChanged:
      sink_.on_object(event->object);
      break;
    case WatchEvent::Kind::kDeleted:
      sink_.on_deleted(event->object);
      break;
    case WatchEvent::Kind::kBookmark:
      break;
    case WatchEvent::Kind::kError: {
      const auto status = api_status(event->object);
      if (status && status->code == 410) {
        gone(describe(*status));
        return false;
      }
      const auto time = lasted();
      body_ = nullptr;
      plan_.on_failed(true, time);
      tell("the watch ended with " + (status ? describe(*status) : std::string("an error that is no Status")));
      return false;
    }
  }
  plan_.on_event(event->resource_version);
  heard_at_ = http::now_of(courier_.timer());
  return true;
}

void Watcher::ended() {
  const auto time = lasted();
  body_ = nullptr;
  if (lines_.has_rest()) {
    plan_.on_failed(false, time);
    tell("the watch ended within a line");
  } else if (!plan_.on_ended(time)) {
    tell(fmt::format("the watch ended after {} ms, without an event", model::to_ms(time)));
  }
}

void Watcher::refused(const Answer& answer) {
  if (answer.status == 410) return gone(describe(answer));
  plan_.on_failed(true, model::kZeroDuration);
  tell("the API server answers " + describe(answer));
}

void Watcher::gone(const std::string& why) {
  body_ = nullptr;
  began_at_.reset();
  courier_.counters().update([](ClientCounts& counts) { ++counts.relists_410; });
  log::info("kubernetes-relist", "{}: listed anew: {}", resource_.name, why);
  if (!plan_.on_gone()) tell("the API server answers " + why);
}

void Watcher::unreadable(const model::Error& why) {
  body_ = nullptr;
  began_at_.reset();
  plan_.on_unreadable();
  tell(why.message());
}

void Watcher::unanswered(const model::Error& why) {
  const auto time = lasted();
  body_ = nullptr;
  courier_.counters().update([](ClientCounts& counts) { ++counts.no_answer; });
  plan_.on_failed(false, time);
  tell(why.message());
}

void Watcher::tell(const std::string& problem) {
  if (told_ == problem) return;
  told_ = problem;
  if (problem.empty()) {
    log::info("kubernetes-watching", "{}: watched from version {} on", resource_.name, plan_.resource_version());
  } else {
    log::warn("kubernetes-not-watching", "{}: {}", resource_.name, problem);
  }
  sink_.on_watching(problem);
}

/// How long the watch that is open has been; once.
model::Duration Watcher::lasted() {
  const auto began_at = std::exchange(began_at_, std::nullopt);
  return began_at ? http::now_of(courier_.timer()) - *began_at : model::kZeroDuration;
}

}  // namespace tideline::k8s_api
