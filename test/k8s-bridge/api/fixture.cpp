#include "test/k8s-bridge/api/fixture.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tideline::k8s_api {

std::string object_json(const std::string& name, const std::string& version) {
  return fmt::format(R"({{"metadata":{{"name":"{}","resourceVersion":"{}"}}}})", name, version);
}

std::string page_json(const std::vector<std::string>& objects, const std::string& version,
                      const std::string& continue_token) {
  return fmt::format(R"({{"kind":"PodList","metadata":{{"resourceVersion":"{}","continue":"{}"}},"items":[{}]}})",
                     version, continue_token, fmt::join(objects, ","));
}

std::string event_json(const std::string& type, const std::string& object) {
  return fmt::format(R"({{"type":"{}","object":{}}})", type, object);
}

std::string bookmark_json(const std::string& version) {
  return event_json("BOOKMARK", fmt::format(R"({{"kind":"Pod","metadata":{{"resourceVersion":"{}"}}}})", version));
}

std::string status_json(int code, const std::string& reason, const std::string& message) {
  return fmt::format(R"({{"kind":"Status","apiVersion":"v1","code":{},"reason":"{}","message":"{}"}})", code, reason,
                     message);
}

void SinkRecord::on_object(const nlohmann::json& object) {
  put("object " + object.at("metadata").at("name").get<std::string>());
}

void SinkRecord::on_deleted(const nlohmann::json& object) {
  put("deleted " + object.at("metadata").at("name").get<std::string>());
}

void SinkRecord::on_watching(const std::string& problem) {
  put(problem.empty() ? "watching" : "not watching: " + problem);
}

bool SinkRecord::wait_for(const std::string& beginning, std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(20), [&]() { return count_of(beginning) >= count; });
}

std::vector<std::string> SinkRecord::lines() {
  const std::lock_guard lock(mutex_);
  return lines_;
}

std::string SinkRecord::line(const std::string& beginning) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(lines_.begin(), lines_.end(), [&](const std::string& each) { return each.starts_with(beginning); });
  return found == lines_.end() ? std::string() : *found;
}

void SinkRecord::put(std::string line) {
  {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  changed_.notify_all();
}

std::size_t SinkRecord::count_of(const std::string& beginning) const {
  return static_cast<std::size_t>(std::count_if(lines_.begin(), lines_.end(),
                                                [&](const std::string& each) { return each.starts_with(beginning); }));
}

ClientConfig ApiTest::config(std::uint16_t port) const {
  ClientConfig settings;
  settings.access.source = "the test";
  settings.access.host = "127.0.0.1";
  settings.access.port = port;
  settings.access.ca_file = ca_.ca_file();
  settings.access.server_name = "kubernetes.default.svc";
  settings.access.token = "secret";
  settings.backoff_min = std::chrono::milliseconds(10);
  settings.backoff_max = std::chrono::milliseconds(40);
  settings.seed = 1;
  return settings;
}

std::unique_ptr<ApiClient> ApiTest::start(const ClientConfig& settings) {
  auto started = ApiClient::start(settings);
  if (!started) throw std::runtime_error(started.error().message());
  return *std::move(started);
}

std::future<model::Result<Answer>> ApiTest::send(ApiClient& client, const Request& request) {
  auto promise = std::make_shared<std::promise<model::Result<Answer>>>();
  auto future = promise->get_future();
  client.send(request, [promise](model::Result<Answer> answer) { promise->set_value(std::move(answer)); });
  return future;
}

model::Result<Answer> ApiTest::ask(ApiClient& client, const Request& request) {
  return send(client, request).get();
}

model::Result<Answer> ApiTest::get(ApiClient& client, const std::string& path) {
  Request request;
  request.path = path;
  return ask(client, request);
}

WatchedResource ApiTest::pods() {
  WatchedResource resource;
  resource.name = "pods";
  resource.path = "/api/v1/pods";
  return resource;
}

}  // namespace tideline::k8s_api
