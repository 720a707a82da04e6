#pragma once
// What a store gives back of exact_report()s, beside what it should.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "storage/rocks/rocks_store.h"
#include "storage/series/fold.h"
#include "test/storage/rocks/exact_reports.h"

namespace tideline::rocks {

struct TableId {
  series::Tier tier = series::Tier::kTenSeconds;
  std::int64_t block_s = 0;
  series::Subject subject;
  friend auto operator<=>(const TableId&, const TableId&) = default;
};
using Tables = std::map<TableId, series::Table>;

inline std::string text_of(const TableId& id) {
  return fmt::format("{} of {} s, kind {} \"{}\"", series::name_of(id.tier), id.block_s,
                     static_cast<int>(id.subject.kind), id.subject.name);
}

inline Tables tables_of(const std::vector<store::IncomingReport>& reports) {
  series::Fold fold;
  for (const auto& report : reports)
    fold.add(as_stored(report));
  series::Folded folded = std::move(fold).finish();
  Tables tables;
  for (const auto& tier : folded.tiers) {
    for (const auto& table : tier) {
      for (auto& block : series::by_block(table)) {
        const std::int64_t begin = series::floor_to(block.times.front(), series::block_s(block.tier));
        tables.emplace(TableId{block.tier, begin, block.subject}, std::move(block));
      }
    }
  }
  return tables;
}

/// All that the node has.
inline Tables read_tables(const series::SeriesStore& store, const std::string& node) {
  Tables tables;
  for (const series::Tier tier : series::kTiers) {
    const auto read = store.read({model::NodeName(node), tier, {0}, kForever}, nullptr, [&](series::Table&& table) {
      EXPECT_FALSE(table.empty());
      const std::int64_t begin = series::floor_to(table.times.front(), series::block_s(tier));
      const TableId id{tier, begin, table.subject};
      EXPECT_TRUE(tables.emplace(id, std::move(table)).second) << "twice: " << text_of(id);
      return true;
    });
    EXPECT_TRUE(read.ok()) << read.error().message();
  }
  return tables;
}

/// The first difference is named.
inline testing::AssertionResult same(const Tables& found, const Tables& wanted) {
  for (const auto& [id, table] : wanted) {
    const auto there = found.find(id);
    if (there == found.end()) return testing::AssertionFailure() << "missing: " << text_of(id);
    if (there->second == table) continue;
    return testing::AssertionFailure() << "differs: " << text_of(id) << ", of " << there->second.times.size()
                                       << " rows and not " << table.times.size();
  }
  for (const auto& [id, table] : found) {
    if (!wanted.contains(id)) return testing::AssertionFailure() << "more than there should be: " << text_of(id);
  }
  return testing::AssertionSuccess();
}

/// Folds all that is due, in slices; sums.
inline series::FoldSlice fold_all(series::SeriesStore& store, model::WallTime now, std::size_t most = 3) {
  series::FoldSlice all;
  std::optional<model::NodeName> from = model::NodeName();
  for (int slices = 0; from && slices < 10'000; ++slices) {
    const auto slice = store.fold_slice(now, *from, most);
    EXPECT_TRUE(slice.ok()) << slice.error().message();
    if (!slice) break;
    all.hours += slice->hours;
    all.late += slice->late;
    all.reports += slice->reports;
    all.unreadable += slice->unreadable;
    all.failed += slice->failed;
    if (!all.trouble) all.trouble = slice->trouble;
    from = slice->rest;
  }
  EXPECT_FALSE(from) << "there is always more";
  return all;
}

/// How many reports the node's tables of a tier are made of.
inline std::int64_t count_reports(const series::SeriesStore& store, const std::string& node, series::Tier tier) {
  std::int64_t sum = 0;
  const std::vector<series::Subject> only{series::Subject{}};
  const auto read = store.read({model::NodeName(node), tier, {0}, kForever}, &only, [&](series::Table&& table) {
    for (const auto& column : table.fields) {
      if (column.field != series::Field::kReports) continue;
      for (const auto& cell : column.cells)
        sum += cell.count > 0 ? cell.sum : 0;
    }
    return true;
  });
  EXPECT_TRUE(read.ok()) << read.error().message();
  return sum;
}

/// Every finding of a whole walk, in slices of that size.
inline std::vector<series::Finding> verify_all(const series::StoreCare& store, std::uint64_t bytes = 64 << 10) {
  std::vector<series::Finding> findings;
  std::string from;
  do {
    const auto slice = store.verify_slice(from, bytes);
    EXPECT_TRUE(slice.ok()) << slice.error().message();
    if (!slice) break;
    findings.insert(findings.end(), slice->findings.begin(), slice->findings.end());
    from = slice->next;
  } while (!from.empty());
  return findings;
}

/// Of each file in a directory what is in it.
inline std::map<std::string, std::string> bytes_of_files(const std::string& directory) {
  std::map<std::string, std::string> bytes;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    bytes[entry.path().filename().string()] = {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  return bytes;
}

inline std::unique_ptr<RocksStore> open_store(const std::string& directory, RocksOptions options = {}) {
  auto opened = RocksStore::open(directory, options);
  EXPECT_TRUE(opened.ok()) << opened.error().message();
  return opened.ok() ? std::move(opened).value() : nullptr;
}

inline void append_all(store::HistoryStore& store, const std::vector<store::IncomingReport>& reports) {
  const auto outcomes = store.append(reports);
  ASSERT_TRUE(outcomes.ok()) << outcomes.error().message();
  for (const auto outcome : *outcomes)
    ASSERT_EQ(outcome, store::AppendOutcome::kStored);
}

}  // namespace tideline::rocks
