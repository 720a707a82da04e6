#include "k8s-bridge/api/core.h"

#include <algorithm>
#include <random>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "messages/http/kj_time.h"
#include "messages/log/log.h"
#include "messages/model/json_text.h"

namespace tideline::k8s_api {
namespace {

constexpr std::size_t kMaxShownPathBytes = 200;

BudgetLimits limits_of(const ClientConfig& config) {
  BudgetLimits limits;
  limits.requests_a_second = config.requests_a_second;
  limits.burst = config.burst;
  limits.max_in_flight = config.max_in_flight;
  limits.max_waiting = config.max_waiting;
  return limits;
}

std::uint64_t some_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

/// Anything else would end the request's first line, and begin another.
bool is_path(std::string_view path) {
  return path.starts_with('/') && std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

Core::Core(link::KjContext& context, const ClientConfig& config, std::unique_ptr<Transport> transport,
           Counters& counters)
    : timer_(context.timer),
      config_(config),
      counters_(counters),
      seed_(config.seed != 0 ? config.seed : some_seed()),
      transport_(std::move(transport)),
      turnstile_(context.timer, limits_of(config)),
      courier_(context.timer, *transport_, turnstile_, counters),
      tasks_(*this) {}

Core::~Core() noexcept(false) {
  // Places that are given back from here on must not let others go.
  turnstile_.close();
  counters_.update([](ClientCounts& counts) { counts.waiting = 0; });
}

model::Result<std::unique_ptr<Core>> Core::create(link::KjContext& context, const ClientConfig& config,
                                                  Counters& counters) {
  auto transport = Transport::create(context, config, counters);
  if (!transport) return transport.error();
  return std::unique_ptr<Core>(new Core(context, config, *std::move(transport), counters));
}

void Core::send(const Request& request, const std::shared_ptr<OpenReply>& reply) {
  const std::string what =
      fmt::format("{} {}", name_of(request.method), model::printable(request.path, kMaxShownPathBytes));
  if (!is_path(request.path)) {
    reply->give(model::invalid(what + ": want a path that begins with / and is printable ASCII"));
    return;
  }
  const model::MonoTime until = http::now_of(timer_) + request.deadline;
  turnstile_.enter(request.priority, request.deadline,
                   [this, request, what, until, reply](model::Result<Turnstile::Place> place) {
                     show_waiting();
                     if (place) return go(request, what, until, reply, *std::move(place));
                     counters_.update([](ClientCounts& counts) { ++counts.no_answer; });
                     reply->give(place.error().in(what));
                   });
  show_waiting();
}

void Core::go(const Request& request, const std::string& what, model::MonoTime until,
              const std::shared_ptr<OpenReply>& reply, Turnstile::Place place) {
  auto answered = http::within(
      timer_, until - http::now_of(timer_),
      courier_.ask(request.method, request.path, request.body, request.max_answer_bytes, request.holds_others),
      "no answer");
  auto given = answered.then([reply](Answer&& answer) { reply->give(std::move(answer)); },
                             [this, reply, what](kj::Exception&& exception) {
                               counters_.update([](ClientCounts& counts) { ++counts.no_answer; });
                               reply->give(error_of(exception).in(what));
                             });
  tasks_.add(given.attach(kj::mv(place)));
}

void Core::watch(WatchedResource resource, WatchSink& sink) {
  watchers_.push_back(std::make_unique<Watcher>(courier_, config_, std::move(resource), sink, seed_++));
  tasks_.add(watchers_.back()->run());
}

void Core::show_waiting() {
  counters_.update([waiting = turnstile_.waiting()](ClientCounts& counts) { counts.waiting = waiting; });
}

void Core::taskFailed(kj::Exception&& exception) {
  log::error("kubernetes-task-failed", "{}", exception.getDescription().cStr());
}

}  // namespace tideline::k8s_api
