#include "k8s-bridge/api/address.h"

#include <fmt/format.h>

#include "messages/http/address.h"

namespace tideline::k8s_api {

model::Result<std::string> name_to_prove(const Access& access) {
  if (!access.server_name.empty()) return access.server_name;
  if (!access.host.empty() && !http::is_ip(access.host)) return access.host;
  return model::invalid(fmt::format("{}: the host is \"{}\"; want the DNS name that the server's certificate holds",
                                    access.source, access.host));
}

}  // namespace tideline::k8s_api
