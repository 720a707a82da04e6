#include "coordinator/ledger/recording.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "coordinator/ledger/account_text.h"
#include "messages/model/crc32.h"
#include "messages/model/json_text.h"

namespace tideline::ledger {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

constexpr std::string_view kHeadMagic = "TDLEDGER";
constexpr std::size_t kNumberBytes = 4;
constexpr std::size_t kStampBytes = 8;
/// Kind and two times, before a body.
constexpr std::size_t kStampedBytes = 1 + 2 * kStampBytes;
constexpr std::size_t kMaxBodyDepth = 8;
constexpr std::size_t kMostNameBytes = 253;
constexpr std::size_t kMostNodeShownBytes = 80;
constexpr model::Duration kLongestAggregate = std::chrono::hours(24);

static_assert(kRecordHeadBytes == 2 * kNumberBytes + kStampedBytes);
static_assert(kRecordingHeadBytes == kHeadMagic.size() + 2 * kNumberBytes);

void put_little(std::string& out, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    out.push_back(static_cast<char>((number >> (8 * i)) & 0xFFU));
}

std::uint64_t little_at(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < count; ++i)
    number |= std::uint64_t{static_cast<std::uint8_t>(bytes[at + i])} << (8 * i);
  return number;
}

Error bad_body(std::string_view what, std::string_view why) {
  return {ErrorCode::kMalformed, fmt::format("{}: {}", what, why)};
}

/// Reads members of one object, and remembers the first that is wrong.
class Members {
 public:
  Members(std::string_view body, std::string_view what) : what_(what) {
    auto parsed = model::parse_json(body, {.max_bytes = kMaxRecordBytes, .max_depth = kMaxBodyDepth});
    if (!parsed) {
      wrong_ = parsed.error().message();
    } else if (!parsed->is_object()) {
      wrong_ = "no JSON object";
    } else {
      object_ = *std::move(parsed);
    }
  }

  std::uint64_t number(const char* name) {
    const Json* value = member(name);
    if (value != nullptr && value->is_number_unsigned()) return value->get<std::uint64_t>();
    fail(name, "no number from 0 on");
    return 0;
  }
  std::string text(const char* name) {
    const Json* value = member(name);
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    fail(name, "no text");
    return {};
  }
  model::NodeName node(const char* name) {
    auto value = text(name);
    if (value.empty() || value.size() > kMostNameBytes) fail(name, "no name of a node");
    return model::NodeName(std::move(value));
  }
  template <class Unit>
  std::optional<Unit> amount(const char* name) {
    const Json* value = member(name);
    if (value != nullptr && value->is_null()) return std::nullopt;
    if (value == nullptr || !value->is_number_integer() ||
        (value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX)) {
      fail(name, "no whole number");
      return std::nullopt;
    }
    return Unit(value->get<std::int64_t>());
  }
  /// Of that type; null where there is none.
  Json part(const char* name, Json::value_t type) {
    const Json* value = member(name);
    if (value == nullptr || value->type() != type) {
      fail(name, "it is missing, or of another kind");
      return {};
    }
    return *value;
  }
  void fail(const char* name, std::string_view why) {
    if (wrong_.empty()) wrong_ = fmt::format("{}: {}", name, why);
  }
  template <class Told>
  Result<Told> done(Told told) const {
    if (!wrong_.empty()) return bad_body(what_, wrong_);
    return told;
  }

 private:
  const Json* member(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }

  std::string what_;
  Json object_;
  std::string wrong_;
};

std::vector<policy::Document> documents_from(const Json& list, Members& of) {
  std::vector<policy::Document> documents;
  if (!list.is_array()) return documents;
  for (const Json& each : list) {
    const auto name = each.is_object() ? each.find("name") : each.end();
    const auto text = each.is_object() ? each.find("text") : each.end();
    if (!each.is_object() || name == each.end() || text == each.end() || !name->is_string() || !text->is_string()) {
      of.fail("documents", "one has no name or no text");
      return {};
    }
    documents.push_back({name->get<std::string>(), text->get<std::string>()});
  }
  return documents;
}

}  // namespace

std::string body_of(const BeginTold& begin) {
  return text_of({{"epoch", begin.epoch.value()},
                  {"stretch", begin.stretch},
                  {"piece", begin.piece},
                  {"lost", begin.lost},
                  {"aggregateNs", static_cast<std::uint64_t>(std::max<std::int64_t>(begin.aggregate.count(), 0))}});
}

std::string body_of(const PolicyTold& policy) {
  Json documents = Json::array();
  for (const auto& document : policy.documents) {
    Json one;
    one["name"] = document.name;
    one["text"] = document.text;
    documents.push_back(std::move(one));
  }
  Json whole;
  whole["version"] = policy.version.value();
  whole["documents"] = std::move(documents);
  return text_of(whole);
}

std::string body_of(const NodeTold& node) {
  Json whole;
  whole["node"] = node.node.str();
  whole["incarnation"] = node.incarnation.value();
  return text_of(whole);
}

std::string body_of(const model::Reclaimed& account, const profile::Reclaimable& predicted) {
  Json whole;
  whole["node"] = account.node.str();
  whole["predictedCpu"] = predicted.cpu ? Json(predicted.cpu->value()) : Json();
  whole["predictedMemory"] = predicted.memory ? Json(predicted.memory->value()) : Json();
  whole["account"] = account_json(account);
  return text_of(whole);
}

