#pragma once
// A writer, and a scripted server on loopback that it writes to.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "coordinator/remote_write/writer.h"
#include "test/coordinator/prometheus/decoded.h"
#include "test/support/api_server/scripted_api_server.h"
#include "test/support/certs.h"
#include "test/support/temp_dir.h"

namespace tideline::remote_write {

inline constexpr const char* kPath = "/api/v1/write";
inline constexpr const char* kPost = "POST /api/v1/write";

/// As Prometheus answers.
test::ScriptedReply taken();
test::ScriptedReply answer(unsigned status, const std::string& headers = {}, const std::string& body = {});

class WriterTest : public testing::Test {
 protected:
  using End = test::ScriptedReply::End;

  /// One series of nodes, sent at once nearly; deadlines are too long to be met by chance, back-offs are short.
  RemoteWriteConfig config(std::uint16_t port) const;
  RemoteWriteConfig config() const { return config(server_.port()); }
  static std::unique_ptr<RemoteWriter> start(const RemoteWriteConfig& settings);

  /// A report of a node, later than all before, of so many cores.
  void offer(RemoteWriter& writer, std::int64_t cores, const std::string& node = "n1");

  /// Waits until `counts` says so.
  static bool counts_reach(const RemoteWriter& writer, std::uint64_t WriterCounts::Samples::*which,
                           std::uint64_t wanted);
  static bool counts_reach(const RemoteWriter& writer, std::uint64_t WriterCounts::Answers::*which,
                           std::uint64_t wanted);
  /// Of each request that came, the values of its samples.
  std::vector<std::vector<double>> values() const;

  std::int64_t next_ms_ = 0;  // after all that was offered
  test::TempDir dir_;
  test::CertAuthority ca_{dir_.str(), "ca"};
  const test::CertFiles server_files_ = ca_.issue("server", {.dns_names = {"prometheus.test"}, .server_auth = true});
  test::ScriptedApiServer server_{{.own = server_files_}};
};

}  // namespace tideline::remote_write
