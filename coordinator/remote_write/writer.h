#pragma once
// Prometheus remote write: series of reports, sent by a thread of its own to whoever takes them.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "coordinator/prometheus/report_stream.h"
#include "messages/model/report.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::remote_write {

/// Files are looked at before each request and read again when they changed, or when the answer is 401; bad ones leave
/// the old in use.
struct RemoteWriteConfig {
  std::string url;  // "http://host:9090/api/v1/write", "https://…"
  /// `after` is the time of the start, if that is later.
  prometheus::StreamOptions series;
  std::string ca_file;           // PEM; "" = the system's authorities. The server's certificate is always verified
  std::string server_name;       // that it must hold; "" = the URL's host
  std::string certificate_file;  // PEM, with key_file: our own
  std::string key_file;
  std::string token_file;       // a bearer token; or
  std::string basic_auth_file;  // USER:PASSWORD
  std::string user_agent = "tideline-coordinator";
  model::Duration interval = std::chrono::seconds(5);  // what is there is sent so often, full or not
  std::size_t batch_bytes = 1 << 20;                   // of a request before it is compressed; a report goes beyond
  std::size_t queue_bytes = 64 << 20;                  // of compressed requests that wait; the newest always does
  /// No sample that is older is sent: Prometheus' head takes none that is an hour behind its newest, and refuses a
  /// whole request for it. Reports older than half of it are not taken, and none waits for longer than the other half.
  model::Duration max_age = std::chrono::minutes(50);
  model::Duration connect_deadline = std::chrono::seconds(10);
  model::Duration request_deadline = std::chrono::seconds(30);
  model::Duration backoff_min = std::chrono::milliseconds(500);
  model::Duration backoff_max = std::chrono::seconds(30);
  model::Duration longest_hold = std::chrono::seconds(60);  // however long a Retry-After asks for
  model::Duration stop_within = std::chrono::seconds(3);
  model::Duration stop_grace = std::chrono::seconds(2);  // then, for the thread to end
  std::uint64_t seed = 0;                                // of the jitter; 0 = from the system's entropy
};

/// Of the writer's life, for metrics.
struct WriterCounts {
  /// Samples by what became of them. What is queued, and in the request that is not full yet, is in none of these.
  struct Samples {
    std::uint64_t sent = 0;
    std::uint64_t refused = 0;   // with their request, for good: 3xx and 4xx but 429
    std::uint64_t dropped = 0;   // for room in the queue, or for the end of the process
    std::uint64_t old = 0;       // max_age
    std::uint64_t late = 0;      // for their order (prometheus::Appended)
    std::uint64_t left_out = 0;  // likewise
  } samples;
  /// Requests by their answers, each attempt.
  struct Answers {
    std::uint64_t taken = 0;    // 2xx
    std::uint64_t busy = 0;     // 429
    std::uint64_t failed = 0;   // 5xx
    std::uint64_t refused = 0;  // others
    std::uint64_t none = 0;     // no connection, a deadline, no HTTP
  } answers;
  std::uint64_t queued_bytes = 0;  // now, with the request that is on its way
  std::uint64_t queued_samples = 0;
  model::WallTime newest;  // of all samples that were sent; 0 = none was
};

/// What can be said of it before anything is sent, files included. kInvalidArgument names what does not fit together,
/// read_small_file's errors a file. A server that is away is no error. No error shows a token, a password, or the part
/// of the URL that could hold one.
model::Result<void> check(const RemoteWriteConfig& config);

/// All methods may be called from any thread.
///
/// One request is on its way at a time, so that samples come in their order. Answers of 429 and 5xx, and connections
/// that fail, make it be sent again: after a jittered back-off, and not before a Retry-After. Whatever else is no 2xx
/// is for good: the request is dropped. Trouble is logged at most every ten seconds.
class RemoteWriter {
 public:
  /// The errors of check().
  static model::Result<std::unique_ptr<RemoteWriter>> start(RemoteWriteConfig config);
  ~RemoteWriter();  // stop()
  RemoteWriter(const RemoteWriter&) = delete;
  RemoteWriter& operator=(const RemoteWriter&) = delete;

  /// A live report that is stored, with its corrected time. Waits for nobody but for others that offer at the same
  /// moment.
  void offer(const model::Report& report, model::WallTime at);
  WriterCounts counts() const;
  /// Sends what is there, until an attempt fails and for stop_within at most, then ends the thread. What is offered
  /// from then on is dropped unseen. A thread that something holds up, as a file of a disk that does not answer, is
  /// left to itself after stop_grace more: what it had counts as dropped, and no count changes any more. Again: no
  /// effect.
  void stop();

 private:
  class Impl;
  explicit RemoteWriter(std::shared_ptr<Impl> impl);
  const std::shared_ptr<Impl> impl_;  // its thread's, too, where that was left to itself
};

}  // namespace tideline::remote_write
