#include "test/coordinator/bootstrap/tls_client.h"

#include <csignal>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace tideline::bootstrap {

struct TlsClient::State {
  int fd = -1;
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;

  ~State() {
    SSL_free(ssl);
    SSL_CTX_free(context);
    if (fd >= 0) ::close(fd);
  }
};

TlsClient::TlsClient(std::uint16_t port, const Options& options, bool shakes) : state_(std::make_unique<State>()) {
  // OpenSSL writes to sockets that the other end has closed.
  std::signal(SIGPIPE, SIG_IGN);
  state_->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{20, 0};
  ::setsockopt(state_->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(state_->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(state_->fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    throw std::runtime_error("cannot connect");
  }
  if (!shakes) return;
  state_->context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(state_->context, SSL_VERIFY_PEER, nullptr);
  if (options.is_tls12) SSL_CTX_set_max_proto_version(state_->context, TLS1_2_VERSION);
  if (SSL_CTX_load_verify_locations(state_->context, options.ca_file.c_str(), nullptr) != 1) {
    throw std::runtime_error(options.ca_file + ": no authorities");
  }
  state_->ssl = SSL_new(state_->context);
  SSL_set1_host(state_->ssl, options.server_name.c_str());
  SSL_set_fd(state_->ssl, state_->fd);
  ERR_clear_error();
  if (SSL_connect(state_->ssl) == 1) return;
  const char* reason = ERR_reason_error_string(ERR_get_error());
  problem_ = reason == nullptr ? "no reason given" : reason;
}

TlsClient::~TlsClient() = default;

void TlsClient::send(std::string_view bytes) const {
  // That the server closes meanwhile is what some tests are about.
  if (!bytes.empty()) static_cast<void>(SSL_write(state_->ssl, bytes.data(), static_cast<int>(bytes.size())));
}

void TlsClient::send_raw(std::string_view bytes) const {
  static_cast<void>(::send(state_->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

void TlsClient::finish() const {
  static_cast<void>(SSL_shutdown(state_->ssl));
}

std::string TlsClient::rest() const {
  std::string all;
  char buffer[4096];
  int got = 0;
  while ((got = SSL_read(state_->ssl, buffer, sizeof buffer)) > 0)
    all.append(buffer, static_cast<std::size_t>(got));
  return all;
}

void TlsClient::wait_for_end() const {
  char buffer[4096];
  while (::recv(state_->fd, buffer, sizeof buffer, 0) > 0) {
  }
}

void TlsClient::leave() {
  state_ = std::make_unique<State>();
}

}  // namespace tideline::bootstrap
