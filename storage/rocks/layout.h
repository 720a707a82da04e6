#pragma once
// What lies on disk, byte by byte. Never renumber, never reuse a name: a change of any of this is a new kFormat.
//
// Integers are big-endian, so that keys sort by value. <node> is one byte of length and the name's bytes, so that no
// name is a prefix of another. <at> is corrected time, ms since the epoch (never negative).
//
//   column family  key                                                      value
//   meta           "format"                                                 u32 kFormat
//                  "event-counter"                                          u64 coordinator's events ever written
//                  "upgrading-from"                                         u32, while rows of that format still lie
//                                                                           where this one has them not
//                  "setting/" + key                                         the setting's value
//   report         <node> u64 <at> u64 incarnation u64 seq                  i64 received ms, i64 clock offset ns, then
//                                                                           the report as codec::to_bytes writes it,
//                                                                           or without its pods
//   pods           <node> u64 <until> u64 list                              a report with nothing but the pods that
//                                                                           reports with an <at> in the hour before
//                                                                           <until> leave out (Report.podList). Hours
//                                                                           of a node begin at crc32(name) ms mod 1 h
//   event          <node> u64 <at> u8 source u64 incarnation                i64 at ms (sender's), u8 controller,
//                  u64 seq u32 index; source 0 = in a report;               u16 reason, then subject, old, new value,
//                  source 1 = coordinator's: incarnation 0,                 each u16 length and bytes
//                  seq = event counter, index 0
//   dedup          the node's name                                          i64 longest window ns,
//                                                                           i64 last received ms,
//                                                                           u16 incarnations, each: u64 incarnation,
//                                                                           u64 forgotten through, u16 ranges, each:
//                                                                           u64 first, u64 last
//   account        <node> u64 <at>; node "" = the cluster's own,            the account as codec::to_bytes writes it
//                  "label=value" = its nodes' with that label
//   series         u8 <tier> u64 <block> <node> u8 kind, then the           the subject's rows of that tier and block,
//                  subject's name; <tier> = its number, of pods and         as a chunk of docs/history-format.md, or as
//                  jobs (series/stay.h) 16 more; <block> = begin of         several such pieces; its name is the
//                  the block, s since the epoch                             subject's, "node" of kind 0
//   sketch         as in series                                             quantile sketches of these rows, likewise,
//                                                                           in as many pieces
//   info           <node>, then the pod's uid                               u8 QoS class, i64 first s, i64 last s, then
//                                                                           namespace, name, workload, each u16 length
//                                                                           and bytes
//   fold           the node's name                                          u64 folded until, ms since the epoch; i64
//                                                                           the newest of its rows and pods' infos, s
//                                                                           since the epoch, or -1
//   late           as in report                                             nothing
//   block          u8 <tier> u64 <block>                                    u64 rows of series, u64 bytes of their
//                                                                           values and of sketch's
//   forgotten      the node's name                                          as in dedup
//
// A report is in the tables of its node if its <at> is before "folded until" and `late` has no such key, and in none of
// them otherwise. Names of pods and workloads are at most 253 bytes: of longer ones the first 244, "~" and CRC-32 of
// the whole as 8 hex digits. `forgotten` has the sequence numbers of nodes with tables of which no report is left, so
// that what was folded is not taken again; the others' are in `dedup`.
//
// Upgrading: a build that knows format N + 1 turns a store of format N into its own at open; a build never opens a
// format above its own. Format 1 is the first. A format that only adds column families needs no more than one batch
// with the new "format": open makes those that are missing, and they begin empty. Where rows have to be moved, that
// batch has "upgrading-from" as well, others move some rows each, and the last takes it away: whoever is killed in
// between goes on, and nobody only reads such a store. In format 2 reports may leave their pods out, and "pods" and
// "account" came; in format 3 the families from "series" on; in format 4 tables of pods and jobs moved apart from the
// others, and tables may be in pieces.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "messages/model/result.h"
#include "storage/store/history_store.h"
#include "storage/store/node_index.h"

