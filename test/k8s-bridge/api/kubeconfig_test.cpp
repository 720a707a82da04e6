#include <chrono>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "k8s-bridge/api/access.h"
#include "test/support/temp_dir.h"

namespace tideline::k8s_api::kubeconfig_test {
namespace {

using model::ErrorCode;
using model::Result;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kCluster = "{server: 'https://api.example.com:6443', certificate-authority: pki/ca.crt}";

class KubeconfigTest : public testing::Test {
 protected:
  std::string write(const std::string& cluster, const std::string& user) const {
    return dir_.write("config", fmt::format(R"(apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: c
  cluster: {}
users:
- name: u
  user: {}
contexts:
- name: dev
  context: {{cluster: c, user: u}}
- name: broken
  context: {{cluster: nowhere, user: u}}
- name: nobody
  context: {{cluster: c, user: nobody}}
- name: empty
)",
                                            cluster, user));
  }
  Result<Access> read(const std::string& cluster, const std::string& user, const std::string& context = {}) const {
    return kubeconfig_access(write(cluster, user), context);
  }
  void expect_refused(const Result<Access>& access, ErrorCode code, const std::string& part) const {
    ASSERT_FALSE(access.ok()) << part;
    EXPECT_EQ(access.error().code(), code) << access.error().message();
    EXPECT_THAT(access.error().message(), AllOf(HasSubstr("kubeconfig " + dir_.str() + "/config: "), HasSubstr(part)));
    EXPECT_LE(access.error().message().size(), dir_.str().size() + 1000);
  }

