#include "coordinator/ledger_options.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "coordinator/web/ledger_recording_text.h"
#include "messages/log/log.h"
#include "messages/model/quantity.h"
#include "storage/files/directory.h"

namespace tideline::program {
namespace {

using model::Result;

constexpr std::int64_t kMostRecordingBytes = std::int64_t{1} << 40;

web::LedgerRecordingNumbers recording_numbers(const ledger_recorder::RecorderCounts& counts) {
  return {.written = counts.written,
          .lost = counts.lost,
          .bytes = counts.bytes,
          .files = counts.files,
          .failing = counts.failing};
}

}  // namespace

Result<std::optional<ledger_recorder::RecorderConfig>> plan_ledger_recording(const LedgerArguments& arguments) {
  using Plan = std::optional<ledger_recorder::RecorderConfig>;
  if (arguments.directory.empty()) {
    if (arguments.size_given) return model::invalid("--record-ledger-size: want --record-ledger as well");
    return Plan();
  }
  const auto size = model::parse_bytes(arguments.size);
  if (!size) return size.error().in("--record-ledger-size");
  if (size->value() < static_cast<std::int64_t>(ledger_recorder::kLeastRecordingBytes) ||
      size->value() > kMostRecordingBytes) {
    return model::invalid(fmt::format("--record-ledger-size {}: want 16Mi to 1Ti", arguments.size));
  }
  ledger_recorder::RecorderConfig config;
  config.directory = arguments.directory;
  config.max_bytes = static_cast<std::uint64_t>(size->value());
  return Plan(std::move(config));
}

Result<std::shared_ptr<ledger_recorder::LedgerRecorder>> start_ledger_recording(
    const std::optional<ledger_recorder::RecorderConfig>& plan, web::SwitchedBackend& shown) {
  if (!plan) return std::shared_ptr<ledger_recorder::LedgerRecorder>();
  if (const auto made = files::make_directory(plan->directory); !made) return made.error().in("--record-ledger");
  auto started = ledger_recorder::LedgerRecorder::start(*plan);
  if (!started) return started.error().in("--record-ledger");
  shown.add([recorder = *started] { return web::ledger_recording_text(recording_numbers(recorder->counts())); });
  log::info("ledger-recording", "what the ledger rests on is recorded in {}, {} MiB at most", plan->directory,
            plan->max_bytes >> 20U);
  return started;
}

}  // namespace tideline::program
