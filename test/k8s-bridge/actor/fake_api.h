#pragma once
// The API server's place in tests: says what it is asked, and tells what the test tells it.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <caf/all.hpp>
#include <nlohmann/json.hpp>

#include "k8s-bridge/actor/api_port.h"

namespace tideline::bridge {

struct SentRequest {
  k8s_api::Request request;
  link::Reply<k8s_api::Answer> reply;

  void answer(unsigned status, const std::string& body = "{}") const {
    k8s_api::Answer answer;
    answer.status = status;
    answer.body = body;
    reply(std::move(answer));
  }
};
/// To whoever is told of requests.
struct RequestSent {
  std::shared_ptr<const SentRequest> sent;
};

}  // namespace tideline::bridge

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tideline::bridge::RequestSent)

namespace tideline::bridge {

class FakeApi final : public ApiPort {
 public:
  explicit FakeApi(caf::actor told = {}) : told_(std::move(told)) {}

  void send(k8s_api::Request request, link::Reply<k8s_api::Answer> reply) override {
    auto sent = std::make_shared<SentRequest>(SentRequest{std::move(request), std::move(reply)});
    if (told_) caf::anon_send(told_, RequestSent{std::move(sent)});
  }
  void watch(k8s_api::WatchedResource resource, k8s_api::WatchSink& sink) override {
    const std::lock_guard lock(mutex_);
    resources_.push_back(resource);
    sinks_.emplace(resource.name, &sink);
  }
  k8s_api::ClientCounts counts() const override {
    k8s_api::ClientCounts counts;
    counts.answers_2xx = 5;
    counts.relists_410 = 2;
    return counts;
  }
  void stop() override {
    const std::lock_guard lock(mutex_);
    ++stops_;
  }

  std::vector<k8s_api::WatchedResource> resources() const {
    const std::lock_guard lock(mutex_);
    return resources_;
  }
  /// nullptr: not watched (yet).
  k8s_api::WatchSink* sink(const std::string& resource) const {
    const std::lock_guard lock(mutex_);
    const auto found = sinks_.find(resource);
    return found == sinks_.end() ? nullptr : found->second;
  }
  int stops() const {
    const std::lock_guard lock(mutex_);
    return stops_;
  }

 private:
  caf::actor told_;
  mutable std::mutex mutex_;
  std::vector<k8s_api::WatchedResource> resources_;
  std::map<std::string, k8s_api::WatchSink*> sinks_;
  int stops_ = 0;
};

inline nlohmann::json node_json(const std::string& name, const std::string& version = "1",
                                std::int64_t batch_cpu = -1) {
  nlohmann::json resources{{"cpu", "64"}, {"memory", "128Gi"}};
  if (batch_cpu >= 0) {
    resources["kubernetes.io/batch-cpu"] = std::to_string(batch_cpu);
    resources["kubernetes.io/batch-memory"] = "1Gi";
  }
  return {
      {"metadata", {{"name", name}, {"uid", "uid-" + name}, {"resourceVersion", version}, {"labels", {{"pool", "a"}}}}},
      {"status", {{"capacity", resources}, {"allocatable", resources}}}};
}

inline nlohmann::json pod_json(const std::string& name, const std::string& node, const std::string& version = "1") {
  return {
      {"metadata", {{"name", name}, {"namespace", "shop"}, {"uid", "uid-" + name}, {"resourceVersion", version}}},
      {"spec",
       {{"nodeName", node},
        {"containers", nlohmann::json::array({{{"name", "c"}, {"resources", {{"requests", {{"cpu", "500m"}}}}}}})}}},
      {"status", {{"phase", "Running"}, {"qosClass", "Burstable"}}}};
}

inline nlohmann::json config_map_json(const std::string& name_space, const std::string& name, const std::string& text,
                                      const std::string& version = "1") {
  return {
      {"metadata", {{"name", name}, {"namespace", name_space}, {"uid", "uid-" + name}, {"resourceVersion", version}}},
      {"data", {{"resource-threshold-config", text}}}};
}

}  // namespace tideline::bridge
