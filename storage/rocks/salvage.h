#pragma once
// A store made of what can be read of a damaged one.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::rocks {

/// Rows that were not what was written, or that the disk did not give.
struct SalvageLoss {
  std::string kind;   // the family's name; "log"
  std::string where;  // as a finding of verify_slice(): keys around them, file and offset if known
  std::string what;   // what is wrong there
  // As far as the keys around them tell:
  model::NodeName node;                  // "" = not of one alone
  std::optional<model::WallTime> from;   // none is from before
  std::optional<model::WallTime> until;  // and none from behind
  std::optional<std::uint64_t> at_most;  // so many rows
};

struct SalvagedKind {
  std::string_view name;
  std::uint64_t rows = 0;      // that the new store has
  std::uint64_t made = 0;      // of them, those that were put together from others
  std::uint64_t damaged = 0;   // stretches that cannot be read, and rows that do not parse
  std::uint64_t left_out = 0;  // rows that say nothing without one that is lost
};

struct Salvaged {
  std::vector<SalvagedKind> kinds;
  std::uint64_t rows = 0;           // of all kinds
  std::uint64_t bytes = 0;          // that were read, keys and values
  std::vector<SalvageLoss> losses;  // the first 10,000
  std::uint64_t more_losses = 0;

  bool is_whole() const { return losses.empty(); }
};

struct SalvageProgress {
  std::string_view kind;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t losses = 0;
};

/// Makes the store `to` of what can be read of the store `from`, which stays as it is, and which nobody can open to
/// write meanwhile. Each row that can be read and parses is in it, but for those that say nothing without one that is
/// lost: sketches without their table, marks without their report. Within a stretch that one file makes unreadable
/// these are the rows of all others, or, where rows are written more than once, of those that are newer. Made anew are:
/// counts of tables; the counter of events; the sequence numbers of a node, where they are lost, so that no number up
/// to the highest of its reports and events is taken again; how far a node is folded, where that is lost, by the newest
/// row of its tables, so that none of its reports is folded twice. verify_slice() has no findings in it.
///
/// `to` must not be there or be empty: kInvalidArgument. It appears at once and whole, at the end: what a killed one
/// leaves is beside it as TO.salvaging. kUnavailable: a process has `from` open, the disk refuses, or `progress`
/// returned false; nothing stays then. kMalformed: its manifest is damaged, or it cannot even be opened for
/// verification. kUnsupported: of an older format, or on its way from one.
model::Result<Salvaged> salvage(const std::string& from, const std::string& to,
                                const std::function<bool(const SalvageProgress&)>& progress = {});

}  // namespace tideline::rocks
