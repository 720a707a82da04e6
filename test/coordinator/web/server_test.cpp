#include "coordinator/web/server.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tideline::web {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class FakeBackend final : public WebBackend {
 public:
  void metrics(link::Reply<Text> reply) override {
    ++asked;
    if (silent) {
      kept.push_back(std::move(reply));
    } else {
      reply(Text([this] { return text; }));
    }
  }
  void ready(link::Reply<void> reply) override {
    if (why.empty()) {
      reply({});
    } else {
      reply(model::Error(model::ErrorCode::kUnavailable, why));
    }
  }

  std::string text = "tideline_nodes 3\n";
  std::string why;
  std::atomic<int> asked{0};
  bool silent = false;
  std::vector<link::Reply<Text>> kept;
};

class Connection {
 public:
  explicit Connection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool connected() const { return connected_; }
  void send(std::string_view text) const { static_cast<void>(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL)); }
  /// All that comes until the server closes.
  std::string rest() const {
    std::string all;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = ::recv(fd_, buffer, sizeof buffer, 0)) > 0)
      all.append(buffer, static_cast<std::size_t>(got));
    return all;
  }

 private:
  int fd_;
  bool connected_ = false;
};

class WebServerTest : public testing::Test {
 protected:
  void start() {
    config_.listen = "127.0.0.1:0";
    auto started = WebServer::start(config_, backend_);
    ASSERT_TRUE(started.ok()) << started.error().message();
    server_ = *std::move(started);
  }
  std::string ask(const std::string& method, const std::string& path) {
    const Connection connection(server_->port());
    connection.send(method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return connection.rest();
  }

  FakeBackend backend_;
  WebServerConfig config_;
  std::unique_ptr<WebServer> server_;
};

TEST_F(WebServerTest, ShowsMetricsInPrometheusFormat) {
  start();
  const auto answer = ask("GET", "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\ntideline_nodes 3\n"));
  EXPECT_THAT(ask("GET", "/metrics?match=all"), EndsWith("tideline_nodes 3\n"));
}

TEST_F(WebServerTest, AHeadRequestGetsTheLengthAndNoBody) {
  start();
  const auto answer = ask("HEAD", "/metrics");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 17"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(WebServerTest, SaysWhyItIsNotReady) {
  start();
  EXPECT_THAT(ask("GET", "/readyz"), StartsWith("HTTP/1.1 200"));
  backend_.why = "no policy is in force yet";
  const auto answer = ask("GET", "/readyz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable"));
  EXPECT_THAT(answer, HasSubstr("no policy is in force yet"));
  EXPECT_THAT(ask("GET", "/healthz"), StartsWith("HTTP/1.1 200")) << "not ready is alive all the same";
}

TEST_F(WebServerTest, KnowsNothingElse) {
  start();
  EXPECT_THAT(ask("GET", "/"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask("GET", "/metricsx"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask("DELETE", "/metrics"), StartsWith("HTTP/1.1 405"));
  EXPECT_EQ(backend_.asked, 0);
}

TEST_F(WebServerTest, AnswersForABackendThatStaysSilent) {
  config_.backend_deadline = milliseconds(100);
  backend_.silent = true;
  start();
  EXPECT_THAT(ask("GET", "/metrics"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(ask("GET", "/healthz"), StartsWith("HTTP/1.1 200"));
  server_->stop();
  for (auto& reply : backend_.kept)
    reply(WebBackend::Text([] { return std::string("late"); }));
}

TEST_F(WebServerTest, SurvivesGarbageAndPeersThatSayNothing) {
  config_.request_deadline = seconds(2);
  config_.max_connections = 4;
  start();
  {
    const Connection garbage(server_->port());
    garbage.send(std::string(1000, '\xff') + "\r\n\r\n");
    EXPECT_THAT(garbage.rest(), testing::AnyOf(StartsWith("HTTP/1.1 400"), StartsWith("HTTP/1.1 501")));
  }
  std::vector<std::unique_ptr<Connection>> silent;
  for (int i = 0; i < 8; ++i)
    silent.push_back(std::make_unique<Connection>(server_->port()));
  for (const auto& one : silent)
    static_cast<void>(one->rest());  // all are closed: over the cap at once, the others by the deadline
  EXPECT_THAT(ask("GET", "/healthz"), StartsWith("HTTP/1.1 200"));
  const Connection endless(server_->port());
  endless.send("GET /metrics HTTP/1.1\r\nX: ");
  for (int i = 0; i < 100; ++i)
    endless.send(std::string(4096, 'a'));
  static_cast<void>(endless.rest());
  EXPECT_THAT(ask("GET", "/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(WebServerTest, NamesAnAddressThatItCannotHave) {
  start();
  WebServerConfig second;
  second.listen = "127.0.0.1:" + std::to_string(server_->port());
  const auto taken = WebServer::start(second, backend_);
  ASSERT_FALSE(taken.ok());
  EXPECT_THAT(taken.error().message(), HasSubstr(second.listen));
  second.listen = "nowhere";
  EXPECT_FALSE(WebServer::start(second, backend_).ok());
}

}  // namespace
}  // namespace tideline::web