Result<BeginTold> begin_from(std::string_view body) {
  Members members(body, "begin");
  BeginTold begin;
  begin.epoch = model::Epoch(members.number("epoch"));
  begin.stretch = members.number("stretch");
  begin.piece = members.number("piece");
  begin.lost = members.number("lost");
  const std::uint64_t aggregate = members.number("aggregateNs");
  if (begin.stretch == 0) members.fail("stretch", "0 is none");
  if (begin.piece == 0) members.fail("piece", "0 is none");
  if (aggregate == 0 || aggregate > static_cast<std::uint64_t>(kLongestAggregate.count())) {
    members.fail("aggregateNs", "not 1 ns to a day");
  } else {
    begin.aggregate = model::Duration(static_cast<std::int64_t>(aggregate));
  }
  return members.done(begin);
}

Result<PolicyTold> policy_from(std::string_view body) {
  Members members(body, "policy");
  PolicyTold policy;
  policy.version = model::PolicyVersion(members.number("version"));
  policy.documents = documents_from(members.part("documents", Json::value_t::array), members);
  return members.done(std::move(policy));
}

Result<NodeTold> node_from(std::string_view body) {
  Members members(body, "node");
  NodeTold told;
  told.node = members.node("node");
  told.incarnation = model::Incarnation(members.number("incarnation"));
  return members.done(std::move(told));
}

Result<AccountTold> account_from(std::string_view body) {
  Members members(body, "account");
  AccountTold told;
  told.node = members.node("node");
  told.predicted.cpu = members.amount<model::MilliCpu>("predictedCpu");
  told.predicted.memory = members.amount<model::Bytes>("predictedMemory");
  told.account = members.part("account", Json::value_t::object);
  return members.done(std::move(told));
}

std::string recording_head() {
  std::string head(kHeadMagic);
  put_little(head, kRecordingVersion, kNumberBytes);
  put_little(head, model::crc32(head), kNumberBytes);
  return head;
}

std::string bytes_of(const Record& record) {
  std::string stamped;
  stamped.reserve(kStampedBytes + record.body.size());
  stamped.push_back(static_cast<char>(record.kind));
  put_little(stamped, static_cast<std::uint64_t>(record.mono.ns), kStampBytes);
  put_little(stamped, static_cast<std::uint64_t>(record.wall.ms), kStampBytes);
  stamped.append(record.body);
  std::string bytes;
  bytes.reserve(2 * kNumberBytes + stamped.size());
  put_little(bytes, stamped.size(), kNumberBytes);
  put_little(bytes, model::crc32(stamped), kNumberBytes);
  bytes.append(stamped);
  return bytes;
}

Result<RecordReader> RecordReader::open(std::string_view file) {
  if (file.size() < kRecordingHeadBytes || !file.starts_with(kHeadMagic)) {
    return Error(ErrorCode::kMalformed,
                 fmt::format("{} bytes that do not begin as a recording of the ledger", file.size()));
  }
  const std::size_t covered = kRecordingHeadBytes - kNumberBytes;
  const std::uint64_t said = little_at(file, covered, kNumberBytes);
  if (const std::uint64_t found = model::crc32(file.substr(0, covered)); found != said) {
    return Error(ErrorCode::kMalformed, fmt::format("head: its CRC is {:08x}, and was {:08x}", found, said));
  }
  const std::uint64_t version = little_at(file, kHeadMagic.size(), kNumberBytes);
  if (version > kRecordingVersion) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("it has version {}, this build reads up to {}", version, kRecordingVersion));
  }
  if (version == 0) return Error(ErrorCode::kMalformed, "head: version 0, which there is not");
  return RecordReader(file);
}

Result<std::optional<Record>> RecordReader::next() {
  using Next = std::optional<Record>;
  const auto rest = file_.substr(at_);
  if (rest.empty() || torn_) return Next();
  if (rest.size() < 2 * kNumberBytes) {
    torn_ = true;
    return Next();
  }
  const auto damaged = [this](std::string_view why) {
    return Error(ErrorCode::kMalformed, fmt::format("record at offset {}: {}", at_, why));
  };
  const auto length = static_cast<std::size_t>(little_at(rest, 0, kNumberBytes));
  if (length < kStampedBytes || length > kStampedBytes + kMaxRecordBytes) {
    return damaged(fmt::format("{} bytes are no length of one", length));
  }
  if (length > rest.size() - 2 * kNumberBytes) {
    torn_ = true;
    return Next();
  }
  const auto stamped = rest.substr(2 * kNumberBytes, length);
  const std::uint64_t said = little_at(rest, kNumberBytes, kNumberBytes);
  if (const std::uint64_t found = model::crc32(stamped); found != said) {
    return damaged(fmt::format("its CRC is {:08x}, and was {:08x}", found, said));
  }
  Record record;
  record.kind = static_cast<RecordKind>(stamped.front());
  record.mono.ns = static_cast<std::int64_t>(little_at(stamped, 1, kStampBytes));
  record.wall.ms = static_cast<std::int64_t>(little_at(stamped, 1 + kStampBytes, kStampBytes));
  record.body = stamped.substr(kStampedBytes);
  at_ += 2 * kNumberBytes + length;
  return Next(std::move(record));
}

}  // namespace tideline::ledger
