#include <exception>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <kj/encoding.h>
#include <yaml-cpp/yaml.h>

#include "k8s-bridge/api/access.h"
#include "k8s-bridge/api/address.h"
#include "messages/http/address.h"
#include "messages/link/small_file.h"
#include "messages/model/json_text.h"

namespace tideline::k8s_api {
namespace {

using model::Error;
using model::ErrorCode;
using model::invalid;
using model::Result;

constexpr std::size_t kMaxShownNameBytes = 120;

Error unsupported(std::string message) {
  return {ErrorCode::kUnsupported, std::move(message)};
}

std::string shown_text(std::string_view text) {
  return fmt::format("\"{}\"", model::printable(text, kMaxShownNameBytes));
}

/// The value of a key, unless it is null.
std::optional<YAML::Node> member(const YAML::Node& map, const std::string& key) {
  if (!map.IsMap()) return std::nullopt;
  const YAML::Node value = map[key];
  if (!value.IsDefined() || value.IsNull()) return std::nullopt;
  return value;
}

/// "" where there is no such key.
Result<std::string> text_at(const YAML::Node& map, const std::string& key) {
  const auto value = member(map, key);
  if (!value) return std::string();
  if (!value->IsScalar()) return invalid(fmt::format("{}: want a text", key));
  return value->Scalar();
}

/// The mapping `inner` of the element of `list` that has this name.
Result<YAML::Node> named(const YAML::Node& root, const std::string& list, const std::string& name,
                         const std::string& inner) {
  const auto elements = member(root, list);
  if (elements && elements->IsSequence()) {
    for (const auto& element : *elements) {
      const auto own = text_at(element, "name");
      if (!own || *own != name) continue;
      const auto found = member(element, inner);
      if (!found || !found->IsMap())
        return invalid(fmt::format("{} {}: no mapping {}", inner, shown_text(name), inner));
      return *found;
    }
  }
  return Error(ErrorCode::kNotFound, fmt::format("there is no {} {} in {}", inner, shown_text(name), list));
}

struct FileOrPem {
  std::string file;
  std::string pem;
  bool is_there() const { return !file.empty() || !pem.empty(); }
};

/// KEY-data, else KEY. Of both, kubectl takes the data.
Result<FileOrPem> file_or_data(const YAML::Node& map, const std::string& key, const std::filesystem::path& directory) {
  const auto data = text_at(map, key + "-data");
  if (!data) return data.error();
  if (!data->empty()) {
    const auto bytes = kj::decodeBase64(kj::ArrayPtr<const char>(data->data(), data->size()));
    if (bytes.hadErrors || bytes.size() == 0) return invalid(fmt::format("{}-data: not base64", key));
    return FileOrPem{{}, std::string(reinterpret_cast<const char*>(bytes.begin()), bytes.size())};
  }
  const auto file = text_at(map, key);
  if (!file) return file.error();
  if (file->empty()) return FileOrPem{};
  return FileOrPem{(directory / *file).string(), {}};
}

Result<void> read_authority(std::string_view authority, const std::string& url, Access& access) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return invalid(fmt::format("server {}: a bracket is open", shown_text(url)));
    access.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (!http::is_ip6(access.host))
      return invalid(fmt::format("server {}: want an IPv6 address in brackets", shown_text(url)));
  } else {
    const auto colon = authority.find(':');
    access.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (access.host.empty()) return invalid(fmt::format("server {}: no host", shown_text(url)));
  access.port = 443;
  if (port.empty()) return {};
  const auto number = port.starts_with(':') ? http::port_from(port.substr(1)) : std::nullopt;
  if (!number) return invalid(fmt::format("server {}: want a port in 1..65535", shown_text(url)));
  access.port = *number;
  return {};
}

Result<void> read_server(const std::string& url, Access& access) {
  constexpr std::string_view kScheme = "https://";
  if (url.empty()) return invalid("server: missing");
  // Not shown: there may be a password.
  if (url.find('@') != std::string::npos) {
    return unsupported("server: a user in the URL; want a token or a client certificate under users");
  }
  if (url.starts_with("http://")) {
    return unsupported(fmt::format("server {}: plain http shows everyone who we are; want https", shown_text(url)));
  }
  if (!url.starts_with(kScheme)) return invalid(fmt::format("server {}: want https://HOST[:PORT]", shown_text(url)));
  for (const char c : url) {
    if (c <= ' ' || c > '~') return invalid(fmt::format("server {}: want a URL of printable ASCII", shown_text(url)));
  }
  const std::string_view rest = std::string_view(url).substr(kScheme.size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  std::string_view path = rest.substr(authority.size());
  if (path.find_first_of("?#") != std::string_view::npos) {
    return invalid(fmt::format("server {}: want no query and no fragment", shown_text(url)));
  }
  while (path.ends_with('/'))
    path.remove_suffix(1);
  access.path_prefix = path;
  return read_authority(authority, url, access);
}

Result<void> read_cluster(const YAML::Node& cluster, const std::filesystem::path& directory, Access& access) {
  const auto server = text_at(cluster, "server");
  if (!server) return server.error();
  if (auto good = read_server(*server, access); !good) return good.error();
  if (const auto insecure = member(cluster, "insecure-skip-tls-verify"); insecure && insecure->as<bool>(true)) {
    return unsupported(
        "insecure-skip-tls-verify: the server's certificate is always verified; want certificate-authority, and "
        "tls-server-name where the certificate has another name than the URL");
  }
  const auto proxy = text_at(cluster, "proxy-url");
  if (!proxy) return proxy.error();
  if (!proxy->empty())
    return unsupported("proxy-url: proxies are not spoken to; want a server that is reached directly");
  const auto name = text_at(cluster, "tls-server-name");
  if (!name) return name.error();
  access.server_name = !name->empty() ? *name : http::is_ip(access.host) ? kServerNameInCluster : access.host;
  auto ca = file_or_data(cluster, "certificate-authority", directory);
  if (!ca) return ca.error();
  if (!ca->is_there()) {
    return invalid(
        "no certificate-authority and no certificate-authority-data; want the authority of the server's certificate");
  }
  access.ca_file = std::move(ca->file);
  access.ca_pem = std::move(ca->pem);
  return {};
}

Result<void> refuse_other_ways(const YAML::Node& user) {
  constexpr std::string_view kInstead =
      "want a token, a tokenFile or a client certificate, such as a service account's";
  for (const char* key : {"exec", "auth-provider"}) {
    if (member(user, key))
      return unsupported(fmt::format("{}: programs that fetch tokens are not run; {}", key, kInstead));
  }
  for (const char* key : {"username", "password"}) {
    if (member(user, key)) return unsupported(fmt::format("{}: API servers take no passwords; {}", key, kInstead));
  }
  for (const char* key : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    if (member(user, key)) return unsupported(fmt::format("{}: nobody is impersonated; {}", key, kInstead));
  }
  return {};
}

Result<void> read_user(const YAML::Node& user, const std::filesystem::path& directory, Access& access) {
  if (auto good = refuse_other_ways(user); !good) return good.error();
  auto certificate = file_or_data(user, "client-certificate", directory);
  if (!certificate) return certificate.error();
  auto key = file_or_data(user, "client-key", directory);
  if (!key) return key.error();
  if (certificate->is_there() != key->is_there())
    return invalid("want both client-certificate and client-key, or neither");
  if (certificate->is_there()) {
    // An API server that is shown a certificate looks at no token.
    access.certificate_file = std::move(certificate->file);
    access.certificate_pem = std::move(certificate->pem);
    access.key_file = std::move(key->file);
    access.key_pem = std::move(key->pem);
    return {};
  }
  const auto file = text_at(user, "tokenFile");
  if (!file) return file.error();
  if (!file->empty()) {
    access.token_file = (directory / *file).string();
    return {};
  }
  auto token = text_at(user, "token");
  if (!token) return token.error();
  if (token->empty()) return invalid("no token, tokenFile or client-certificate");
  access.token = *std::move(token);
  return {};
}

Result<Access> read_kubeconfig(const std::string& path, const std::string& text, const std::string& context) {
  const YAML::Node root = YAML::Load(text);
  if (!root.IsMap()) return Error(ErrorCode::kMalformed, "want a mapping with clusters, contexts and users");
  std::string wanted = context;
  if (wanted.empty()) {
    const auto current = text_at(root, "current-context");
    if (!current) return current.error();
    if (current->empty()) return invalid("no current-context, and no context is named");
    wanted = *current;
  }
  Access access;
  access.source = fmt::format("kubeconfig {}, context {}", path, model::printable(wanted, kMaxShownNameBytes));
  const auto chosen = named(root, "contexts", wanted, "context");
  if (!chosen) return chosen.error();
  const auto cluster_name = text_at(*chosen, "cluster");
  if (!cluster_name) return cluster_name.error().in("context " + shown_text(wanted));
  const auto user_name = text_at(*chosen, "user");
  if (!user_name) return user_name.error().in("context " + shown_text(wanted));
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  const auto cluster = named(root, "clusters", *cluster_name, "cluster");
  if (!cluster) return cluster.error().in("context " + shown_text(wanted));
  if (auto good = read_cluster(*cluster, directory, access); !good) {
    return good.error().in("cluster " + shown_text(*cluster_name));
  }
  const auto user = named(root, "users", *user_name, "user");
  if (!user) return user.error().in("context " + shown_text(wanted));
  if (auto good = read_user(*user, directory, access); !good) return good.error().in("user " + shown_text(*user_name));
  return access;
}

}  // namespace

Result<Access> kubeconfig_access(const std::string& path, const std::string& context) {
  const auto text = link::read_small_file("kubeconfig", path);
  if (!text) return text.error();
  const std::string where = "kubeconfig " + path;
  try {
    auto access = read_kubeconfig(path, *text, context);
    if (!access) return access.error().in(where);
    return access;
  } catch (const std::exception& exception) {
    return Error(ErrorCode::kMalformed, model::printable(exception.what(), 200)).in(where);
  }
}

}  // namespace tideline::k8s_api
