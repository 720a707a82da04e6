#include "node-actor/guard/journal_gate.h"

#include <utility>

#include <fmt/format.h>

#include "node-actor/guard/idle_weight.h"

namespace tideline::guard {
namespace {

model::Error fenced(const std::string& path, std::uint64_t epoch) {
  return {model::ErrorCode::kFenced,
          fmt::format("{} not written: epoch {} is over, another owner took the lease", path, epoch)};
}

}  // namespace

JournalGate::JournalGate(Journal& journal, const Lease& lease, Declare declare)
    : journal_(journal), lease_(lease), declare_(std::move(declare)) {}

model::Result<void> JournalGate::before_write(const kernel::FileIdentity& file, const std::string& current,
                                              const model::KernelWrite& write) {
  if (!lease_.still_mine()) return fenced(file.path, lease_.epoch());
  const auto known = journal_.find(file);
  const auto& original = known ? known->original : current;
  const auto declared = declare_(write, original);
  if (declared.restore_class == RestoreClass::kRestore && declared.safe_value.empty() && !original.empty()) {
    return model::Error(model::ErrorCode::kInternal, fmt::format("{} not written: no safe value declared", file.path));
  }
  if (auto beside = declare_beside(file, declared); !beside) {
    return beside.error().in(fmt::format("{} not written", file.path));
  }
  if (auto recorded = journal_.record(file, current, declared.safe_value, declared.restore_class); !recorded) {
    // The original is safe already: a disk that takes no new safe value must not keep BE from being lowered.
    if (!known || recorded.error().code() != model::ErrorCode::kUnavailable) {
      return recorded.error().in(fmt::format("{} not written", file.path));
    }
    trouble_ = recorded.error().in(fmt::format("{} written with the safe value of before", file.path));
  }
  if (auto journaled = journal_weight(file, write.value); !journaled) {
    return journaled.error().in(fmt::format("{} not written", file.path));
  }
  // Not before: what is refused is tried again in the next round, and would be told each time.
  if (known && journal_.ownership(file, current) == Ownership::kForeign) drifts_.push_back({file, current});
  journal_.intend(file, current, write.value);
  // The journal may have waited for the disk: whoever fenced us meanwhile must find the file as it was.
  if (!lease_.still_mine()) return fenced(file.path, lease_.epoch());
  return {};
}

model::Result<void> JournalGate::declare_beside(const kernel::FileIdentity& file, const Declaration& declared) {
  if (!declared.beside) return {};
  const kernel::FileIdentity beside{file.path.substr(0, file.path.rfind('/') + 1) + declared.beside->file, file.device,
                                    file.inode};
  const auto known = journal_.find(beside);
  if (!known) return {};
  return journal_.record(beside, known->original, declared.beside->safe_value, RestoreClass::kRestore);
}

model::Result<void> JournalGate::journal_weight(const kernel::FileIdentity& idle, const std::string& value) {
  const auto weight = weight_taken_by(idle, value);
  if (!weight) return {};
  if (!journal_.find(weight->file)) {
    if (auto recorded = journal_.record(weight->file, weight->current, {}, RestoreClass::kKeep); !recorded) {
      return recorded;
    }
  }
  journal_.intend(weight->file, weight->current, weight->next);
  return {};
}

std::vector<Drift> JournalGate::take_drifts() {
  return std::exchange(drifts_, {});
}

std::optional<model::Error> JournalGate::take_trouble() {
  return std::exchange(trouble_, std::nullopt);
}

}  // namespace tideline::guard
