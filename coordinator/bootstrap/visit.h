#pragma once
// One connection: handshake, one request, one answer, each within a time. On the loop's thread only.

#include <cstddef>
#include <string>
#include <variant>

#include <kj/async-io.h>
#include <kj/compat/http.h>
#include <kj/timer.h>

#include "coordinator/bootstrap/desk.h"
#include "coordinator/bootstrap/request.h"

namespace tideline::bootstrap {

/// The headers that count.
class HeaderTable {
 public:
  HeaderTable() : HeaderTable(kj::HttpHeaderTable::Builder()) {}
  const kj::HttpHeaderTable& table() const { return *table_; }
  Head head_of(const kj::HttpInputStream::Request& request) const;

 private:
  explicit HeaderTable(kj::HttpHeaderTable::Builder builder)
      : authorization_(builder.add("Authorization")), table_(builder.build()) {}

  kj::HttpHeaderId authorization_;
  kj::Own<kj::HttpHeaderTable> table_;
};

class Visit {
 public:
  /// All outlive it. `deadline` is for the handshake, for the request, and for the answer's way out.
  Visit(kj::Timer& timer, const HeaderTable& headers, Desk& desk, kj::Duration deadline, std::string peer);

  /// To be called once. Must not outlive this.
  kj::Promise<void> serve(kj::Own<kj::AsyncIoStream> raw);

 private:
  using Heard = std::variant<Question, Answer>;

  kj::Promise<void> converse(kj::Own<kj::AsyncIoStream> stream);
  kj::Promise<Heard> hear();
  kj::Promise<Heard> read();
  kj::Promise<Answer> answer(Heard heard);
  kj::Promise<void> send(const Answer& answer);
  kj::Promise<void> discard(std::size_t so_far);

  kj::Timer& timer_;
  const HeaderTable& headers_;
  Desk& desk_;
  const kj::Duration deadline_;
  const std::string peer_;
  int fd_ = -1;  // of stream_
  kj::Own<kj::AsyncIoStream> stream_;
  kj::Own<kj::HttpInputStream> input_;
  kj::Own<kj::AsyncInputStream> body_;
  Question question_;
  bool is_all_read_ = false;
  std::string bytes_;  // of the answer
  char waste_[4096];
};

}  // namespace tideline::bootstrap
