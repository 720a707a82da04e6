#include "k8s-bridge/api/access.h"

#include <utility>

#include <fmt/format.h>

#include "k8s-bridge/api/address.h"
#include "messages/http/address.h"
#include "messages/link/small_file.h"
#include "messages/model/json_text.h"

namespace tideline::k8s_api {
namespace {

model::Result<void> check_there(const std::string& what, const std::string& path) {
  const auto text = link::read_small_file(what, path);
  if (!text) return text.error();
  if (text->empty()) return model::invalid(fmt::format("{} {}: empty", what, path));
  return {};
}

}  // namespace

model::Result<Access> service_account_access(const std::string& directory, const std::string& host,
                                             const std::string& port) {
  for (const auto& [variable, value] :
       {std::pair{"KUBERNETES_SERVICE_HOST", &host}, std::pair{"KUBERNETES_SERVICE_PORT", &port}}) {
    if (value->empty()) {
      return model::Error(model::ErrorCode::kNotFound, fmt::format("{} is not set, as it is in a pod", variable));
    }
  }
  const auto number = http::port_from(port);
  if (!number) {
    return model::invalid(fmt::format("KUBERNETES_SERVICE_PORT \"{}\": want 1..65535", model::printable(port, 80)));
  }
  Access access;
  access.source = "service account " + directory;
  access.host = host;
  access.port = *number;
  access.ca_file = directory + "/ca.crt";
  access.server_name = kServerNameInCluster;
  access.token_file = directory + "/token";
  if (auto there = check_there("token", access.token_file); !there) return there.error();
  if (auto there = check_there("ca", access.ca_file); !there) return there.error();
  return access;
}

}  // namespace tideline::k8s_api
