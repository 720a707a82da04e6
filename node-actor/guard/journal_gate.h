#pragma once
// The gate before every kernel write of the worker: first the fence, then the journal.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "node-actor/guard/journal.h"
#include "node-actor/guard/lease.h"
#include "node-actor/kernel/writer.h"

namespace tideline::guard {

/// What is to be journaled for a write beside the original.
struct Declaration {
  RestoreClass restore_class = RestoreClass::kRestore;
  std::string safe_value;  // in the file's own spelling; for kRestore it must not be empty unless the original is
  /// A file of the same group whose safe value is reckoned by what this write changes: declared anew, if it is
  /// journaled, before this file is.
  struct Beside {
    std::string file;
    std::string safe_value;
  };
  std::optional<Beside> beside = {};
};
/// Decides it, from the write and the file's original.
using Declare = std::function<Declaration(const model::KernelWrite& write, const std::string& original)>;

/// A value in one of our files that neither we nor the original explain.
struct Drift {
  kernel::FileIdentity file;
  std::string found;
};

class JournalGate : public kernel::WriteGate {
 public:
  /// All three must outlive the gate.
  JournalGate(Journal& journal, const Lease& lease, Declare declare);
  /// kFenced once another owner holds the lease: the worker must stop. kUnavailable when the original cannot be made
  /// durable: then the file is not written. When only a changed safe value cannot, the one of before stays, trouble is
  /// remembered and the write goes on. A foreign value is remembered as drift and the write goes on; the original to
  /// return to stays the one found first. A write to cpu.idle journals the group's weight, too (idle_weight.h).
  model::Result<void> before_write(const kernel::FileIdentity& file, const std::string& current,
                                   const model::KernelWrite& write) override;
  /// The drifts since the last call.
  std::vector<Drift> take_drifts();
  /// The last trouble since the last call that stopped no write; a lasting one comes again with each write.
  std::optional<model::Error> take_trouble();

 private:
  model::Result<void> declare_beside(const kernel::FileIdentity& file, const Declaration& declared);
  model::Result<void> journal_weight(const kernel::FileIdentity& idle, const std::string& value);

  Journal& journal_;
  const Lease& lease_;
  Declare declare_;
  std::vector<Drift> drifts_;
  std::optional<model::Error> trouble_;
};

}  // namespace tideline::guard
