// Recordings of the ledger from anyone: whatever they are, the answer is a verdict or an Error, and what is read is
// written again the same.
//
// An input's first byte says what the others are, modulo kWays: a file; or records, each its kind, the length of its
// body in two bytes, and the body, which get their head, times and CRCs here. So damage gets beyond these.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/ledger/recording.h"
#include "coordinator/ledger/replay.h"
#include "messages/codec/report_bytes.h"
#include "test/fuzz/damage.h"
#include "test/fuzz/fuzz_target.h"
#include "test/messages/codec/samples.h"

namespace tideline::fuzz {
namespace {

using ledger::Record;
using ledger::RecordKind;

enum class Way : std::uint8_t { kFile, kRecords };
constexpr std::uint8_t kWays = 2;
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kFirstWallMs = 1'790'000'000'000;

void check_refusal(const model::Error& error) {
  require(error.message().size() <= 8'192, "a refusal is short");
}

bool file_holds(std::string_view file) {
  auto reader = ledger::RecordReader::open(file);
  if (!reader) {
    check_refusal(reader.error());
    return false;
  }
  ledger::Replay replay(
      [](std::string_view bytes) { return codec::report_from_bytes(std::as_bytes(std::span(bytes))); });
  std::string again = ledger::recording_head();
  for (;;) {
    const auto record = reader->next();
    if (!record) {
      check_refusal(record.error());
      return false;
    }
    if (!*record) break;
    again += ledger::bytes_of(**record);
    if (const auto taken = replay.take(**record); !taken) {
      check_refusal(taken.error());
      return false;
    }
  }
  require(again == file.substr(0, again.size()), "records are read the same when they are written again");
  require(reader->torn() == (again.size() < file.size()), "what is no record any more is told");
  const auto& verdict = replay.verdict();
  require(verdict.held + verdict.unsettled == verdict.accounts, "each account is held, or said not to be");
  require(verdict.differences.size() <= ledger::Replay::kMostDifferences, "differences are told up to their bound");
  return true;
}

bool records_hold(std::string_view input) {
  std::string file = ledger::recording_head();
  for (std::int64_t number = 1; input.size() >= 3; ++number) {
    const std::size_t length =
        static_cast<std::uint8_t>(input[1]) + 256U * static_cast<std::size_t>(static_cast<std::uint8_t>(input[2]));
    Record record{static_cast<RecordKind>(input.front()), {number * kSecondNs}, {kFirstWallMs + number * 1'000}, {}};
    input.remove_prefix(3);
    record.body = input.substr(0, length);
    input.remove_prefix(record.body.size());
    file += ledger::bytes_of(record);
  }
  return file_holds(file);
}

std::string as_input(const std::vector<Record>& records) {
  std::string bytes;
  for (const Record& record : records) {
    bytes += static_cast<char>(record.kind);
    bytes += static_cast<char>(record.body.size() % 256);
    bytes += static_cast<char>(record.body.size() / 256);
    bytes += record.body;
  }
  return bytes;
}

Bytes input_of(Way way, std::string_view bytes) {
  // Not insert() behind the first: GCC 12 believes that it writes beyond the one byte.
  Bytes input(1 + bytes.size(), static_cast<std::uint8_t>(way));
  std::copy(bytes.begin(), bytes.end(), input.begin() + 1);
  return input;
}

std::vector<Record> some_records(model::Report report) {
  report.lane = model::Lane::kLive;
  const ledger::NodeTold session{report.node, report.incarnation};
  std::vector<Record> records;
  const auto add = [&records](RecordKind kind, std::string body) {
    const auto number = static_cast<std::int64_t>(records.size()) + 1;
    records.push_back({kind, {number * kSecondNs}, {kFirstWallMs + number * 1'000}, std::move(body)});
  };
  const auto add_report = [&](std::uint64_t seq) {
    report.seq = model::Seq(seq);
    const auto bytes = codec::to_bytes(report);
    require(bytes.ok(), "a sound report is written");
    add(RecordKind::kReport, std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()));
  };
  model::Reclaimed account;
  account.node = report.node;
  add(RecordKind::kBegin, ledger::body_of(ledger::BeginTold{model::Epoch(5), 1, 1, 0, std::chrono::seconds(20)}));
  add(RecordKind::kPolicy,
      ledger::body_of(ledger::PolicyTold{model::PolicyVersion(1), {{"colocation-config", R"({"enable": true})"}}}));
  add(RecordKind::kOpened, ledger::body_of(session));
  add_report(1);
  add(RecordKind::kAccount, ledger::body_of(account, {model::MilliCpu(5), std::nullopt}));
  add_report(2);
  add(RecordKind::kAccount, ledger::body_of(account, {}));
  add(RecordKind::kClosed, ledger::body_of(session));
  add(RecordKind::kForgotten, ledger::body_of(session));
  return records;
}

}  // namespace

std::vector<Bytes> corpus(std::mt19937_64& random) {
  std::vector<Bytes> sound;
  std::vector<model::Report> reports{codec::known_report()};
  for (int i = 0; i < 3; ++i)
    reports.push_back(codec::random_report(random));
  for (const model::Report& report : reports) {
    const auto records = some_records(report);
    std::string file = ledger::recording_head();
    bool fits = true;
    for (const Record& record : records) {
      file += ledger::bytes_of(record);
      fits = fits && record.body.size() < 65'536;
    }
    sound.push_back(input_of(Way::kFile, file));
    if (fits) sound.push_back(input_of(Way::kRecords, as_input(records)));
  }
  return sound;
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  if (random() % 2 == 0) {
    damage_words(bytes, random);
  } else {
    damage_text(bytes, random);
  }
}

/// A few bytes of a report may claim all that ReportLimits allow, and a node's averages are larger than what tells of
/// it.
std::size_t heap_bound(std::size_t size) {
  return (std::size_t{192} << 20) + 512 * size;
}

}  // namespace tideline::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fuzz = tideline::fuzz;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool is_file = static_cast<fuzz::Way>(*data % fuzz::kWays) == fuzz::Way::kFile;
  fuzz::accepted += (is_file ? fuzz::file_holds(bytes) : fuzz::records_hold(bytes)) ? 1 : 0;
  return 0;
}
