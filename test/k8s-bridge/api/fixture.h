#pragma once
// A client of a scripted API server on loopback, and what it told.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/api/client.h"
#include "test/support/api_server/scripted_api_server.h"
#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::k8s_api {

/// As an API server spells them.
std::string object_json(const std::string& name, const std::string& version);
std::string page_json(const std::vector<std::string>& objects, const std::string& version,
                      const std::string& continue_token = {});
std::string event_json(const std::string& type, const std::string& object);
std::string bookmark_json(const std::string& version);
std::string status_json(int code, const std::string& reason, const std::string& message);

/// Keeps what it was told: "list", "object a", "deleted a", "listed", "watching", "not watching: why".
class SinkRecord final : public WatchSink {
 public:
  void on_list() override { put("list"); }
  void on_object(const nlohmann::json& object) override;
  void on_deleted(const nlohmann::json& object) override;
  void on_listed() override { put("listed"); }
  void on_watching(const std::string& problem) override;

  /// Waits until so many lines begin with `beginning`, for a generous while at most.
  bool wait_for(const std::string& beginning, std::size_t count = 1);
  std::vector<std::string> lines();
  /// The first line that begins so, "" where there is none.
  std::string line(const std::string& beginning);

 private:
  void put(std::string line);
  std::size_t count_of(const std::string& beginning) const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

class ApiTest : public testing::Test {
 protected:
  using End = test::ScriptedReply::End;

  /// Deadlines are too long to be met by chance; back-offs are short.
  ClientConfig config(std::uint16_t port) const;
  ClientConfig config() const { return config(server_.port()); }
  static std::unique_ptr<ApiClient> start(const ClientConfig& settings);

  static std::future<model::Result<Answer>> send(ApiClient& client, const Request& request);
  static model::Result<Answer> ask(ApiClient& client, const Request& request);
  static model::Result<Answer> get(ApiClient& client, const std::string& path);

  static WatchedResource pods();

  test::TempDir dir_;
  test::CertAuthority ca_{dir_.str(), "ca"};
  const test::CertFiles server_files_ =
      ca_.issue("server", {.dns_names = {"kubernetes.default.svc"}, .server_auth = true});
  test::ScriptedApiServer server_{{.own = server_files_}};
};

}  // namespace tideline::k8s_api
