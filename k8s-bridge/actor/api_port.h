#pragma once
// The API server as the bridge reaches it: the client, or a test's.

#include <memory>
#include <utility>

#include "k8s-bridge/api/client.h"

namespace tideline::bridge {

/// Threads as k8s_api::ApiClient has them.
class ApiPort {
 public:
  virtual ~ApiPort() = default;
  virtual void send(k8s_api::Request request, link::Reply<k8s_api::Answer> reply) = 0;
  virtual void watch(k8s_api::WatchedResource resource, k8s_api::WatchSink& sink) = 0;
  virtual k8s_api::ClientCounts counts() const = 0;
  /// Nothing is called after it returned.
  virtual void stop() = 0;
};
using ApiPortPtr = std::shared_ptr<ApiPort>;

class ClientPort final : public ApiPort {
 public:
  explicit ClientPort(std::unique_ptr<k8s_api::ApiClient> client) : client_(std::move(client)) {}
  void send(k8s_api::Request request, link::Reply<k8s_api::Answer> reply) override {
    client_->send(std::move(request), std::move(reply));
  }
  void watch(k8s_api::WatchedResource resource, k8s_api::WatchSink& sink) override {
    client_->watch(std::move(resource), sink);
  }
  k8s_api::ClientCounts counts() const override { return client_->counts(); }
  void stop() override { client_->stop(); }

 private:
  std::unique_ptr<k8s_api::ApiClient> client_;
};

}  // namespace tideline::bridge
