#pragma once
// The open-loop client: sends when the schedule says, counts each latency from that very moment.

#include <chrono>
#include <cstdint>
#include <string>

#include "deploy/demo/loadgen/latency.h"
#include "deploy/demo/loadgen/schedule.h"
#include "messages/model/result.h"

namespace tideline::loadgen {

struct LoadPlan {
  std::string host = "127.0.0.1";  // literal IPv4 or IPv6 address
  std::uint16_t port = 0;
  std::string path = "/";
  double requests_per_second = 100;
  Arrivals arrivals = Arrivals::kConstant;
  Bursts bursts = {};
  std::uint64_t seed = 1;
  int connections = 32;
  std::chrono::nanoseconds warm_up = std::chrono::seconds(1);    // sent, not counted
  std::chrono::nanoseconds duration = std::chrono::seconds(10);  // counted
  std::chrono::nanoseconds timeout = std::chrono::seconds(5);    // from the intended send time
};

/// What happened to the requests whose intended send time lay in the counted part. sent = ok + timeouts + errors.
struct LoadResult {
  std::uint64_t sent = 0;
  std::uint64_t ok = 0;        // status 200, whole body
  std::uint64_t timeouts = 0;  // given up; in `latency` with the time waited until then
  std::uint64_t errors = 0;    // any other status, broken connection or malformed response; not in `latency`
  std::uint64_t queued = 0;    // waited in the client because every connection was busy
  LatencyLog latency;          // response end - intended send time
  LatencyLog send_lag;         // real - intended send time of requests that found an idle connection
  double achieved_per_second = 0;
  double cpu_seconds = 0;  // of this process, over the counted part
  std::string first_error;
};

/// Runs the plan to its end: until every request is answered, failed or timed out. Single-threaded. Errors:
/// kInvalidArgument for the plan, kUnavailable when nobody listens at the start.
model::Result<LoadResult> run_load(const LoadPlan& plan);

}  // namespace tideline::loadgen
