#pragma once
// tideline-coordinator's options about the bootstrap port: what they mean together, and what is wrong with them.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "coordinator/bootstrap/backend.h"
#include "coordinator/bootstrap/server.h"
#include "k8s-bridge/actor/token_reviewer.h"
#include "messages/link/tls_files.h"
#include "messages/model/result.h"

namespace tideline::program {

/// As given.
struct BootstrapArguments {
  std::string listen;  // "" = no such port
  std::string signing_certificate;
  std::string signing_key;
  std::string audience = "tideline-bootstrap";
  std::string service_account = "tideline-system/tideline-node";
  std::string validity = "24h";
};

struct BootstrapPlan {
  bootstrap::BootstrapConfig config;
  std::string audience;
  bridge::ServiceAccountName account;
};

/// nullopt: no such port is asked for. Errors begin with the option.
model::Result<std::optional<BootstrapPlan>> plan_bootstrap(const BootstrapArguments& arguments,
                                                           const link::TlsFiles& tls,
                                                           const std::string& denied_names_file, bool with_kubernetes);

/// The port, and who tells it who asks.
class BootstrapPort {
 public:
  static model::Result<std::unique_ptr<BootstrapPort>> start(const BootstrapPlan& plan,
                                                             std::shared_ptr<bootstrap::BootstrapBackend> backend);

  std::uint16_t port() const { return server_->port(); }
  void stop() { server_->stop(); }

 private:
  BootstrapPort() = default;

  std::shared_ptr<bootstrap::BootstrapBackend> backend_;
  std::unique_ptr<bootstrap::BootstrapServer> server_;
};

}  // namespace tideline::program
