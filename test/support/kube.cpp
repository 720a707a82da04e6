#include "test/support/kube.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include <unistd.h>

#include "test/support/free_port.h"
#include "test/support/http_get.h"

namespace tideline::test {

namespace fs = std::filesystem;
using std::chrono::seconds;

namespace {

constexpr const char* kBinary = "KUBE_APISERVER";
constexpr const char* kAdminToken = "test-admin";
constexpr const char* kAuditPolicy = R"(apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts"]
- level: Metadata
  verbs: ["create"]
  resources: [{group: "", resources: ["pods/eviction"]}]
)";

bool in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::stringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string url(int port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

/// Ends with this test also when that is killed.
std::vector<std::string> tied(std::vector<std::string> argv) {
  argv.insert(argv.begin(), {"setpriv", "--pdeathsig", "KILL", "--"});
  return argv;
}

/// The object in an answer, whose transfer may be chunked.
nlohmann::json object_in(const std::string& answer) {
  const auto begin = answer.find('{');
  const auto end = answer.rfind('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  return nlohmann::json::parse(answer.substr(begin, end - begin + 1), nullptr, false);
}

}  // namespace

std::string KubeControlPlane::missing() {
  const char* binary = std::getenv(kBinary);
  if (binary == nullptr || *binary == '\0') return std::string(kBinary) + ", which is not set (test/kube/README.md)";
  if (::access(binary, X_OK) != 0) return std::string(kBinary) + ": " + binary + " cannot be run";
  if (!in_path("etcd")) return "etcd, of the package etcd-server";
  if (!in_path("kubectl")) return "kubectl, of the package kubernetes-client";
  return "";
}

KubeControlPlane::KubeControlPlane(std::vector<std::string> more) : more_(std::move(more)) {
  if (const auto lacking = missing(); !lacking.empty()) throw std::runtime_error("needs " + lacking);
  std::set<int> ports;
  while (ports.size() < 3)
    ports.insert(free_port());
  auto next = ports.begin();
  etcd_port_ = *next++;
  peer_port_ = *next++;
  port_ = *next;

  const std::string pki = dir_.str() + "/pki";
  fs::create_directories(pki);
  authority_ = std::make_unique<CertAuthority>(pki, "ca");
  server_ = authority_->issue("api-server",
                              {.common_name = "kube-apiserver",
                               .dns_names = {"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
                               .ip_addresses = {"127.0.0.1"},
                               .server_auth = true});
  const auto made = run({"openssl", "genrsa", "-out", pki + "/accounts.key", "2048"});
  const auto shown = run({"openssl", "rsa", "-in", pki + "/accounts.key", "-pubout", "-out", pki + "/accounts.pub"});
  if (made.exit != 0 || shown.exit != 0) throw std::runtime_error("openssl: " + made.output + shown.output);
  dir_.write("tokens.csv", std::string(kAdminToken) + ",admin,admin,\"system:masters\"\n");
  admin_kubeconfig_ = write_kubeconfig("admin", std::string("token: ") + kAdminToken);
  dir_.write("audit-policy.yaml", kAuditPolicy);

  const std::string peer = url(peer_port_);
  etcd_ = std::make_unique<Process>(
      tied({"etcd", "--name", "test", "--data-dir", dir_.str() + "/etcd", "--listen-client-urls", url(etcd_port_),
            "--advertise-client-urls", url(etcd_port_), "--listen-peer-urls", peer, "--initial-advertise-peer-urls",
            peer, "--initial-cluster", "test=" + peer, "--unsafe-no-fsync", "--log-level", "warn"}),
      Process::Options{.environment = {}, .output_file = dir_.str() + "/etcd.log"});
  start_api_server();
}

KubeControlPlane::~KubeControlPlane() = default;

void KubeControlPlane::start_api_server() {
  const std::string pki = dir_.str() + "/pki";
  std::vector<std::string> argv{
      std::getenv(kBinary), "--etcd-servers=" + url(etcd_port_), "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1", "--secure-port=" + std::to_string(port_), "--insecure-port=0",
      "--tls-cert-file=" + server_.certificate, "--tls-private-key-file=" + server_.key,
      "--client-ca-file=" + server_.ca, "--token-auth-file=" + dir_.str() + "/tokens.csv",
      "--service-account-issuer=https://kubernetes.default.svc",
      "--service-account-signing-key-file=" + pki + "/accounts.key",
      "--service-account-key-file=" + pki + "/accounts.pub", "--service-cluster-ip-range=10.0.0.0/24",
      "--authorization-mode=Node,RBAC",
      // No controller makes accounts for namespaces, or takes taints off nodes.
      "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition", "--allow-privileged=true",
      "--endpoint-reconciler-type=none", "--audit-policy-file=" + dir_.str() + "/audit-policy.yaml",
      "--audit-log-path=" + dir_.str() + "/audit.log"};
  argv.insert(argv.end(), more_.begin(), more_.end());
  api_server_ = std::make_unique<Process>(
      tied(std::move(argv)), Process::Options{.environment = {}, .output_file = dir_.str() + "/api-server.log"});
  const bool up = eventually(seconds(90), [&] {
    if (kubectl({"get", "--raw", "/readyz"}).output.starts_with("ok") || !api_server_->running()) return true;
    // Each question is a process of its own, which takes the CPU from what is asked.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return false;
  });
  if (!up || !api_server_->running()) {
    throw std::runtime_error("kube-apiserver did not come up:\n" + log() + "\n" + etcd_->output());
  }
}

std::string KubeControlPlane::unfit_for_custom_resources() const {
  const auto version = get("/version");
  const auto text = [&](const char* key) { return version.is_object() ? version.value(key, std::string()) : ""; };
  const std::string go = text("goVersion");
  const auto minor_of = [](const std::string& number) { return std::strtol(number.c_str(), nullptr, 10); };
  const auto point = go.find('.');
  const long go_minor = point == std::string::npos ? 0 : minor_of(go.substr(point + 1));
  if (minor_of(text("minor")) >= 24 || go_minor < 18) return "";
  return "the API server " + text("gitVersion") + ", built by " + go +
         ", ends at the first object of a custom resource";
}

void KubeControlPlane::kill_api_server() {
  api_server_->signal(SIGKILL);
  api_server_->wait(seconds(10));
}

void KubeControlPlane::compact() const {
  // "AA==" is the key of one zero byte: any answer tells the revision.
  const auto read = object_in(http_post(etcd_port_, "/v3/kv/range", R"({"key": "AA=="})"));
  if (!read.is_object() || !read.contains("header")) throw std::runtime_error("etcd tells no revision: " + read.dump());
  const nlohmann::json request = {{"revision", read.at("header").at("revision")}, {"physical", true}};
  const auto answer = http_post(etcd_port_, "/v3/kv/compaction", request.dump());
  if (!answer.starts_with("HTTP/1.1 200")) throw std::runtime_error("etcd did not compact: " + answer);
}

std::vector<nlohmann::json> KubeControlPlane::audited() const {
  std::vector<nlohmann::json> events;
  std::ifstream in(dir_.str() + "/audit.log");
  for (std::string line; std::getline(in, line);) {
    // The last one may not be whole yet.
    if (auto event = nlohmann::json::parse(line, nullptr, false); event.is_object()) events.push_back(std::move(event));
  }
  return events;
}

std::string KubeControlPlane::write_kubeconfig(const std::string& name, const std::string& user, int port) const {
  const std::string server = "server: 'https://127.0.0.1:" + std::to_string(port == 0 ? port_ : port) + "'";
  return dir_.write(name + ".kubeconfig",
                    "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
                    "contexts: [{name: test, context: {cluster: test, user: test}}]\n"
                    "clusters: [{name: test, cluster: {" +
                        server + ", certificate-authority: '" + server_.ca +
                        "'}}]\n"
                        "users: [{name: test, user: {" +
                        user + "}}]\n");
}

std::string KubeControlPlane::account_kubeconfig(const std::string& name_space, const std::string& name) const {
  const auto answer = post(
      "/api/v1/namespaces/" + name_space + "/serviceaccounts/" + name + "/token",
      {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", {{"expirationSeconds", 3600}}}});
  if (!answer.is_object()) throw std::runtime_error("no token for service account " + name_space + "/" + name);
  return write_kubeconfig(name_space + "." + name, "token: " + answer.at("status").at("token").get<std::string>());
}

std::string KubeControlPlane::token_file_kubeconfig(const std::string& name, const std::string& token_file,
                                                    int port) const {
  return write_kubeconfig(name, "tokenFile: '" + token_file + "'", port);
}

std::string KubeControlPlane::write_token(const std::string& name_space, const std::string& account,
                                          const std::string& file) const {
  const std::string in_namespace = "/api/v1/namespaces/" + name_space;
  const auto secret = post(in_namespace + "/secrets",
                           {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"generateName", "bound-"}}}});
  if (!secret.is_object()) throw std::runtime_error("no Secret could be made in " + name_space);
  const std::string name = secret.at("metadata").at("name").get<std::string>();
  const nlohmann::json bound_to = {
      {"apiVersion", "v1"}, {"kind", "Secret"}, {"name", name}, {"uid", secret.at("metadata").at("uid")}};
  const auto answer = post(in_namespace + "/serviceaccounts/" + account + "/token",
                           {{"apiVersion", "authentication.k8s.io/v1"},
                            {"kind", "TokenRequest"},
                            {"spec", {{"expirationSeconds", 3600}, {"boundObjectRef", bound_to}}}});
  if (!answer.is_object()) throw std::runtime_error("no token for service account " + name_space + "/" + account);
  {
    std::ofstream out(file + ".new", std::ios::trunc);
    out << answer.at("status").at("token").get<std::string>();
    if (!out.flush()) throw std::runtime_error(file + ".new cannot be written");
  }
  fs::rename(file + ".new", file);
  return name;
}

void KubeControlPlane::revoke_token(const std::string& name_space, const std::string& bound_to) const {
  const auto deleted = kubectl({"--namespace", name_space, "delete", "secret", bound_to});
  if (deleted.exit != 0) throw std::runtime_error(deleted.output);
}

std::string KubeControlPlane::user_kubeconfig(const std::string& user) const {
  const auto own = authority_->issue("user-" + user, {.common_name = user, .client_auth = true});
  return write_kubeconfig("user-" + user,
                          "client-certificate: '" + own.certificate + "', client-key: '" + own.key + "'");
}

Finished KubeControlPlane::kubectl(std::vector<std::string> arguments, const std::string& input) const {
  const TempDir scratch;
  std::vector<std::string> argv{"kubectl",     "--kubeconfig",    admin_kubeconfig_,
                                "--cache-dir", dir_.str() + "/c", "--request-timeout=20s"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const std::vector<std::string> environment{"HOME=" + dir_.str()};
  Process process(std::move(argv),
                  Process::Options{.environment = environment,
                                   .output_file = scratch.str() + "/output",
                                   .input_file = input.empty() ? std::string() : scratch.write("input", input)});
  const auto exit = process.wait(patience(seconds(40)));
  return {exit.value_or(-1), process.output()};
}

nlohmann::json KubeControlPlane::raw(const std::string& verb, const std::string& path, const std::string& input) const {
  std::vector<std::string> arguments{verb, "--raw", path};
  if (!input.empty()) arguments.insert(arguments.end(), {"-f", "-"});
  const auto finished = kubectl(std::move(arguments), input);
  return finished.exit == 0 ? nlohmann::json::parse(finished.output, nullptr, false) : nlohmann::json();
}

nlohmann::json KubeControlPlane::get(const std::string& path) const {
  return raw("get", path, "");
}

nlohmann::json KubeControlPlane::post(const std::string& path, const nlohmann::json& object) const {
  return raw("create", path, object.dump());
}

nlohmann::json KubeControlPlane::put(const std::string& path, const nlohmann::json& object) const {
  return raw("replace", path, object.dump());
}

}  // namespace tideline::test
