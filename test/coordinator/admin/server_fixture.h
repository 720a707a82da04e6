#pragma once
// An admin server over TLS, its fake backend, and clients of any role.

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <capnp/dynamic.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "coordinator/admin/server.h"
#include "test/coordinator/admin/admin_client.h"
#include "test/coordinator/admin/fake_backend.h"
#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::admin {

class AdminServerTest : public testing::Test {
 protected:
  AdminServerTest() : authority_(directory_.str(), "ca") {
    ::chmod(directory_.str().c_str(), 0755);
    const auto files = authority_.coordinator();
    config_.listen = "127.0.0.1:0";
    config_.tls = {files.certificate, files.key, files.ca};
    config_.on_refused = [this](const std::string& peer, const model::Error& why, std::uint64_t suppressed) {
      const std::lock_guard lock(mutex_);
      suppressed_ += suppressed;
      refused_.push_back(peer + ": " + why.message());
    };
  }

  void start() {
    auto server = AdminServer::start(config_, backend_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = *std::move(server);
  }

  link::TlsMaterial material(const test::CertFiles& files) {
    auto loaded = link::load({files.certificate, files.key, files.ca}, link::TlsUse::kClient);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message();
    return *loaded;
  }
  test::AdminTestClient client(const std::string& role) {
    return {server_->port(), material(authority_.person(role, "ann"))};
  }
  std::vector<std::string> refused() {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

  /// Names of all methods, and of those that no viewer may call.
  static std::set<std::string> schema_methods() {
    std::set<std::string> names;
    for (const auto method : capnp::Schema::from<schema::Admin>().getMethods())
      names.emplace(method.getProto().getName().cStr());
    return names;
  }
  static std::set<std::string> no_viewers_methods() {
    return {"policyApply", "handsOffBegin", "handsOffEnd", "release", "resume", "historyVerify", "historyBackup"};
  }

  /// Calls every method with empty arguments; the names of those that the role forbids.
  static std::set<std::string> forbidden(test::AdminTestClient& client) {
    std::set<std::string> names;
    capnp::DynamicCapability::Client admin = client.admin();
    for (const auto method : capnp::Schema::from<schema::Admin>().getMethods()) {
      const auto error = client.error_of([&] { admin.newRequest(method).send().wait(client.scope()); });
      if (!error || error->code() != model::ErrorCode::kPermissionDenied) continue;
      names.emplace(method.getProto().getName().cStr());
    }
    return names;
  }

  /// A policyApply with a document; the error it ended with.
  static std::optional<model::Error> apply(test::AdminTestClient& client) {
    auto request = client.admin().policyApplyRequest();
    auto documents = request.initDocuments(1);
    documents[0].setKey("colocation-config");
    documents[0].setJson("{}");
    return client.error_of([&] { request.send().wait(client.scope()); });
  }

  test::TempDir directory_;
  test::CertAuthority authority_;
  test::FakeBackend backend_;
  AdminServerConfig config_;
  std::mutex mutex_;
  std::vector<std::string> refused_;
  std::uint64_t suppressed_ = 0;
  std::unique_ptr<AdminServer> server_;
};

}  // namespace tideline::admin
