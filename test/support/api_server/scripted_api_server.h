#pragma once
// An HTTPS server on loopback that answers by a script, with whatever bytes a test wants.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test/support/certs.h"

namespace tideline::test {

struct SeenRequest {
  std::string method;
  std::string target;                          // path and query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::size_t connection = 0;  // from 1, in the order in which they came

  /// "" where there is no such header.
  std::string header(const std::string& name) const;
};

/// What one request is answered with: bytes as they go over the wire, and what follows them.
struct ScriptedReply {
  enum class End {
    kNextRequest,  // the connection is kept
    kHold,         // silence, until the client leaves
    kClose,        // the connection is cut
  };
  std::vector<std::string> pieces;
  std::chrono::milliseconds between{0};  // after each piece
  End end = End::kNextRequest;
  bool repeat_last_piece = false;  // for ever
};

/// `headers`: whole lines, with their \r\n.
ScriptedReply json_reply(unsigned status, const std::string& body, const std::string& headers = {});
/// Each line is a chunk of its own. kNextRequest ends the watch as a server does.
ScriptedReply watch_reply(const std::vector<std::string>& lines, ScriptedReply::End end);
/// Nothing where `bytes` is "".
ScriptedReply raw_reply(const std::string& bytes, ScriptedReply::End end);

class ScriptedApiServer {
 public:
  struct Tls {
    CertFiles own;
    std::string client_ca = {};  // "" = nobody is asked for a certificate
  };

  /// `port` 0 = any free one. Throws where it cannot be had.
  explicit ScriptedApiServer(const Tls& tls, std::uint16_t port = 0);
  ~ScriptedApiServer();
  ScriptedApiServer(const ScriptedApiServer&) = delete;
  ScriptedApiServer& operator=(const ScriptedApiServer&) = delete;

  std::uint16_t port() const;

  /// The next request whose "METHOD TARGET" begins with `what` is answered so. Of several in the order in which they
  /// were given; a request that nothing fits is answered 404.
  void on(const std::string& what, ScriptedReply reply);
  /// All further ones.
  void always(const std::string& what, ScriptedReply reply);
  /// All further ones, each as `answer` says of it, on the server's thread and without asking the server anything.
  void compute(const std::string& what, std::function<ScriptedReply(const SeenRequest&)> answer);

  /// Waits until so many requests of "METHOD TARGET" came, for a generous while at most.
  bool wait_for(const std::string& what, std::size_t count) const;
  /// Those of "METHOD TARGET" that came so far.
  std::vector<SeenRequest> seen(const std::string& what = {}) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::test
