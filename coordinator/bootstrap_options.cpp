#include "coordinator/bootstrap_options.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "messages/model/quantity.h"

namespace tideline::program {
namespace {

using model::Result;

constexpr auto kShortestValidity = std::chrono::hours(1);

/// An option that would be dropped in silence.
Result<void> check_unused(const BootstrapArguments& arguments) {
  const BootstrapArguments untouched;
  struct Option {
    const char* name;
    const std::string& value;
    const std::string& before;
  };
  for (const auto& [name, value, before] :
       {Option{"--bootstrap-signing-cert", arguments.signing_certificate, untouched.signing_certificate},
        Option{"--bootstrap-signing-key", arguments.signing_key, untouched.signing_key},
        Option{"--bootstrap-audience", arguments.audience, untouched.audience},
        Option{"--bootstrap-service-account", arguments.service_account, untouched.service_account},
        Option{"--bootstrap-validity", arguments.validity, untouched.validity}}) {
    if (value != before) {
      return model::invalid(fmt::format("{} {}: there is no bootstrap port: give --bootstrap-listen", name, value));
    }
  }
  return {};
}

}  // namespace

Result<std::optional<BootstrapPlan>> plan_bootstrap(const BootstrapArguments& arguments, const link::TlsFiles& tls,
                                                    const std::string& denied_names_file, bool with_kubernetes) {
  if (arguments.listen.empty()) {
    if (const auto unused = check_unused(arguments); !unused) return unused.error();
    return std::optional<BootstrapPlan>();
  }
  const auto wrong = [&](const std::string& why) {
    return model::invalid(fmt::format("--bootstrap-listen {}: {}", arguments.listen, why));
  };
  if (!with_kubernetes) {
    return wrong("nobody could tell who asks: give --policy-source kubernetes, or --kubernetes beside another source");
  }
  if (arguments.signing_certificate.empty() || arguments.signing_key.empty()) {
    return wrong("want --bootstrap-signing-cert and --bootstrap-signing-key as well");
  }
  if (arguments.audience.empty()) return model::invalid("--bootstrap-audience: want a text");
  auto account = bridge::service_account_name(arguments.service_account);
  if (!account) return account.error().in("--bootstrap-service-account");
  const auto validity = model::parse_duration(arguments.validity);
  if (!validity) return validity.error().in("--bootstrap-validity");
  if (*validity < kShortestValidity || *validity > bootstrap::BootstrapConfig::kLongestValidity) {
    return model::invalid(fmt::format("--bootstrap-validity {}: want 1h to 24h", arguments.validity));
  }
  BootstrapPlan plan;
  plan.config.listen = arguments.listen;
  plan.config.tls = tls;
  plan.config.signing_certificate = arguments.signing_certificate;
  plan.config.signing_key = arguments.signing_key;
  plan.config.denied_names_file = denied_names_file;
  plan.config.validity = *validity;
  plan.audience = arguments.audience;
  plan.account = *std::move(account);
  return std::optional<BootstrapPlan>(std::move(plan));
}

Result<std::unique_ptr<BootstrapPort>> BootstrapPort::start(const BootstrapPlan& plan,
                                                            std::shared_ptr<bootstrap::BootstrapBackend> backend) {
  std::unique_ptr<BootstrapPort> port(new BootstrapPort());
  port->backend_ = std::move(backend);
  auto started = bootstrap::BootstrapServer::start(plan.config, *port->backend_);
  if (!started) return started.error();
  port->server_ = *std::move(started);
  return port;
}

}  // namespace tideline::program