namespace tideline::rocks {

inline constexpr std::uint32_t kFormat = 4;

inline constexpr std::string_view kMetaFamily = "meta";
inline constexpr std::string_view kReportFamily = "report";
inline constexpr std::string_view kPodsFamily = "pods";
inline constexpr std::string_view kEventFamily = "event";
inline constexpr std::string_view kDedupFamily = "dedup";
inline constexpr std::string_view kAccountFamily = "account";
inline constexpr std::string_view kSeriesFamily = "series";
inline constexpr std::string_view kSketchFamily = "sketch";
inline constexpr std::string_view kInfoFamily = "info";
inline constexpr std::string_view kFoldFamily = "fold";
inline constexpr std::string_view kLateFamily = "late";
inline constexpr std::string_view kBlockFamily = "block";
inline constexpr std::string_view kForgottenFamily = "forgotten";

inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kEventCounterKey = "event-counter";
inline constexpr std::string_view kUpgradeKey = "upgrading-from";
std::string setting_key(std::string_view key);

std::string encode_u32(std::uint32_t value);
std::string encode_u64(std::uint64_t value);
std::optional<std::uint32_t> decode_u32(std::string_view bytes);
std::optional<std::uint64_t> decode_u64(std::string_view bytes);

/// <node>: the beginning of all its keys. The name must be at most kMaxNodeNameBytes.
std::string node_prefix(const model::NodeName& node);
/// The first key that the node may have at or after `at`; a negative time counts as 0.
std::string time_key(const model::NodeName& node, model::WallTime at);
/// Just behind the node's last key.
std::string node_end(const model::NodeName& node);
/// The name and time at the beginning of a key of `report`, `pods`, `event`, `account` or `late`.
struct KeyHead {
  model::NodeName node;
  model::WallTime at;
};
std::optional<KeyHead> key_head(std::string_view key);

std::string report_key(const model::Report& report, model::WallTime at);
/// What a key of `report` or `late` says.
struct ReportKey {
  model::NodeName node;
  model::WallTime at;
  model::Incarnation incarnation;
  model::Seq seq;
};
std::optional<ReportKey> stored_report_key(std::string_view key);
std::string report_value(const store::ReportView& incoming, std::string_view report_bytes);
/// The pods which a report of `node` at `at` leaves out as those of `list`; null: they are not there.
using FindPods =
    std::function<const model::SharedPods*(const model::NodeName& node, model::WallTime at, std::uint64_t list)>;
/// kMalformed for what does not parse, for a report that is not the one its key names, and for one whose pods are not
/// there.
model::Result<store::StoredReport> stored_report(std::string_view key, std::string_view value, const FindPods& find);

/// The end of the node's hour that `at` is in. Not all nodes' end at once.
model::WallTime pods_until(const model::NodeName& node, model::WallTime at);
std::string pods_key(const model::NodeName& node, model::WallTime until, std::uint64_t list);
/// Same errors as codec::to_bytes.
model::Result<std::string> pods_value(const model::Report& report);
model::Result<model::SharedPods> stored_pods(std::string_view value);

std::string report_event_key(const model::Report& report, std::uint32_t index, model::WallTime at);
std::string coordinator_event_key(const model::NodeName& node, std::uint64_t counter, model::WallTime at);
/// What a key of `event` says.
struct EventKey {
  model::NodeName node;
  model::WallTime at;
  bool of_report = false;          // else the coordinator's
  model::Incarnation incarnation;  // of its report
  std::uint64_t number = 0;        // of its report, or by the event counter
};
std::optional<EventKey> stored_event_key(std::string_view key);
std::string event_value(const model::Event& event);
model::Result<store::StoredEvent> stored_event(std::string_view key, std::string_view value);

std::string account_value(const model::Reclaimed& account);
/// Its key is time_key. kMalformed for what does not parse, and for an account of another node than its key's.
model::Result<model::AccountAt> stored_account(std::string_view key, std::string_view value);

std::string index_value(const store::NodeIndex& index);
model::Result<store::NodeIndex> stored_index(std::string_view value);
/// Of a value of `dedup` the longest window alone.
std::optional<model::Duration> stored_longest_window(std::string_view value);

}  // namespace tideline::rocks
