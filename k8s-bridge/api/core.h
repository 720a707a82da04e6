#pragma once
// The client on its loop: what it sends and what it watches.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <kj/async.h>

#include "k8s-bridge/api/client.h"
#include "k8s-bridge/api/counters.h"
#include "k8s-bridge/api/courier.h"
#include "k8s-bridge/api/open_reply.h"
#include "k8s-bridge/api/transport.h"
#include "k8s-bridge/api/turnstile.h"
#include "k8s-bridge/api/watcher.h"
#include "messages/link/kj_thread.h"
#include "messages/model/result.h"

namespace tideline::k8s_api {

/// Made, used and destroyed on the loop's thread. Its end ends all, and answers whoever waits.
class Core final : private kj::TaskSet::ErrorHandler {
 public:
  static model::Result<std::unique_ptr<Core>> create(link::KjContext& context, const ClientConfig& config,
                                                     Counters& counters);
  ~Core() noexcept(false);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  void send(const Request& request, const std::shared_ptr<OpenReply>& reply);
  void watch(WatchedResource resource, WatchSink& sink);

 private:
  Core(link::KjContext& context, const ClientConfig& config, std::unique_ptr<Transport> transport, Counters& counters);
  void go(const Request& request, const std::string& what, model::MonoTime until,
          const std::shared_ptr<OpenReply>& reply, Turnstile::Place place);
  void show_waiting();
  void taskFailed(kj::Exception&& exception) override;

  kj::Timer& timer_;
  const ClientConfig& config_;
  Counters& counters_;
  std::uint64_t seed_;
  const std::unique_ptr<Transport> transport_;
  Turnstile turnstile_;
  Courier courier_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
  kj::TaskSet tasks_;
};

}  // namespace tideline::k8s_api
