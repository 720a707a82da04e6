#pragma once
// Requests over HTTP/1.1, plain or through TLS, to one server. What credentials' files hold is read again when they
// change.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kj/async-io.h>
#include <kj/compat/http.h>
#include <kj/exception.h>

#include "messages/http/channel.h"
#include "messages/http/credentials.h"
#include "messages/http/head.h"
#include "messages/link/file_watch.h"
#include "messages/link/kj_thread.h"
#include "messages/model/result.h"

namespace tideline::http {

struct Request {
  kj::HttpMethod method = kj::HttpMethod::GET;
  std::string target;  // path and query, printable ASCII without blanks
  /// Besides Host, User-Agent, Authorization and what the body needs: names and values.
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<const std::string> body;  // null, for a GET: none, and no length of one
  /// It may be sent once more when the server closed the kept connection that was taken for it: the server may have
  /// acted on it before.
  bool again = false;
};

struct TransportConfig {
  std::string what;  // the server, or where the credentials come from, for errors
  ChannelOptions to;
  bool tls = true;
  std::string user_agent;
  std::vector<std::string> files;                    // which `read` reads; "" are left out
  std::function<model::Result<Credentials>()> read;  // no error of it shows a secret
  /// Before each attempt at a request; its error is what becomes of that. Null: none.
  std::function<model::Result<void>(const Request&)> before = nullptr;
  /// Of files that changed: "" = other credentials are in use, else why those of before stay so; once per problem.
  std::function<void(const std::string& problem)> told;
};

/// The other end is gone: to TLS, one that did not say goodbye is a failure.
bool is_gone(const kj::Exception& exception);
std::string_view view(kj::StringPtr text);

/// On the loop's thread only. Must outlive its promises, not its bodies.
class Transport {
 public:
  /// Reads and checks the credentials; connects to nobody yet. The errors of `read` and make_tls.
  static model::Result<std::unique_ptr<Transport>> create(link::KjContext& context, TransportConfig config);
  ~Transport() noexcept(false);
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// Without a deadline but the one for connecting. Sent once more when the answer is 401 and the files hold other
  /// credentials, and where Request::again says so.
  kj::Promise<Head> open(Request request);
  /// No request that comes meets a connection that there is now.
  void connect_anew();

 private:
  struct Headers;
  using RequestPtr = std::shared_ptr<const Request>;

  Transport(link::KjContext& context, TransportConfig config);
  model::Result<bool> renew();
  bool refresh(bool anyway);
  kj::Promise<Head> attempt(const RequestPtr& request);
  kj::Promise<Head> once(const RequestPtr& request);

  link::KjContext& context_;
  const TransportConfig config_;
  const std::unique_ptr<const Headers> headers_;
  link::FileWatch files_;
  Credentials credentials_;
  std::uint64_t generation_ = 0;  // of the credentials
  std::string trouble_;           // with the files, told last
  std::shared_ptr<Channel> channel_;
};

}  // namespace tideline::http