  test::TempDir dir_;
};

TEST_F(KubeconfigTest, ATokenAndAnAuthorityOfTheFilesOwnDirectory) {
  const auto access = read(kCluster, "{token: abc}");
  ASSERT_TRUE(access.ok()) << access.error().message();
  EXPECT_EQ(access->source, "kubeconfig " + dir_.str() + "/config, context dev");
  EXPECT_EQ(access->host, "api.example.com");
  EXPECT_EQ(access->port, 6443);
  EXPECT_EQ(access->path_prefix, "");
  EXPECT_EQ(access->ca_file, dir_.str() + "/pki/ca.crt");
  EXPECT_EQ(access->ca_pem, "");
  EXPECT_EQ(access->server_name, "api.example.com");
  EXPECT_EQ(access->token, "abc");
  EXPECT_EQ(access->token_file, "");
  EXPECT_EQ(access->certificate_file + access->certificate_pem + access->key_file + access->key_pem, "");
}

TEST_F(KubeconfigTest, CertificatesAsFilesAndAsData) {
  auto access = read("{server: 'https://10.0.0.1', certificate-authority-data: Y2E=, certificate-authority: x}",
                     "{client-certificate: c.crt, client-key: /abs/c.key}");
  ASSERT_TRUE(access.ok()) << access.error().message();
  EXPECT_EQ(access->port, 443);
  EXPECT_EQ(access->server_name, "kubernetes.default.svc") << "an address proves nothing by itself";
  EXPECT_EQ(access->ca_pem, "ca") << "of both, the data";
  EXPECT_EQ(access->ca_file, "");
  EXPECT_EQ(access->certificate_file, dir_.str() + "/c.crt");
  EXPECT_EQ(access->key_file, "/abs/c.key");

  access = read(kCluster, "{client-certificate-data: Y2VydA==, client-key-data: \"a2\\nV5\", token: ignored}");
  ASSERT_TRUE(access.ok()) << access.error().message();
  EXPECT_EQ(access->certificate_pem, "cert");
  EXPECT_EQ(access->key_pem, "key");
  EXPECT_EQ(access->token, "") << "a server that is shown a certificate looks at no token";
}

TEST_F(KubeconfigTest, ATokenFileIsNamedAndNotRead) {
  const auto access = read(kCluster, "{tokenFile: run/token, token: old}");
  ASSERT_TRUE(access.ok()) << access.error().message();
  EXPECT_EQ(access->token_file, dir_.str() + "/run/token");
  EXPECT_EQ(access->token, "");
}

TEST_F(KubeconfigTest, ServersOfAllShapes) {
  struct Case {
    const char* url;
    const char* host;
    std::uint16_t port;
    const char* prefix;
    const char* name;
  };
  for (const auto& [url, host, port, prefix, name] :
       {Case{"https://a.example/", "a.example", 443, "", "a.example"},
        Case{"https://a.example:8443/k8s/clusters/c1/", "a.example", 8443, "/k8s/clusters/c1", "a.example"},
        Case{"https://127.0.0.1:6443", "127.0.0.1", 6443, "", "kubernetes.default.svc"},
        Case{"https://[fd00::1]:6443/x", "fd00::1", 6443, "/x", "kubernetes.default.svc"},
        Case{"https://[::1]", "::1", 443, "", "kubernetes.default.svc"}}) {
    const auto access = read(fmt::format("{{server: '{}', certificate-authority: ca}}", url), "{token: t}");
    ASSERT_TRUE(access.ok()) << access.error().message();
    EXPECT_EQ(access->host, host);
    EXPECT_EQ(access->port, port);
    EXPECT_EQ(access->path_prefix, prefix);
    EXPECT_EQ(access->server_name, name);
  }
  const auto named =
      read("{server: 'https://127.0.0.1', certificate-authority: ca, tls-server-name: api.internal}", "{token: t}");
  ASSERT_TRUE(named.ok()) << named.error().message();
  EXPECT_EQ(named->server_name, "api.internal");
}

TEST_F(KubeconfigTest, WhatIsNotDoneIsRefusedByName) {
  const auto server = [](const char* rest) {
    return fmt::format("{{server: 'https://a', certificate-authority: ca, {}}}", rest);
  };
  struct Case {
    std::string cluster;
    std::string user;
    const char* part;
  };
  for (const auto& [cluster, user, part] :
       {Case{kCluster, "{exec: {command: aws}}", "exec: "},
        Case{kCluster, "{auth-provider: {name: gcp}}", "auth-provider: "},
        Case{kCluster, "{username: a, password: b}", "username: "}, Case{kCluster, "{token: t, as: admin}", "as: "},
        Case{server("insecure-skip-tls-verify: true"), "{token: t}", "insecure-skip-tls-verify: "},
        Case{server("insecure-skip-tls-verify: perhaps"), "{token: t}", "insecure-skip-tls-verify: "},
        Case{server("proxy-url: 'http://p:3128'"), "{token: t}", "proxy-url: "},
        Case{"{server: 'http://a:8080', certificate-authority: ca}", "{token: t}", "plain http"},
        Case{"{server: 'https://root:pw@a', certificate-authority: ca}", "{token: t}", "a user in the URL"}}) {
    expect_refused(read(cluster, user), ErrorCode::kUnsupported, part);
  }
  EXPECT_TRUE(read(server("insecure-skip-tls-verify: false"), "{token: t}").ok());
}

TEST_F(KubeconfigTest, WhatIsWrongOrMissingIsNamed) {
  struct Case {
    std::string cluster;
    std::string user;
    const char* part;
  };
  for (const auto& [cluster, user, part] :
       {Case{"{certificate-authority: ca}", "{token: t}", "server: missing"},
        Case{"{server: 'https://a'}", "{token: t}", "no certificate-authority"},
        Case{"{server: 'https://a', certificate-authority-data: '###'}", "{token: t}",
             "certificate-authority-data: not base64"},
        Case{"{server: 'https://', certificate-authority: ca}", "{token: t}", "no host"},
        Case{"{server: 'a:6443', certificate-authority: ca}", "{token: t}", "want https://"},
        Case{"{server: 'https://a:x', certificate-authority: ca}", "{token: t}", "want a port"},
        Case{"{server: 'https://a:1:2', certificate-authority: ca}", "{token: t}", "want a port"},
        Case{"{server: 'https://[::1', certificate-authority: ca}", "{token: t}", "bracket"},
        Case{"{server: 'https://[a]', certificate-authority: ca}", "{token: t}", "IPv6"},
        Case{"{server: 'https://a/?b=c', certificate-authority: ca}", "{token: t}", "no query"},
        Case{"{server: 'https://a b', certificate-authority: ca}", "{token: t}", "printable ASCII"},
        Case{"{server: [1], certificate-authority: ca}", "{token: t}", "server: want a text"},
        Case{kCluster, "{}", "no token, tokenFile or client-certificate"},
        Case{kCluster, "{client-certificate: c.crt}", "want both"}, Case{kCluster, "{client-key: c.key}", "want both"},
        Case{kCluster, "just a text", "no mapping user"}}) {
    expect_refused(read(cluster, user), ErrorCode::kInvalidArgument, part);
  }
}

TEST_F(KubeconfigTest, ContextsAreFoundByName) {
  EXPECT_TRUE(read(kCluster, "{token: t}", "dev").ok());
  expect_refused(read(kCluster, "{token: t}", "prod"), ErrorCode::kNotFound, "no context \"prod\"");
  expect_refused(read(kCluster, "{token: t}", "broken"), ErrorCode::kNotFound, "no cluster \"nowhere\"");
  expect_refused(read(kCluster, "{token: t}", "nobody"), ErrorCode::kNotFound, "no user \"nobody\"");
  expect_refused(read(kCluster, "{token: t}", "empty"), ErrorCode::kInvalidArgument, "no mapping context");
  const auto path = dir_.write("config", "clusters: []\n");
  expect_refused(kubeconfig_access(path, ""), ErrorCode::kInvalidArgument, "no current-context");
  expect_refused(kubeconfig_access(path, "dev"), ErrorCode::kNotFound, "no context \"dev\"");
}

TEST_F(KubeconfigTest, AFileThatIsNoneIsNamed) {
  const auto missing = kubeconfig_access(dir_.str() + "/nowhere", "");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr("/nowhere"));
  for (const char* text : {"", "[]", "text", "a: [", "a: *nowhere", "\t\tx", "\"\\x\""}) {
    expect_refused(kubeconfig_access(dir_.write("config", text), ""), ErrorCode::kMalformed, "");
  }
}

TEST_F(KubeconfigTest, FilesThatAreMadeToHurtAreBounded) {
  const auto began = std::chrono::steady_clock::now();
  const auto big = kubeconfig_access(dir_.write("config", std::string((1 << 20) + 1, '#')), "");
  ASSERT_FALSE(big.ok());
  EXPECT_THAT(big.error().message(), HasSubstr("larger than"));
  expect_refused(kubeconfig_access(dir_.write("config", std::string(100'000, '[')), ""), ErrorCode::kMalformed, "");
  std::string laughs = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 60; ++i)
    laughs += fmt::format("a{}: &a{} [*a{}, *a{}]\n", i, i, i - 1, i - 1);
  expect_refused(kubeconfig_access(dir_.write("config", laughs + "current-context: *a59\n"), ""),
                 ErrorCode::kInvalidArgument, "current-context: want a text");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

}  // namespace
}  // namespace tideline::k8s_api::kubeconfig_test
