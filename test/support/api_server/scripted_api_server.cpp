#include "test/support/api_server/scripted_api_server.h"

#include <algorithm>
#include <cctype>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <iterator>
#include <list>
#include <mutex>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <kj/async-io.h>
#include <kj/compat/tls.h>
#include <kj/vector.h>

#include "messages/codec/kj_text.h"
#include "messages/link/kj_accept.h"
#include "messages/link/kj_thread.h"

namespace tideline::test {
namespace {

using codec::ptr;
using End = ScriptedReply::End;

std::string text_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw std::runtime_error("scripted API server: " + path + ": unreadable");
  return text.str();
}

std::string what_of(const SeenRequest& request) {
  return request.method + " " + request.target;
}

/// The script and what came, for the loop and the test.
class Script {
 public:
  using Compute = std::function<ScriptedReply(const SeenRequest&)>;

  void add(const std::string& what, Compute answer, bool always) {
    const std::lock_guard lock(mutex_);
    entries_.push_back({what, std::move(answer), always});
  }

  ScriptedReply take(const SeenRequest& request) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(request);
    changed_.notify_all();
    const std::string what = what_of(request);
    const auto entry =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& each) { return what.starts_with(each.what); });
    if (entry == entries_.end()) {
      return json_reply(404, R"({"kind":"Status","code":404,"reason":"NotFound","message":"no such script"})");
    }
    ScriptedReply reply = entry->answer(request);
    if (!entry->always) entries_.erase(entry);
    return reply;
  }

  bool wait_for(const std::string& what, std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&]() { return matching(what).size() >= count; });
  }

  std::vector<SeenRequest> seen(const std::string& what) {
    const std::lock_guard lock(mutex_);
    return matching(what);
  }

 private:
  struct Entry {
    std::string what;
    Compute answer;
    bool always = false;
  };

  std::vector<SeenRequest> matching(const std::string& what) const {
    std::vector<SeenRequest> found;
    std::copy_if(seen_.begin(), seen_.end(), std::back_inserter(found),
                 [&](const SeenRequest& request) { return what_of(request).starts_with(what); });
    return found;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Entry> entries_;
  std::vector<SeenRequest> seen_;
};

/// Takes the first request off `text`, if all of it is there.
std::optional<SeenRequest> take_request(std::string& text) {
  const auto head_end = text.find("\r\n\r\n");
  if (head_end == std::string::npos) return std::nullopt;
  SeenRequest request;
  std::istringstream head(text.substr(0, head_end + 2));
  std::string line;
  std::getline(head, line);
  std::istringstream first(line);
  first >> request.method >> request.target;
  while (std::getline(head, line)) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto from = line.find_first_not_of(' ', colon + 1);
    const auto to = line.find_last_not_of('\r');
    request.headers[name] = from == std::string::npos || to < from ? "" : line.substr(from, to - from + 1);
  }
  const std::string length = request.header("content-length");
  const std::size_t body_size = length.empty() ? 0 : std::stoul(length);
  const std::size_t body_begin = head_end + 4;
  if (text.size() < body_begin + body_size) return std::nullopt;
  request.body = text.substr(body_begin, body_size);
  text.erase(0, body_begin + body_size);
  return request;
}

class Connection {
 public:
  Connection(kj::Own<kj::AsyncIoStream> stream, kj::Timer& timer, Script& script, std::size_t number)
      : stream_(kj::mv(stream)), timer_(timer), script_(script), number_(number) {}

  kj::Promise<void> serve() {
    if (auto request = take_request(text_)) {
      request->connection = number_;
      reply_ = script_.take(*request);
      return play(0).then([this]() -> kj::Promise<void> {
        switch (reply_.end) {
          case End::kNextRequest:
            return serve();
          case End::kHold:
            return drain();
          case End::kClose:
            break;
        }
        return kj::READY_NOW;
      });
    }
    return stream_->tryRead(buffer_, 1, sizeof buffer_).then([this](std::size_t size) -> kj::Promise<void> {
      if (size == 0) return kj::READY_NOW;
      text_.append(buffer_, size);
      return serve();
    });
  }

 private:
  kj::Promise<void> play(std::size_t index) {
    if (index >= reply_.pieces.size()) return kj::READY_NOW;
    const std::string& piece = reply_.pieces[index];
    return stream_->write(piece.data(), piece.size())
        .then([this]() { return timer_.afterDelay(reply_.between.count() * kj::MILLISECONDS); })
        .then([this, index]() {
          const bool again = reply_.repeat_last_piece && index + 1 == reply_.pieces.size();
          return play(again ? index : index + 1);
        });
  }

  kj::Promise<void> drain() {
    return stream_->tryRead(buffer_, 1, sizeof buffer_).then([this](std::size_t size) -> kj::Promise<void> {
      if (size == 0) return kj::READY_NOW;
      return drain();
    });
  }

  kj::Own<kj::AsyncIoStream> stream_;
  kj::Timer& timer_;
  Script& script_;
  const std::size_t number_;
  std::string text_;
  char buffer_[8 * 1024];
  ScriptedReply reply_;
};

