#include "coordinator/web/remote_write_text.h"

#include "coordinator/web/exposition.h"

namespace tideline::web {

std::string remote_write_text(const RemoteWriteNumbers& numbers) {
  using Type = Exposition::Type;
  Exposition out;
  out.family("tideline_remote_write_samples_total", Type::kCounter,
             "Samples for remote write by what became of them; those that wait are in none.");
  for (const auto& [outcome, count] : numbers.samples)
    out.sample(static_cast<double>(count), {{"outcome", outcome}});
  out.family("tideline_remote_write_requests_total", Type::kCounter, "Requests of remote write by their answers.");
  for (const auto& [answer, count] : numbers.answers)
    out.sample(static_cast<double>(count), {{"answer", answer}});
  out.one("tideline_remote_write_queue_bytes", Type::kGauge, "Requests of remote write that wait, compressed.",
          static_cast<double>(numbers.queued_bytes));
  out.one("tideline_remote_write_queue_samples", Type::kGauge, "Samples in them.",
          static_cast<double>(numbers.queued_samples));
  out.one("tideline_remote_write_newest_timestamp_seconds", Type::kGauge,
          "Time of the newest sample that was taken; 0: none was.", static_cast<double>(numbers.newest.ms) / 1000);
  return out.take();
}

}  // namespace tideline::web
