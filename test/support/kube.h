#pragma once
// A real Kubernetes API server with an etcd of its own, on this machine and for one test: TLS, service accounts, RBAC.
// No kubelet, no controllers and no scheduler: a test does their parts by kubectl.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "test/support/certs.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::test {

class KubeControlPlane {
 public:
  /// What this machine lacks for it; "" = nothing.
  static std::string missing();

  /// Starts both, with `more` arguments of the API server, and waits until that is ready. Throws std::runtime_error
  /// with what they said.
  explicit KubeControlPlane(std::vector<std::string> more = {});
  ~KubeControlPlane();
  KubeControlPlane(const KubeControlPlane&) = delete;
  KubeControlPlane& operator=(const KubeControlPlane&) = delete;

  // Files for KUBECONFIG.
  const std::string& admin_kubeconfig() const { return admin_kubeconfig_; }
  /// Of an account that is there, with a token of an hour.
  std::string account_kubeconfig(const std::string& name_space, const std::string& name) const;
  /// Of whoever the token in `token_file` is, which may be another one later. `port` 0 = the API server's own.
  std::string token_file_kubeconfig(const std::string& name, const std::string& token_file, int port = 0) const;
  /// Of anybody, with a client certificate. Rights are RBAC's to give.
  std::string user_kubeconfig(const std::string& user) const;

  /// Puts a new token of the account into `file` at one stroke, as kubelet rotates them: good for an hour, or until
  /// revoke_token() of what this returns.
  std::string write_token(const std::string& name_space, const std::string& account, const std::string& file) const;
  /// The API server goes on to take a token that it has seen lately, for ten seconds at most.
  void revoke_token(const std::string& name_space, const std::string& bound_to) const;

  /// As admin. `input` is its stdin.
  Finished kubectl(std::vector<std::string> arguments, const std::string& input = "") const;
  // Requests as they are, as admin; the answer's JSON, null when it failed: kubectl 1.20 has no --subresource.
  nlohmann::json get(const std::string& path) const;
  nlohmann::json post(const std::string& path, const nlohmann::json& object) const;
  nlohmann::json put(const std::string& path, const nlohmann::json& object) const;

  /// Why this API server must not be given objects of custom resources, "" = it may: one older than 1.24 that Go 1.18
  /// or later has built ends by itself at the first of them, as its reflect2 (before 1.0.2) reads Go's maps by the
  /// layout of older ones.
  std::string unfit_for_custom_resources() const;
  void kill_api_server();
  /// On the same port as before.
  void start_api_server();
  /// Makes etcd forget all revisions but the newest, so that no watch from before can go on.
  void compact() const;
  std::uint16_t port() const { return static_cast<std::uint16_t>(port_); }
  /// Requests so far, of service accounts all, and evictions whoever asked for them: events of audit.k8s.io, oldest
  /// first. One that lasts, as a watch, is there twice: when it began, and when it ended.
  std::vector<nlohmann::json> audited() const;
  /// What the API server wrote, for messages.
  std::string log() const { return api_server_->output(); }

 private:
  nlohmann::json raw(const std::string& verb, const std::string& path, const std::string& input) const;
  std::string write_kubeconfig(const std::string& name, const std::string& user, int port = 0) const;

  TempDir dir_;
  std::vector<std::string> more_;
  std::unique_ptr<CertAuthority> authority_;
  CertFiles server_;
  int etcd_port_ = 0;
  int peer_port_ = 0;
  int port_ = 0;
  std::string admin_kubeconfig_;
  std::unique_ptr<Process> etcd_;
  std::unique_ptr<Process> api_server_;  // ends before etcd
};

/// First line of a test that needs one.
#define TIDELINE_NEED_KUBE()                                                                       \
  if (const std::string lacking = ::tideline::test::KubeControlPlane::missing(); !lacking.empty()) \
  GTEST_SKIP() << "needs " << lacking

}  // namespace tideline::test
