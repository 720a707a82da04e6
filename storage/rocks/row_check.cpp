#include "storage/rocks/row_check.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "storage/columns/printable.h"
#include "storage/rocks/bytes.h"
#include "storage/rocks/layout.h"
#include "storage/rocks/row_walk.h"

namespace tideline::rocks {
namespace {

constexpr std::string_view kSettingPrefix = "setting/";

std::string node_text(const model::NodeName& node) {
  return node.empty() ? "the cluster" : "node " + columns::printable(node.str());
}

std::string time_text(model::WallTime at) {
  return utc_text(at.ms / 1000);
}

/// nullopt: the key is none of the family's.
std::optional<std::string> parsed_place(std::string_view family, std::string_view key) {
  if (family == kReportFamily || family == kLateFamily) {
    if (const auto report = stored_report_key(key)) {
      return fmt::format("{}, {}, incarnation {}, report {}", node_text(report->node), time_text(report->at),
                         report->incarnation.value(), report->seq.value());
    }
  }
  if (family == kSeriesFamily || family == kSketchFamily) {
    const auto table = stored_table_key(key);
    return table ? std::optional(name_of(*table)) : std::nullopt;
  }
  if (family == kBlockFamily) {
    const auto block = block_head(key);
    if (!block) return std::nullopt;
    return name_of(*block);
  }
  if (family == kInfoFamily) {
    const auto info = stored_info_key(key);
    if (!info) return std::nullopt;
    return fmt::format("{}, pod {}", node_text(info->node), columns::printable(info->uid.str()));
  }
  if (family == kMetaFamily) return columns::printable(key);
  if (family == kDedupFamily || family == kFoldFamily || family == kForgottenFamily) {
    return node_text(model::NodeName(std::string(key)));
  }
  const auto head = key_head(key);
  if (!head) return std::nullopt;
  return fmt::format("{}, {}", node_text(head->node), time_text(head->at));
}

/// ", file 000012.sst offset 0 size 4096" of what RocksDB says; "" where it names none.
std::string file_of(const std::string& why) {
  const std::size_t ending = why.find(".sst");
  if (ending == std::string::npos) return "";
  const std::size_t before = why.rfind(' ', ending);
  return ", file " + why.substr(before == std::string::npos ? 0 : before + 1);
}

std::string place_or_hex(std::string_view family, std::string_view key) {
  const auto place = parsed_place(family, key);
  return place ? *place : "key " + hex_of(key);
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    hex.push_back(kDigits[static_cast<unsigned char>(byte) >> 4U]);
    hex.push_back(kDigits[static_cast<unsigned char>(byte) & 15U]);
  }
  return hex;
}

std::optional<std::string> bytes_of_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit_of(hex[i]);
    const int low = digit_of(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

std::string place_of(std::string_view family, std::string_view key) {
  return fmt::format("{}, {}", family, place_or_hex(family, key));
}

std::string place_of_gap(std::string_view family, std::string_view after, std::string_view before,
                         const std::string& why) {
  const std::string behind = after.empty() ? "from the first on" : "behind " + place_or_hex(family, after);
  const std::string until = before.empty() ? "" : " and before " + place_or_hex(family, before);
  return fmt::format("{}, rows {}{}{}", family, behind, until, file_of(why));
}

void RowCheck::check(std::string_view family, std::string_view key, std::string_view value) {
  const auto parses = [this](const auto& result) {
    if (!result.ok()) found_(result.error().message());
  };
  if (family == kMetaFamily) return check_meta(key, value);
  if (family == kReportFamily) return check_report(key, value);
  if (family == kPodsFamily) return check_pods(key, value);
  if (family == kEventFamily) return check_event(key, value);
  if (family == kAccountFamily) return parses(stored_account(key, value));
  if (family == kSeriesFamily) return check_table(key, value);
  if (family == kSketchFamily) return check_sketch(key, value);
  if (family == kInfoFamily) return parses(stored_info(key, value));
  if (family == kLateFamily) return check_late(key, value);
  if (family == kBlockFamily) {
    if (!block_head(key) || !stored_block(value)) found_("does not parse");
    return;
  }
  check_name(key);
  if (family == kFoldFamily) {
    if (!stored_fold(value)) found_("how far it is folded does not parse");
    return;
  }
  parses(stored_index(value));
}

void RowCheck::check_name(std::string_view key) {
  if (key.empty() || key.size() > store::kMaxNodeNameBytes) found_(fmt::format("a name of {} bytes", key.size()));
}

void RowCheck::check_meta(std::string_view key, std::string_view value) {
  if (key == kFormatKey) {
    const auto format = decode_u32(value);
    if (!format || *format != kFormat) found_("the format's number is none");
  } else if (key == kEventCounterKey) {
    if (!decode_u64(value)) found_("does not parse");
  } else if (key == kUpgradeKey) {
    if (!decode_u32(value)) found_("does not parse");
  } else if (!key.starts_with(kSettingPrefix)) {
    found_("there is no such key");
  }
}

std::optional<std::string> RowCheck::value_of(rocksdb::ColumnFamilyHandle* family, std::string_view key) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot();
  options.fill_cache = false;
  std::string value;
  const auto got = database_.db().Get(options, family, rocksdb::Slice(key.data(), key.size()), &value);
  if (got.ok()) return value;
  if (!got.IsNotFound()) found_("what belongs to it cannot be read: " + got.ToString());
  return std::nullopt;
}

void RowCheck::check_number(const model::NodeName& node, model::Incarnation incarnation, model::Seq seq) {
  if (index_node_ != node) {
    index_node_ = node;
    index_.reset();
    const auto value = value_of(database_.dedup, node.str());
    auto index = value ? stored_index(*value) : model::Result<store::NodeIndex>(model::invalid("there are none"));
    if (index) {
      index_ = std::move(index).value();
    } else {
      found_("the sequence numbers of its node: " + index.error().message());
    }
  }
  if (!index_) return;
  for (const auto& entry : index_->incarnations) {
    if (entry.incarnation != incarnation) continue;
    if (seq.value() > entry.forgotten_through && !entry.seqs.contains(seq.value())) {
      found_("it is not among the sequence numbers of its node, and would be taken again");
    }
  }
}

void RowCheck::check_report(std::string_view key, std::string_view value) {
  const auto stored = whole_report(key, value, pods_);
  if (!stored) return found_(stored.error().message());
  check_number(stored->report.node, stored->report.incarnation, stored->report.seq);
}

void RowCheck::check_pods(std::string_view key, std::string_view value) {
  ByteReader reader(key);
  reader.text<std::uint8_t>();
  reader.integer<std::uint64_t>();
  reader.integer<std::uint64_t>();
  if (!reader.done()) found_("its key does not parse");
  if (const auto pods = stored_pods(value); !pods) found_(pods.error().message());
}

void RowCheck::check_event(std::string_view key, std::string_view value) {
  if (!stored_event_key(key)) found_("its key does not parse");
  if (const auto event = stored_event(key, value); !event) found_(event.error().message());
}

void RowCheck::check_table(std::string_view key, std::string_view value) {
  const auto table_key_of_row = stored_table_key(key);
  if (!table_key_of_row) return found_("its key does not parse");
  // Sketches are looked at where they lie.
  if (const auto table = stored_table(*table_key_of_row, value, {}); !table) found_(table.error().message());
}

bool RowCheck::is_dropped_by_now(std::string_view key) {
  // Retention gives whole files back, whatever a snapshot still has.
  const auto block = block_head(key);
  if (!block) return false;
  std::string value;
  return database_.db().Get({}, database_.block, block_key(*block), &value).IsNotFound();
}

void RowCheck::check_sketch(std::string_view key, std::string_view value) {
  const auto table_key_of_row = stored_table_key(key);
  if (!table_key_of_row) return found_("its key does not parse");
  const auto chunk = value_of(database_.series, key);
  if (!chunk) {
    if (!is_dropped_by_now(key)) found_("the table that it belongs to is not there");
    return;
  }
  // What is wrong with the chunk is said where it lies.
  if (!stored_table(*table_key_of_row, *chunk, {})) return;
  if (const auto table = stored_table(*table_key_of_row, *chunk, value); !table) found_(table.error().message());
}

void RowCheck::check_late(std::string_view key, std::string_view value) {
  if (!stored_report_key(key) || !value.empty()) return found_("does not parse");
  if (!value_of(database_.report, key)) found_("the report is not there");
}

}  // namespace tideline::rocks
