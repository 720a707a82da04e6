#pragma once
// Stores of known reports: made in this process, and looked through by it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/rocks/rocks_store.h"

namespace tideline::test {

/// Appends the reports of minutes [from, to) of the nodes 0..nodes-1, whose numbers go on from `seq`, of incarnation 1.
void append_known(rocks::RocksStore& store, std::size_t nodes, std::int64_t from, std::int64_t to, std::uint64_t seq);
/// Folds the hours that end by that minute.
void fold_known(rocks::RocksStore& store, std::int64_t to);

/// Makes the store one of format 2, as it was before history had tiers: what format 3 brought goes. Reports must all be
/// there still.
void make_format_two(const std::string& directory);

/// Of one node and the last three days, folded and not.
struct Counted {
  std::uint64_t reports = 0;   // that the tier of a minute counts
  std::uint64_t quarters = 0;  // and that of 15 minutes
  std::uint64_t wrong = 0;     // minutes whose CPU is not what was told
  std::uint64_t minutes = 0;
};
Counted count_known(const rocks::RocksStore& store, std::size_t node);

/// What a walk over all of it finds, a line each.
std::vector<std::string> findings_of(const rocks::RocksStore& store);

/// The store of a coordinator's data directory, as the coordinator opens it; throws std::runtime_error where it cannot.
std::unique_ptr<rocks::RocksStore> open_history(const std::string& data_dir);

}  // namespace tideline::test
