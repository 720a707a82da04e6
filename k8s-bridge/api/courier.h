#pragma once
// Requests to the API server, counted, and its wish to be left in peace.

#include <cstddef>
#include <string>

#include <kj/async.h>
#include <kj/timer.h>

#include "k8s-bridge/api/client.h"
#include "k8s-bridge/api/counters.h"
#include "k8s-bridge/api/transport.h"
#include "k8s-bridge/api/turnstile.h"
#include "messages/http/head.h"
#include "messages/log/log.h"

namespace tideline::k8s_api {

/// On the loop's thread only. Whoever sends has taken a place at the turnstile before.
class Courier {
 public:
  Courier(kj::Timer& timer, Transport& transport, Turnstile& turnstile, Counters& counters)
      : timer_(timer), transport_(transport), turnstile_(turnstile), counters_(counters) {}

  kj::Timer& timer() { return timer_; }
  Turnstile& turnstile() { return turnstile_; }
  Counters& counters() { return counters_; }

  kj::Promise<http::Head> open(Method method, const std::string& path, const std::string& body,
                               bool holds_others = true);
  /// The whole answer. kOverloaded when its body is longer than `most` bytes. `holds_others` as in Request.
  kj::Promise<Answer> ask(Method method, const std::string& path, const std::string& body, std::size_t most,
                          bool holds_others = true);
  /// The rest of an answer whose beginning open() gave.
  kj::Promise<Answer> finish(http::Head head, std::size_t most);

 private:
  void note(const http::Head& head, bool holds_others);

  kj::Timer& timer_;
  Transport& transport_;
  Turnstile& turnstile_;
  Counters& counters_;
  log::RateLimit noise_{10'000'000'000};
};

}  // namespace tideline::k8s_api
