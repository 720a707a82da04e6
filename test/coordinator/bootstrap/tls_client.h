#pragma once
// A client of TLS that sends whatever bytes a test wants, and shows no certificate.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tideline::bootstrap {

class TlsClient {
 public:
  struct Options {
    std::string ca_file;  // that must have signed the server's certificate
    std::string server_name = "coordinator.tideline";
    bool is_tls12 = false;  // and nothing newer
  };
  /// Connects, and shakes hands where `shakes`. Waits for nothing longer than a generous while.
  TlsClient(std::uint16_t port, const Options& options, bool shakes = true);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// "" = the handshake was good.
  const std::string& problem() const { return problem_; }
  void send(std::string_view bytes) const;
  /// Without TLS.
  void send_raw(std::string_view bytes) const;
  /// Says that nothing more will come.
  void finish() const;
  /// All that comes until the server closes.
  std::string rest() const;
  /// Waits until the server closes the connection whose hands were not shaken.
  void wait_for_end() const;
  /// Hangs up.
  void leave();

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::string problem_;
};

}  // namespace tideline::bootstrap
