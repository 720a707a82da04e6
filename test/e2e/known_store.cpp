#include "test/e2e/known_store.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "test/e2e/known_reports.h"
#include "test/e2e/rehearsal.h"

namespace tideline::test {
namespace {

constexpr std::array<std::string_view, 7> kFormatTwo{"default", "meta", "report", "pods", "event", "dedup", "account"};
constexpr std::int64_t kDayMs = 86'400'000;

model::NodeName name_of_node(std::size_t node) {
  return model::NodeName(simulated_node(static_cast<int>(node)));
}

/// Calls visit(time in s, cell) for each row in which the field is known.
template <class Visit>
void each_cell(const series::Table& table, series::Field field, const Visit& visit) {
  for (const auto& column : table.fields) {
    if (column.field != field) continue;
    for (std::size_t row = 0; row < column.cells.size(); ++row) {
      if (column.cells[row].count > 0) visit(table.times[row], column.cells[row]);
    }
  }
}

/// Of the node itself, without pods and workloads, and of the last days.
void read_node(const rocks::RocksStore& store, std::size_t node, series::Tier tier,
               const series::SeriesStore::Visit& visit) {
  const std::vector<series::Subject> node_alone{{series::SubjectKind::kNode, ""}};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const series::ReadRange all{
      .node = name_of_node(node), .tier = tier, .from = {now_ms - 3 * kDayMs}, .to = {now_ms + kDayMs}};
  const auto read = store.read(all, &node_alone, visit);
  if (!read) ADD_FAILURE() << read.error().message();
}

std::uint64_t count_reports(const rocks::RocksStore& store, std::size_t node, series::Tier tier) {
  std::uint64_t reports = 0;
  read_node(store, node, tier, [&](series::Table&& table) {
    each_cell(table, series::Field::kReports,
              [&](std::int64_t, const series::Summary& cell) { reports += static_cast<std::uint64_t>(cell.sum); });
    return true;
  });
  return reports;
}

}  // namespace

void append_known(rocks::RocksStore& store, std::size_t nodes, std::int64_t from, std::int64_t to, std::uint64_t seq) {
  std::vector<store::IncomingReport> batch;
  const auto write = [&] {
    const auto outcomes = store.append(batch);
    if (!outcomes) throw std::runtime_error(outcomes.error().message());
    EXPECT_EQ(std::count(outcomes->begin(), outcomes->end(), store::AppendOutcome::kStored),
              static_cast<std::ptrdiff_t>(batch.size()));
    batch.clear();
  };
  for (std::int64_t minute = from; minute < to; ++minute, ++seq) {
    for (std::size_t node = 0; node < nodes; ++node) {
      auto& incoming = batch.emplace_back();
      incoming.report = known_report(node, minute);
      incoming.report.node = name_of_node(node);
      incoming.report.incarnation = model::Incarnation(1);
      incoming.report.seq = model::Seq(seq);
      incoming.received = incoming.report.wall;
    }
    if (batch.size() >= 60) write();
  }
  if (!batch.empty()) write();
}

void fold_known(rocks::RocksStore& store, std::int64_t to) {
  model::NodeName from;
  for (bool more = true; more;) {
    // By then each node's hours up to there are due, and none that end later.
    const model::WallTime now{to * kMinuteMs + model::to_ms(series::kFoldLag + series::kFoldSpread)};
    const auto slice = store.fold_slice(now, from, 100);
    if (!slice) throw std::runtime_error(slice.error().message());
    if (slice->trouble) throw std::runtime_error(slice->trouble->message());
    more = slice->rest.has_value();
    from = slice->rest.value_or(model::NodeName());
  }
}

void make_format_two(const std::string& directory) {
  std::vector<std::string> names;
  if (!rocksdb::DB::ListColumnFamilies({}, directory, &names).ok()) throw std::runtime_error(directory + ": no store");
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const auto& name : names)
    families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open({}, directory, families, &handles, &opened);
  if (!status.ok()) throw std::runtime_error(directory + ": " + status.ToString());
  const std::unique_ptr<rocksdb::DB> db(opened);
  for (auto* handle : handles) {
    const std::string name = handle->GetName();
    if (name == "meta") {
      rocksdb::WriteOptions durable;
      durable.sync = true;
      EXPECT_TRUE(db->Put(durable, handle, "format", std::string("\0\0\0\2", 4)).ok());
    }
    if (std::find(kFormatTwo.begin(), kFormatTwo.end(), name) == kFormatTwo.end()) {
      EXPECT_TRUE(db->DropColumnFamily(handle).ok()) << name;
    }
  }
  for (auto* handle : handles)
    EXPECT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
  EXPECT_TRUE(db->Close().ok());
}

Counted count_known(const rocks::RocksStore& store, std::size_t node) {
  Counted counted;
  counted.reports = count_reports(store, node, series::Tier::kMinute);
  counted.quarters = count_reports(store, node, series::Tier::kQuarterHour);
  const auto field = series::field_of(model::Metric::kNodeCpu);
  read_node(store, node, series::Tier::kMinute, [&](series::Table&& table) {
    each_cell(table, field, [&](std::int64_t time_s, const series::Summary& cell) {
      const std::int64_t milli = known_milli(node, time_s / 60);
      ++counted.minutes;
      if (cell.mean() != milli || cell.min != milli - 2 || cell.max != milli + 2) ++counted.wrong;
    });
    return true;
  });
  return counted;
}

std::vector<std::string> findings_of(const rocks::RocksStore& store) {
  std::vector<std::string> found;
  std::string from;
  do {
    const auto slice = store.verify_slice(from, 16 << 20);
    if (!slice) return {slice.error().message()};
    for (const auto& finding : slice->findings)
      found.push_back(fmt::format("{}: {}", finding.where, finding.what));
    from = slice->next;
  } while (!from.empty());
  return found;
}

std::unique_ptr<rocks::RocksStore> open_history(const std::string& data_dir) {
  auto store = rocks::RocksStore::open(data_dir + "/history", {.series = true});
  if (!store) throw std::runtime_error(store.error().message());
  return std::move(store).value();
}

}  // namespace tideline::test
