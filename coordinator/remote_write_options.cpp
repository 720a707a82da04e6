#include "coordinator/remote_write_options.h"

#include <chrono>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "coordinator/remote_write/credentials.h"
#include "coordinator/remote_write/endpoint.h"
#include "coordinator/web/remote_write_text.h"
#include "messages/log/log.h"
#include "messages/model/quantity.h"

namespace tideline::program {
namespace {

using model::Result;

constexpr auto kShortestInterval = std::chrono::milliseconds(100);
constexpr auto kLongestInterval = std::chrono::minutes(5);
constexpr auto kLeastMaxAge = std::chrono::minutes(1);
constexpr std::int64_t kSmallestQueue = 1 << 20;
constexpr std::int64_t kLargestQueue = std::int64_t{16} << 30;

/// An option that would be dropped in silence.
Result<void> check_nothing_given(const RemoteWriteArguments& arguments) {
  const RemoteWriteArguments untouched;
  struct Option {
    const char* name;
    const std::string& value;
    const std::string& before;
  };
  for (const auto& [name, value, before] :
       {Option{"--remote-write-series", arguments.series, untouched.series},
        Option{"--remote-write-labels", arguments.labels, untouched.labels},
        Option{"--remote-write-ca", arguments.ca, untouched.ca},
        Option{"--remote-write-cert", arguments.certificate, untouched.certificate},
        Option{"--remote-write-key", arguments.key, untouched.key},
        Option{"--remote-write-token-file", arguments.token_file, untouched.token_file},
        Option{"--remote-write-basic-auth-file", arguments.basic_auth_file, untouched.basic_auth_file},
        Option{"--remote-write-interval", arguments.interval, untouched.interval},
        Option{"--remote-write-queue", arguments.queue, untouched.queue},
        Option{"--remote-write-max-age", arguments.max_age, untouched.max_age}}) {
    if (value != before) {
      return model::invalid(fmt::format("{} {}: nothing is to be sent: give --remote-write-url", name, value));
    }
  }
  return {};
}

Result<void> take_numbers(const RemoteWriteArguments& arguments, remote_write::RemoteWriteConfig& config) {
  const auto interval = model::parse_duration(arguments.interval);
  if (!interval) return interval.error().in("--remote-write-interval");
  if (*interval < kShortestInterval || *interval > kLongestInterval) {
    return model::invalid(fmt::format("--remote-write-interval {}: want 100ms to 5m", arguments.interval));
  }
  const auto queue = model::parse_bytes(arguments.queue);
  if (!queue) return queue.error().in("--remote-write-queue");
  if (queue->value() < kSmallestQueue || queue->value() > kLargestQueue) {
    return model::invalid(fmt::format("--remote-write-queue {}: want 1Mi to 16Gi", arguments.queue));
  }
  const auto max_age = model::parse_duration(arguments.max_age);
  if (!max_age) return max_age.error().in("--remote-write-max-age");
  if (*max_age < kLeastMaxAge) {
    return model::invalid(fmt::format("--remote-write-max-age {}: want at least 1m", arguments.max_age));
  }
  config.interval = *interval;
  config.queue_bytes = static_cast<std::size_t>(queue->value());
  config.max_age = *max_age;
  return {};
}

web::RemoteWriteNumbers numbers_of(const remote_write::WriterCounts& counts) {
  const auto& samples = counts.samples;
  const auto& answers = counts.answers;
  return {{{"sent", samples.sent},
           {"refused", samples.refused},
           {"dropped", samples.dropped},
           {"old", samples.old},
           {"late", samples.late},
           {"left_out", samples.left_out}},
          {{"taken", answers.taken},
           {"busy", answers.busy},
           {"failed", answers.failed},
           {"refused", answers.refused},
           {"none", answers.none}},
          counts.queued_bytes,
          counts.queued_samples,
          counts.newest};
}

}  // namespace

Result<std::optional<remote_write::RemoteWriteConfig>> plan_remote_write(const RemoteWriteArguments& arguments) {
  if (arguments.url.empty()) {
    if (const auto nothing = check_nothing_given(arguments); !nothing) return nothing.error();
    return std::optional<remote_write::RemoteWriteConfig>();
  }
  remote_write::RemoteWriteConfig config;
  config.url = arguments.url;
  const auto endpoint = remote_write::endpoint_from(arguments.url);
  if (!endpoint) return endpoint.error().in("--remote-write-url");
  auto series = prometheus::SeriesChoice::from(arguments.series);
  if (!series) return series.error().in("--remote-write-series");
  config.series.series = *series;
  auto labels = prometheus::node_labels_from(arguments.labels);
  if (!labels) return labels.error().in("--remote-write-labels");
  config.series.labels = *std::move(labels);
  config.ca_file = arguments.ca;
  config.certificate_file = arguments.certificate;
  config.key_file = arguments.key;
  config.token_file = arguments.token_file;
  config.basic_auth_file = arguments.basic_auth_file;
  config.user_agent = fmt::format("tideline-coordinator/{}", TIDELINE_VERSION);
  if (const auto good = take_numbers(arguments, config); !good) return good.error();
  if (const auto good = remote_write::check_together(config, *endpoint); !good) {
    return good.error().in("--remote-write-url");
  }
  return std::optional<remote_write::RemoteWriteConfig>(std::move(config));
}

Result<std::shared_ptr<remote_write::RemoteWriter>> start_remote_write(
    const std::optional<remote_write::RemoteWriteConfig>& plan, web::SwitchedBackend& shown) {
  if (!plan) return std::shared_ptr<remote_write::RemoteWriter>();
  auto started = remote_write::RemoteWriter::start(*plan);
  if (!started) return started.error().in("remote write");
  std::shared_ptr<remote_write::RemoteWriter> writer = *std::move(started);
  shown.add([writer] { return web::remote_write_text(numbers_of(writer->counts())); });
  if (const auto endpoint = remote_write::endpoint_from(plan->url)) {
    log::info("remote-write", "series are sent to {}", remote_write::shown(*endpoint));
  }
  return writer;
}

}  // namespace tideline::program
