#include "node-actor/actor/be_memory.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "messages/log/log.h"
#include "node-actor/kernel/fd.h"
#include "node-actor/kernel/parse.h"

namespace tideline::node {
namespace {

using model::Bytes;
using model::ErrorCode;
using model::Result;

constexpr std::int64_t kMemoryPage = 4096;

/// nullopt: no number; holds nullopt: no limit.
std::optional<std::optional<Bytes>> limit_in(std::string_view text) {
  if (kernel::trimmed(text) == "max") return std::optional<Bytes>();
  const auto number = kernel::parse_number(text);
  if (!number) return std::nullopt;
  return *number < 0 || *number >= kernel::kNoMemoryLimit ? std::optional<Bytes>() : Bytes(*number);
}

bool is_lower(const std::optional<Bytes>& a, const std::optional<Bytes>& b) {
  return a && (!b || *a < *b);
}

Bytes whole_pages(Bytes bytes) {
  return Bytes(std::max<std::int64_t>(bytes.value(), 0) / kMemoryPage * kMemoryPage);
}

}  // namespace

BeMemory::BeMemory(const kernel::CgroupTree& tree, const guard::Journal& journal, guard::SlowWriter& slow,
                   Perform perform, Prepare prepare, Made made)
    : tree_(tree),
      journal_(journal),
      slow_(slow),
      perform_(std::move(perform)),
      prepare_(std::move(prepare)),
      made_(std::move(made)),
      v1_(!tree.is_unified("memory.high")),
      file_(v1_ ? "memory.limit_in_bytes" : "memory.high") {
  look_for_knobs();
  const auto held = look();
  if (!held || !held->original || held->foreign || guard::same_value(held->file.path, held->raw, *held->original)) {
    return;
  }
  inherited_ = true;
  tightened_ = held->bytes;
}

void BeMemory::look_for_knobs() {
  const auto missing = [&](const std::string& file, bool& is_known) -> std::string {
    const auto directory = tree_.directory(tree_.best_effort(), file);
    is_known = true;
    if (!directory) return directory.error().message();
    if (::access((*directory + "/" + file).c_str(), F_OK) == 0) return {};
    // A group that is not there yet says nothing of the kernel.
    is_known = ::access(directory->c_str(), F_OK) == 0;
    return is_known ? fmt::format("{} has no {}", tree_.best_effort(), file) : std::string();
  };
  bool limit_known = false;
  bool reclaim_known = false;
  no_tighten_ = missing(file_, limit_known);
  no_reclaim_ = v1_ ? no_tighten_ : missing("memory.reclaim", reclaim_known);
  knobs_known_ = limit_known && (v1_ || reclaim_known);
}

Result<BeMemory::Held> BeMemory::look() const {
  const auto directory = tree_.directory(tree_.best_effort(), file_);
  if (!directory) return directory.error();
  const auto group = kernel::open_directory(*directory);
  if (!group) return group.error();
  Held held;
  held.file = {.path = *directory + "/" + file_, .device = group->device, .inode = group->inode};
  auto raw = kernel::read_value(held.file.path);
  if (!raw) return raw.error();
  held.raw = std::move(*raw);
  const auto bytes = limit_in(held.raw);
  if (!bytes) return kernel::malformed(held.file.path, held.raw);
  held.bytes = *bytes;
  if (const auto record = journal_.find(held.file)) {
    held.original = record->original;
    const auto ownership = journal_.ownership(held.file, held.raw);
    held.is_told = ownership == guard::Ownership::kForeign;
    held.foreign = held.is_told || (ownership == guard::Ownership::kOriginal && tightened_);
  }
  return held;
}

Result<void> BeMemory::tighten(std::optional<Bytes> limit, model::Reason reason, model::MonoTime now) {
  if (limit) limit = std::max(whole_pages(*limit), Bytes(kMemoryPage));
  const bool is_new = !wanted_ || wanted_->limit != limit;
  wanted_ = Wanted{.limit = limit, .reason = reason};
  if (!limit && !tightened_ && !waits_ && !flight_ && problem_.empty()) return {};
  // Short of what is wanted, on v1 for what the group uses, or by a foreign value.
  const bool is_short = tightened_ != limit && problem_.empty();
  const bool is_due = is_new || is_short || waits_ || !looked_ || now - *looked_ >= kLook;
  return is_due ? push(now) : Result<void>();
}

Result<void> BeMemory::settle(const Result<void>& done) {
  if (done) return {};
  if (done.error().code() == ErrorCode::kFenced) return done.error();
  problem_ = done.error().message();
  return {};
}

void BeMemory::in_force(std::optional<Bytes> limit, model::MonoTime now) {
  tightened_ = limit;
  inherited_ = inherited_ && limit;
  pace_.answered(now);
  problem_.clear();
}

Result<void> BeMemory::push(model::MonoTime now) {
  waits_ = flight_ && (v1_ || !flight_->is_reclaim);
  if (waits_) return {};
  looked_ = now;
  if (!knobs_known_) look_for_knobs();
  if (!no_tighten_.empty()) {
    tightened_.reset();
    return {};
  }
  const auto held = look();
  if (!held) {
    if (held.error().code() != ErrorCode::kNotFound) return settle(held.error());
    // Nothing in a group that is gone is ours.
    tightened_.reset();
    problem_.clear();
    return {};
  }
  const auto own = held->original ? limit_in(*held->original).value_or(std::nullopt) : held->bytes;
  // Nothing of ours is there, or a tighter one of its own.
  auto limit = wanted_->limit;
  if (!is_lower(limit, own)) limit.reset();
  if (!limit && !held->original) {
    in_force(std::nullopt, now);
    return {};
  }
  auto target = limit ? std::to_string(limit->value()) : *held->original;
  auto bytes = limit ? limit : own;
  if (guard::same_value(held->file.path, held->raw, target)) {
    pace_.gone();
    in_force(limit, now);
    return {};
  }
  if (!held->foreign) {
    pace_.gone();
  } else if (!limit) {
    // Whoever wrote over ours may have it so.
    pace_.gone();
    in_force(std::nullopt, now);
    return {};
  } else {
    const bool is_news = pace_.found(now, is_lower(held->bytes, tightened_));
    if (is_news && !held->is_told && tightened_) {
      overwritten_ = Overwritten{.found = held->raw, .ours = std::to_string(tightened_->value())};
    }
    if (pace_.waits(now)) return {};
  }
  const bool falls = is_lower(bytes, held->bytes);
  if (falls && v1_) {
    const auto directory = held->file.path.substr(0, held->file.path.rfind('/'));
    const auto text = kernel::read_value(directory + "/memory.usage_in_bytes");
    const auto used = text ? kernel::parse_number(*text) : std::nullopt;
    if (!used) {
      problem_ = fmt::format("{}: what the group uses is not known", held->file.path);
      return {};
    }
    const auto least = whole_pages(Bytes(*used) + kV1Slack + Bytes(kMemoryPage - 1));
    if (*bytes < least) {
      // What it is held to now is as tight as can be.
      if (!is_lower(least, held->bytes)) {
        if (held->original && !held->foreign) tightened_ = held->bytes;
        return {};
      }
      bytes = least;
      target = std::to_string(least.value());
      if (limit) limit = least;
    }
  }
  const model::KernelWrite write{.group = tree_.best_effort(),
                                 .file = file_,
                                 .value = target,
                                 .controller = model::Controller::kMemoryRelief,
                                 .reason = wanted_->reason};
  return falls ? lower(write, *held, limit, now) : raise(write, limit, now);
}

Result<void> BeMemory::raise(const model::KernelWrite& write, std::optional<Bytes> limit, model::MonoTime now) {
  const auto outcome = perform_(write);
  if (!outcome) return settle(outcome.error());
  in_force(limit, now);
  return {};
}

Result<void> BeMemory::lower(const model::KernelWrite& write, const Held& held, std::optional<Bytes> limit,
                             model::MonoTime now) {
  // On v2 while a reclaim is under way.
  if (flight_ || slow_.busy()) {
    waits_ = true;
    return {};
  }
  const auto prepared = prepare_(write);
  if (!prepared) return settle(prepared.error());
  if (!prepared->changes) {
    in_force(limit, now);
    return {};
  }
  const auto begun = slow_.begin(
      {.kind = guard::SlowRequest::Kind::kWrite, .file = prepared->file, .value = prepared->value, .bytes = 0}, now);
  if (!begun) return settle(begun);
  flight_ = Flight{.is_reclaim = false,
                   .stays = false,
                   .write = write,
                   .file = prepared->file,
                   .before = held.raw,
                   .original = original_of_file(prepared->file),
                   .limit = limit,
                   .asked = Bytes(0)};
  return {};
}

Result<void> BeMemory::reclaim(Bytes bytes, model::MonoTime now) {
  if (!no_reclaim_.empty()) return model::Error(ErrorCode::kUnsupported, no_reclaim_);
  if (busy() || slow_.busy()) {
    return model::Error(ErrorCode::kOverloaded, fmt::format("{}: a write is under way", tree_.best_effort()));
  }
  Flight flight{.is_reclaim = true,
                .stays = false,
                .write = {},
                .file = {},
                .before = {},
                .original = {},
                .limit = tightened_,
                .asked = bytes};
  guard::SlowRequest request{
      .kind = guard::SlowRequest::Kind::kReclaim, .file = {}, .value = {}, .bytes = bytes.value()};
  if (!v1_) {
    const auto directory = tree_.directory(tree_.best_effort(), "memory.reclaim");
    if (!directory) return directory.error();
    const auto group = kernel::open_directory(*directory);
    if (!group) return group.error();
    request.file = {.path = *directory + "/memory.reclaim", .device = group->device, .inode = group->inode};
  } else {
    const auto held = look();
    if (!held) return held.error();
    const auto usage_path = held->file.path.substr(0, held->file.path.rfind('/')) + "/memory.usage_in_bytes";
    const auto text = kernel::read_value(usage_path);
    if (!text) return text.error();
    const auto used = kernel::parse_number(*text);
    if (!used) return kernel::malformed(usage_path, *text);
    auto lowest = whole_pages(Bytes(*used) - bytes);
    // What BE fills again at once is held by what the reclaim goes down to, or never.
    flight.stays = !held->foreign && wanted_ && is_lower(wanted_->limit, held->bytes) && *wanted_->limit < Bytes(*used);
    if (flight.stays) {
      lowest = std::max(lowest, *wanted_->limit);
      request.kind = guard::SlowRequest::Kind::kLower;
      flight.limit = lowest;
    }
    if (lowest.value() <= 0 || !is_lower(lowest, held->bytes)) {
      return model::invalid(
          fmt::format("{}: {} of {} bytes cannot be reclaimed", held->file.path, bytes.value(), *used));
    }
    // The gate knows where the limit goes down to, so that a restore knows that value for ours.
    flight.write = {.group = tree_.best_effort(),
                    .file = file_,
                    .value = std::to_string(lowest.value()),
                    .controller = model::Controller::kMemoryRelief,
                    .reason = flight.stays ? wanted_->reason : model::Reason::kReclaimed};
    const auto prepared = prepare_(flight.write);
    if (!prepared) return prepared.error();
    flight.before = prepared->old_value;
    flight.original = original_of_file(prepared->file);
    request.file = prepared->file;
    request.value = prepared->value;
  }
  flight.file = request.file;
  if (const auto begun = slow_.begin(request, now); !begun) return begun;
  flight_ = std::move(flight);
  return {};
}

std::string BeMemory::original_of_file(const kernel::FileIdentity& file) const {
  const auto record = journal_.find(file);
  return record ? record->original : std::string();
}

std::optional<BeMemory::Reclaimed> BeMemory::poll(model::MonoTime now) {
  const auto done = slow_.poll(now);
  if (stuck_ && slow_.stuck() == 0) {
    // It may have finished its write since.
    stuck_ = false;
    if (!wanted_) wanted_ = Wanted{};
    (void)push(now).ok();
  }
  if (!done || !flight_) return std::nullopt;
  const auto flight = *std::exchange(flight_, std::nullopt);
  std::optional<Reclaimed> reclaimed;
  if (flight.is_reclaim) {
    if (flight.stays) {
      lowered(flight, now);
    } else if (v1_) {
      put_limit_back(flight);
    }
    reclaimed = Reclaimed{.asked = flight.asked,
                          .freed = Bytes(done->freed_bytes),
                          .took = done->took,
                          .error = done->result ? std::nullopt : std::optional(done->result.error())};
  } else {
    tighten_ended(flight, *done, now);
  }
  stuck_ = stuck_ || slow_.stuck() > 0;
  // A fence is told by the next call that writes.
  if (waits_ && wanted_) (void)push(now).ok();
  return reclaimed;
}

void BeMemory::tighten_ended(const Flight& flight, const guard::SlowDone& done, model::MonoTime now) {
  looked_.reset();
  const auto is_written = [&] {
    if (done.result) return true;
    // On v2 it is in force before its reclaim is over.
    const auto raw = kernel::read_value(flight.file.path);
    return raw && guard::same_value(flight.file.path, *raw, flight.write.value);
  };
  if (is_written()) {
    if (made_) made_(flight.write, flight.before);
    in_force(flight.limit, now);
    looked_ = now;
  } else if (done.result.error().code() != ErrorCode::kNotFound) {
    problem_ = done.result.error().message();
  }
}

void BeMemory::lowered(const Flight& flight, model::MonoTime now) {
  looked_.reset();
  // One that came short has left it as it was.
  const auto raw = kernel::read_value(flight.file.path);
  if (!raw || !guard::same_value(flight.file.path, *raw, flight.write.value)) return;
  if (made_) made_(flight.write, flight.before);
  in_force(flight.limit, now);
  looked_ = now;
}

void BeMemory::put_limit_back(const Flight& flight) {
  const auto raw = kernel::read_value(flight.file.path);
  if (!raw || !guard::same_value(flight.file.path, *raw, flight.write.value)) return;
  auto write = flight.write;
  write.value = flight.before;
  const auto outcome = perform_(write);
  if (!outcome && outcome.error().code() != ErrorCode::kNotFound) problem_ = outcome.error().message();
}

void BeMemory::stop() {
  slow_.stop();
  flight_.reset();
}

void BeMemory::forget() {
  const auto flight = std::exchange(flight_, std::nullopt);
  stop();
  // What was under way may have written after the originals were put back, which the journal has forgotten since.
  const auto raw =
      flight && !flight->original.empty() ? kernel::read_value(flight->file.path) : Result<std::string>(std::string());
  const auto holds = [&](const std::string& value) { return raw && guard::same_value(flight->file.path, *raw, value); };
  if (raw && !raw->empty() && (holds(flight->write.value) || holds(flight->before)) && !holds(flight->original)) {
    if (const auto back = kernel::write_identified(flight->file, flight->original); !back) {
      log::warn("be-memory", "{}", back.error().message());
    }
  }
  wanted_.reset();
  tightened_.reset();
  waits_ = inherited_ = stuck_ = false;
  looked_.reset();
  pace_ = {};
  problem_.clear();
}

}  // namespace tideline::node
