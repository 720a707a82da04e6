#pragma once
// Where the API server is and who we are to it: a pod's service account or a kubeconfig.

#include <cstdint>
#include <optional>
#include <string>

#include "messages/model/result.h"

namespace tideline::k8s_api {

/// Exactly one of token_file, token and certificate+key says who we are. Files are re-read when they change: a service
/// account's token is rotated by kubelet.
struct Access {
  std::string source;  // for people: "service account /var/run/…", "kubeconfig /root/.kube/config, context dev"
  std::string host;    // of the URL: a name or an IP
  std::uint16_t port = 443;
  std::string path_prefix;  // of the URL, "" or "/k8s/clusters/c1"
  std::string ca_file;      // one of these two; the server's certificate is always verified
  std::string ca_pem;
  /// The DNS name that the server's certificate must hold; "" = the host, where that is a name. An IP is nothing that
  /// kj-tls compares: there it is kubeconfig's tls-server-name, and in a pod and otherwise "kubernetes.default.svc".
  std::string server_name;
  std::string token_file;
  std::string token;
  std::string certificate_file, certificate_pem;
  std::string key_file, key_pem;
};

/// `directory` holds token and ca.crt; host and port are KUBERNETES_SERVICE_HOST and _PORT. kNotFound, naming file or
/// variable, where this is no pod or has no account.
model::Result<Access> service_account_access(const std::string& directory, const std::string& host,
                                             const std::string& port);
inline constexpr const char* kServiceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The context `context`, or the current one where it is "". Relative paths are the kubeconfig's own directory's.
/// Errors name file, context and field: exec and auth-provider users, insecure-skip-tls-verify, plain http, proxies and
/// username/password are refused (kUnsupported) with what to use instead.
model::Result<Access> kubeconfig_access(const std::string& path, const std::string& context);

}  // namespace tideline::k8s_api
