#pragma once
// One resource listed and watched over the connection, for one sink.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <kj/async.h>

#include "k8s-bridge/api/client.h"
#include "k8s-bridge/api/courier.h"
#include "k8s-bridge/api/line_splitter.h"
#include "k8s-bridge/api/watch_plan.h"
#include "k8s-bridge/api/wire.h"

namespace tideline::k8s_api {

/// On the loop's thread only.
class Watcher {
 public:
  Watcher(Courier& courier, const ClientConfig& config, WatchedResource resource, WatchSink& sink, std::uint64_t seed);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// Goes on until it is dropped, which must be before the watcher is. To be called once.
  kj::Promise<void> run();

 private:
  kj::Promise<void> list(const WatchPlan::Step& step, Turnstile::Place place);
  kj::Promise<void> watch(const WatchPlan::Step& step, Turnstile::Place place);
  kj::Promise<void> read_on();
  void take_page(const Answer& answer, bool first);
  void began(kj::Own<kj::AsyncInputStream> body);
  bool take_bytes(std::string_view bytes);
  bool take_line(std::string_view line);

  void ended();
  void refused(const Answer& answer);
  void gone(const std::string& why);
  void unreadable(const model::Error& why);
  void unanswered(const model::Error& why);
  void tell(const std::string& problem);
  model::Duration lasted();

  Courier& courier_;
  const ClientConfig& config_;
  const WatchedResource resource_;
  WatchSink& sink_;
  WatchPlan plan_;
  LineSplitter lines_;
  kj::Own<kj::AsyncInputStream> body_;       // of the watch that is open
  std::optional<model::MonoTime> began_at_;  // of that
  model::MonoTime heard_at_;                 // of its last event
  std::vector<char> buffer_;
  std::optional<std::string> told_;  // the problem, as the sink knows it
};

}  // namespace tideline::k8s_api