kj::Own<kj::TlsContext> make_tls(const ScriptedApiServer::Tls& tls) {
  const std::string certificate = text_of_file(tls.own.certificate);
  const std::string key = text_of_file(tls.own.key);
  const kj::TlsKeypair own{kj::TlsPrivateKey(ptr(key)), kj::TlsCertificate(ptr(certificate))};
  kj::Vector<kj::TlsCertificate> trusted;
  if (!tls.client_ca.empty()) {
    const std::string ca = text_of_file(tls.client_ca);
    trusted.add(ptr(ca));
  }
  kj::TlsContext::Options options;
  options.useSystemTrustStore = false;
  options.verifyClients = !tls.client_ca.empty();
  options.trustedCertificates = trusted;
  options.defaultKeypair = own;
  return kj::heap<kj::TlsContext>(kj::mv(options));
}

/// Everything that lives on the loop.
class Loop final : private kj::TaskSet::ErrorHandler {
 public:
  Loop(link::KjContext& context, int fd, const ScriptedApiServer::Tls& tls, Script& script)
      : timer_(context.timer),
        script_(script),
        tls_(make_tls(tls)),
        tasks_(*this),
        accept_(context, fd, "scripted API server", [this](kj::Own<kj::AsyncIoStream> raw) { greet(kj::mv(raw)); }) {}

 private:
  void greet(kj::Own<kj::AsyncIoStream> raw) {
    tasks_.add(tls_->wrapServer(kj::mv(raw)).then([this](kj::Own<kj::AsyncIoStream> stream) {
      auto connection = kj::heap<Connection>(kj::mv(stream), timer_, script_, ++connections_);
      auto served = connection->serve();
      return served.attach(kj::mv(connection));
    }));
  }

  // Clients that refuse our certificate, or leave in the middle: what the tests are about.
  void taskFailed(kj::Exception&&) override {}

  kj::Timer& timer_;
  Script& script_;
  kj::Own<kj::TlsContext> tls_;
  std::size_t connections_ = 0;
  kj::TaskSet tasks_;
  link::AcceptLoop accept_;
};

}  // namespace

std::string SeenRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

ScriptedReply json_reply(unsigned status, const std::string& body, const std::string& headers) {
  return raw_reply(
      fmt::format("HTTP/1.1 {} Scripted\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{}", status,
                  headers, body.size(), body),
      End::kNextRequest);
}

ScriptedReply watch_reply(const std::vector<std::string>& lines, End end) {
  ScriptedReply reply;
  reply.pieces.emplace_back("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const auto& line : lines)
    reply.pieces.push_back(fmt::format("{:x}\r\n{}\n\r\n", line.size() + 1, line));
  if (end == End::kNextRequest) reply.pieces.emplace_back("0\r\n\r\n");
  reply.end = end;
  return reply;
}

ScriptedReply raw_reply(const std::string& bytes, End end) {
  ScriptedReply reply;
  if (!bytes.empty()) reply.pieces.push_back(bytes);
  reply.end = end;
  return reply;
}

class ScriptedApiServer::Impl {
 public:
  Impl(const Tls& tls, std::uint16_t port) : thread_("scripted-api") {
    const auto socket = link::bind_to(fmt::format("127.0.0.1:{}", port));
    if (!socket) throw std::runtime_error("scripted API server: " + socket.error().message());
    port_ = socket->port;
    const auto made = thread_.call([&](link::KjContext& context) -> model::Result<void> {
      loop_ = std::make_unique<Loop>(context, socket->fd, tls, script_);
      return {};
    });
    if (!made) throw std::runtime_error("scripted API server: " + made.error().message());
  }
  ~Impl() {
    thread_.stop([this](link::KjContext&) { loop_.reset(); });
  }

  std::uint16_t port_ = 0;
  Script script_;
  std::unique_ptr<Loop> loop_;
  link::KjThread thread_;
};

ScriptedApiServer::ScriptedApiServer(const Tls& tls, std::uint16_t port) : impl_(std::make_unique<Impl>(tls, port)) {}

ScriptedApiServer::~ScriptedApiServer() = default;

std::uint16_t ScriptedApiServer::port() const {
  return impl_->port_;
}

void ScriptedApiServer::on(const std::string& what, ScriptedReply reply) {
  impl_->script_.add(
      what, [given = std::move(reply)](const SeenRequest&) { return given; }, false);
}

void ScriptedApiServer::always(const std::string& what, ScriptedReply reply) {
  impl_->script_.add(
      what, [given = std::move(reply)](const SeenRequest&) { return given; }, true);
}

void ScriptedApiServer::compute(const std::string& what, std::function<ScriptedReply(const SeenRequest&)> answer) {
  impl_->script_.add(what, std::move(answer), true);
}

bool ScriptedApiServer::wait_for(const std::string& what, std::size_t count) const {
  return impl_->script_.wait_for(what, count);
}

std::vector<SeenRequest> ScriptedApiServer::seen(const std::string& what) const {
  return impl_->script_.seen(what);
}

}  // namespace tideline::test
