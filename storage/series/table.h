#pragma once
// One subject's rows in one tier, in memory.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "messages/model/pod.h"
#include "messages/model/qos.h"
#include "storage/series/field.h"
#include "storage/series/sketch.h"
#include "storage/series/tier.h"

namespace tideline::series {

/// The numbers are in files and never change.
enum class SubjectKind : std::uint8_t { kNode = 0, kPod = 1, kWorkload = 2 };

/// Whom a table is of, on its node. kNode: "". kPod: its uid. kWorkload: "namespace/kind/name" of those of its pods
/// that are on the node.
struct Subject {
  SubjectKind kind = SubjectKind::kNode;
  std::string name;
  friend auto operator<=>(const Subject&, const Subject&) = default;
};

/// The longest name of a subject that a store has, and the longest uid of an info.
inline constexpr std::size_t kMaxSubjectBytes = 253;
/// As a store has it (docs/history-format.md): of a longer one the first bytes, "~", and the CRC-32 of the whole.
std::string stored_name(std::string name);

/// What was seen of one quantity within one step, in whole numbers (field.h: scale_of) of 0 to 2^53; what lies outside
/// counts as the nearer end. Count and sum stop at their largest number.
struct Summary {
  std::uint64_t count = 0;  // samples; 0: nothing is known, and the rest means nothing
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::int64_t sum = 0;  // of all samples: mean = sum / count
  void add(std::int64_t value, std::uint64_t times = 1);
  void merge(const Summary& other);
  std::int64_t mean() const;  // to the nearest, halves upwards, and within [min, max]; 0 where nothing is known
  friend bool operator==(const Summary&, const Summary&) = default;
};

struct FieldColumn {
  Field field{};
  std::int64_t step = 1;       // precision that it is kept with, at least 1: values come back within step / 2
  std::vector<Summary> cells;  // one a row
  friend bool operator==(const FieldColumn&, const FieldColumn&) = default;
};

struct SketchColumn {
  Field field{};
  std::vector<Sketch> cells;  // one a row
  friend bool operator==(const SketchColumn&, const SketchColumn&) = default;
};

struct Table {
  Subject subject;
  Tier tier = Tier::kTenSeconds;
  std::vector<std::int64_t> times;     // s since the epoch, each the begin of its step; ascending
  std::vector<FieldColumn> fields;     // by field, each once
  std::vector<SketchColumn> sketches;  // by field, each once
  bool empty() const { return times.empty(); }
  friend bool operator==(const Table&, const Table&) = default;
};

/// What is kept of a pod besides its numbers.
struct PodInfo {
  model::PodUid uid;
  std::string name_space;
  std::string name;
  std::string workload;  // owner as "kind/name"; "" = none
  model::QosClass qos = model::QosClass::kLs;
  std::int64_t first_s = 0;  // s since the epoch: of the first and the last report that has it
  std::int64_t last_s = 0;
  friend bool operator==(const PodInfo&, const PodInfo&) = default;
};

/// Of one pod: what the later says of it, and of two of one second the greater; the widest span.
PodInfo merge(const PodInfo& a, const PodInfo& b);

/// Rows of both; of a step that both have, what either saw of it. Both of one subject and one tier. Which is which
/// makes no difference. Of a field's two precisions the finer.
Table merge(const Table& a, const Table& b);
/// Rows with from_s <= time < to_s. Columns of which nothing is left are left out.
Table slice(const Table& table, std::int64_t from_s, std::int64_t to_s);
/// By blocks of its tier, none empty, ascending.
std::vector<Table> by_block(const Table& table);
/// The same; where it is of one block, which is the rule, nothing is copied.
std::vector<Table> by_block(Table&& table);
/// The same rows in a coarser tier; sketches only of fields that have them already. Of its own tier and finer ones the
/// table as it is.
Table coarser(const Table& table, Tier tier);

}  // namespace tideline::series
