#pragma once
// A store with rows of every family, and bytes of its files that turn over.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/storage/rocks/left_out_pods.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/tamper.h"

namespace tideline::rocks {

inline constexpr RocksOptions kSeries{.series = true};

/// A row at least of every family, all of it in files.
inline void fill(const std::string& directory) {
  {
    const auto store = open_store(directory, kSeries);
    std::vector<store::IncomingReport> reports;
    for (std::uint64_t seq = 1; seq <= 6; ++seq) {
      auto report = exact_report("n1", 7, seq, kMidnight + static_cast<std::int64_t>(seq) * 600'000);
      report.report.events = {{.at = report.received,
                               .controller = model::Controller::kGuard,
                               .reason = model::Reason::kRestore,
                               .subject = "s",
                               .old_value = "o",
                               .new_value = "v"}};
      reports.push_back(std::move(report));
    }
    append_all(*store, reports);
    append_all(*store, {exact_report("gone", 7, 1, kMidnight - 40 * kHourMs)});
    fold_all(*store, {kMidnight + 3 * kHourMs});
    ASSERT_EQ(store->drop_before(model::WallTime{kMidnight - kHourMs})->nodes, 1u);
    append_all(*store, {exact_report("n1", 7, 7, kMidnight + 700'000)});
    const auto left_out = exact_report("n1", 7, 8, kMidnight + 5 * kHourMs);
    const auto bytes = without_pods(left_out.report, 77);
    const store::ReportView view(left_out.report, left_out.received, model::Duration(0), bytes, 77);
    ASSERT_TRUE(store->append_views({&view, 1}).ok());
    ASSERT_TRUE(store->put_setting("epoch", "4").ok());
    model::AccountAt account{{kMidnight}, {}};
    account.account.node = model::NodeName("n1");
    ASSERT_TRUE(store->append_accounts({&account, 1}).ok());
  }
  open_store(directory, kSeries);
}

inline std::map<std::string, std::vector<std::string>> files_by_family(const std::string& directory) {
  std::map<std::string, std::vector<std::string>> files;
  with_families(directory, [&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
    rocksdb::ColumnFamilyMetaData data;
    db.GetColumnFamilyMetaData(family, &data);
    for (const auto& level : data.levels) {
      for (const auto& file : level.files)
        files[family->GetName()].push_back(std::filesystem::path(file.name).filename().string());
    }
  });
  return files;
}

inline void flip_byte(const std::string& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file) << path;
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  ASSERT_NE(byte, std::char_traits<char>::eof());
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ 0x10));
}

/// A report that does not compress.
inline store::IncomingReport noisy_report(const std::string& node, std::uint64_t seq, std::int64_t at_ms) {
  auto report = exact_report(node, 7, seq, at_ms);
  std::mt19937 random(static_cast<unsigned>(seq));
  std::string noise;
  while (noise.size() < 900)
    noise += static_cast<char>('!' + random() % 90);
  report.report.status.labels["noise"] = noise;
  return report;
}

}  // namespace tideline::rocks
