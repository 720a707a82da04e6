#include "coordinator/traces/mapping.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "coordinator/traces/fields.h"
#include "coordinator/traces/json_line.h"
#include "messages/model/json_text.h"
#include "messages/model/qos.h"
#include "messages/model/quantity.h"

namespace tideline::traces {
namespace {

using columns::ColumnId;
using columns::SeriesKind;
using model::Error;
using model::Result;
using nlohmann::json;

enum class Measure : std::uint8_t { kCpu, kMemory, kTime, kCount, kQos };

struct KnownColumn {
  std::string_view key;
  ColumnId id{};
  Measure measure{};
};
constexpr std::array<KnownColumn, 9> kKnownColumns{{
    {"cpuRequest", ColumnId::kCpuRequest, Measure::kCpu},
    {"cpuUsed", ColumnId::kCpuUsed, Measure::kCpu},
    {"memoryRequest", ColumnId::kMemoryRequest, Measure::kMemory},
    {"memoryUsed", ColumnId::kMemoryUsed, Measure::kMemory},
    {"cpuCapacity", ColumnId::kCpuCapacity, Measure::kCpu},
    {"memoryCapacity", ColumnId::kMemoryCapacity, Measure::kMemory},
    {"taskEnd", ColumnId::kTaskEnd, Measure::kTime},
    {"taskInstances", ColumnId::kTaskInstances, Measure::kCount},
    {"qos", ColumnId::kQos, Measure::kQos},
}};

struct KnownKind {
  std::string_view key;
  SeriesKind kind{};
};
constexpr std::array<KnownKind, 3> kKnownKinds{
    {{"workload", SeriesKind::kWorkload}, {"host", SeriesKind::kHost}, {"tasks", SeriesKind::kTasks}}};

struct KnownUnit {
  std::string_view key;
  double scale = 1;  // to millicores or bytes
};
constexpr std::array<KnownUnit, 2> kCpuUnits{{{"cores", 1000}, {"millicores", 1}}};
constexpr std::array<KnownUnit, 4> kMemoryUnits{
    {{"bytes", 1}, {"KiB", 1024}, {"MiB", 1024.0 * 1024}, {"GiB", 1024.0 * 1024 * 1024}}};
constexpr std::string_view kWantCpuUnit = "cores | millicores | mhz | percent";
constexpr std::string_view kWantMemoryUnit = "bytes | KiB | MiB | GiB | percent";
constexpr std::string_view kWantTimeUnit = "s | ms | rfc3339";

bool has_column(SeriesKind kind, ColumnId id) {
  switch (id) {
    case ColumnId::kCpuRequest:
    case ColumnId::kMemoryRequest:
      return kind != SeriesKind::kHost;
    case ColumnId::kCpuUsed:
    case ColumnId::kMemoryUsed:
      return kind != SeriesKind::kTasks;
    case ColumnId::kCpuCapacity:
    case ColumnId::kMemoryCapacity:
      return kind == SeriesKind::kHost;
    default:
      return kind == SeriesKind::kTasks;
  }
}

const KnownColumn* known_column(SeriesKind kind, std::string_view key) {
  for (const KnownColumn& column : kKnownColumns) {
    if (column.key == key && has_column(kind, column.id)) return &column;
  }
  return nullptr;
}

std::string keys_of(SeriesKind kind) {
  std::vector<std::string_view> keys;
  for (const KnownColumn& column : kKnownColumns) {
    if (has_column(kind, column.id)) keys.push_back(column.key);
  }
  return fmt::format("{}", fmt::join(keys, " | "));
}

const json* member_at(const json& object, std::string_view key) {
  const auto found = object.find(std::string(key));
  return found == object.end() ? nullptr : &*found;
}

/// "" where it is no text.
std::string text_in(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

using KeyPath = std::vector<std::string_view>;

KeyPath below(const KeyPath& path, std::string_view key) {
  KeyPath longer = path;
  longer.push_back(key);
  return longer;
}

class MappingReader {
 public:
  MappingReader(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  Result<Mapping> read(const json& root) {
    if (!root.is_object()) return wrong({}, fmt::format("is {}; want an object", model::shown(root)));
    if (auto known = only({}, root, {"series", "time", "kind", "columns"}); !known) return known.error();
    if (auto kind = read_kind(root); !kind) return kind.error();
    if (auto series = read_series(root); !series) return series.error();
    if (auto time = read_time(root); !time) return time.error();
    if (auto values = read_columns(root); !values) return values.error();
    return std::move(mapping_);
  }

 private:
  Error wrong(const KeyPath& path, std::string_view what) const {
    std::string at = "$";
    for (const std::string_view key : path)
      at += fmt::format(".{}", readable(key, 80));
    return model::invalid(fmt::format("{}:{}: {} {}", readable(name_, 120), line_of_key(text_, path), at, what));
  }

  Error unfit(const KeyPath& path, const json& value, std::string_view want) const {
    return wrong(path, fmt::format("is {}; want {}", model::shown(value), want));
  }

  Result<void> only(const KeyPath& path, const json& object, std::initializer_list<std::string_view> keys) const {
    const std::vector<std::string_view> known(keys);
    for (auto member = object.begin(); member != object.end(); ++member) {
      if (std::find(known.begin(), known.end(), member.key()) != known.end()) continue;
      return wrong(below(path, member.key()), fmt::format("is not a key here; want {}", fmt::join(known, " | ")));
    }
    return {};
  }

  std::size_t source_of(const std::string& column) {
    const auto known = std::find(mapping_.sources.begin(), mapping_.sources.end(), column);
    if (known == mapping_.sources.end()) {
      mapping_.sources.push_back(column);
      return mapping_.sources.size() - 1;
    }
    return static_cast<std::size_t>(known - mapping_.sources.begin());
  }

  /// The name of a column of the trace.
  Result<std::size_t> source_at(const KeyPath& path, const json& value) {
    const std::string column = text_in(value);
    if (!is_name(column)) return unfit(path, value, "a column's name");
    return source_of(column);
  }

  Result<std::size_t> source_in(const KeyPath& path, const json& object) {
    const json* column = member_at(object, "column");
    if (column == nullptr) return wrong(path, "has no \"column\"");
    return source_at(below(path, "column"), *column);
  }

  Result<TimeUnit> time_unit_in(const KeyPath& path, const json& object) const {
    const json* unit = member_at(object, "unit");
    if (unit == nullptr) return wrong(path, fmt::format("has no \"unit\"; want {}", kWantTimeUnit));
    const std::string text = text_in(*unit);
    if (text == "s") return TimeUnit::kSeconds;
    if (text == "ms") return TimeUnit::kMilliseconds;
    if (text == "rfc3339") return TimeUnit::kRfc3339;
    return unfit(below(path, "unit"), *unit, kWantTimeUnit);
  }

  Result<void> read_kind(const json& root) {
    mapping_.kind = SeriesKind::kWorkload;
    const json* kind = member_at(root, "kind");
    if (kind == nullptr) return {};
    for (const KnownKind& known : kKnownKinds) {
      if (text_in(*kind) != known.key) continue;
      mapping_.kind = known.kind;
      return {};
    }
    return unfit({"kind"}, *kind, "workload | host | tasks");
  }

  Result<void> read_series(const json& root) {
    const json* series = member_at(root, "series");
    if (series == nullptr) return wrong({}, "has no \"series\": the columns that name a series");
    if (!series->is_array() || series->empty() || series->size() > MappingLimits::kMaxSeriesParts) {
      return unfit({"series"}, *series, fmt::format("a list of 1 to {} columns", MappingLimits::kMaxSeriesParts));
    }
    for (const json& part : *series) {
      const auto source = source_at({"series"}, part);
      if (!source) return source.error();
      mapping_.series.push_back(*source);
    }
    return {};
  }

  Result<void> read_time(const json& root) {
    const json* time = member_at(root, "time");
    if (time == nullptr) return wrong({}, "has no \"time\"");
    if (!time->is_object()) return unfit({"time"}, *time, "an object with column and unit");
    if (auto known = only({"time"}, *time, {"column", "unit"}); !known) return known;
    const auto source = source_in({"time"}, *time);
    if (!source) return source.error();
    const auto unit = time_unit_in({"time"}, *time);
    if (!unit) return unit.error();
    mapping_.time = *source;
    mapping_.time_unit = *unit;
    return {};
  }

  Result<void> read_columns(const json& root) {
    const json* columns = member_at(root, "columns");
    if (columns == nullptr) return wrong({}, fmt::format("has no \"columns\"; they are {}", keys_of(mapping_.kind)));
    if (!columns->is_object() || columns->empty()) {
      return unfit({"columns"}, *columns, fmt::format("an object with {}", keys_of(mapping_.kind)));
    }
    for (auto member = columns->begin(); member != columns->end(); ++member) {
      const KeyPath path{"columns", member.key()};
      const KnownColumn* known = known_column(mapping_.kind, member.key());
      if (known == nullptr) {
        return wrong(path, fmt::format("is not a column of this kind; want {}", keys_of(mapping_.kind)));
      }
      if (!member->is_object()) return unfit(path, *member, "an object with column and unit, or constant");
      auto value = read_column(path, *known, *member, *columns);
      if (!value) return value.error();
      value->id = known->id;
      mapping_.values.push_back(*value);
    }
    std::sort(mapping_.values.begin(), mapping_.values.end(),
              [](const MappedColumn& a, const MappedColumn& b) { return a.id < b.id; });
    const bool reads = std::any_of(mapping_.values.begin(), mapping_.values.end(),
                                   [](const MappedColumn& value) { return value.reading != Reading::kConstant; });
    if (!reads) return wrong({"columns"}, "reads nothing of the trace: all of it is constant");
    return {};
  }

  Result<MappedColumn> read_column(const KeyPath& path, const KnownColumn& known, const json& object,
                                   const json& columns) {
    if (const json* constant = member_at(object, "constant")) {
      if (auto alone = only(path, object, {"constant"}); !alone) return alone.error();
      return read_constant(below(path, "constant"), known.measure, *constant);
    }
    switch (known.measure) {
      case Measure::kCpu:
      case Measure::kMemory:
        return read_amount(path, known, object, columns);
      case Measure::kTime:
        return read_end(path, object);
      default:
        return read_plain(path, known.measure, object);
    }
  }

  Result<MappedColumn> read_constant(const KeyPath& path, Measure measure, const json& value) const {
    const std::string text = text_in(value);
    std::optional<std::int64_t> constant;
    std::string_view want;
    switch (measure) {
      case Measure::kCpu:
      case Measure::kMemory:
        constant = quantity_of(measure, text);
        want = measure == Measure::kCpu ? "a quantity such as \"500m\" or \"2\"" : "a quantity such as \"512Mi\"";
        break;
      case Measure::kCount:
        want = "a whole number from 1 to 1000000000";
        if (value.is_number_unsigned()) {
          const auto number = value.get<std::uint64_t>();
          if (number >= 1 && number <= kMaxInstances) constant = static_cast<std::int64_t>(number);
        }
        break;
      case Measure::kQos:
        want = "LSE | LSR | LS | BE | SYSTEM";
        if (const auto qos = model::qos_class_from(text)) constant = static_cast<std::int64_t>(*qos);
        break;
      case Measure::kTime:
        want = "a column: tasks do not all end at one time";
        break;
    }
    if (!constant) return unfit(path, value, want);
    return MappedColumn{.reading = Reading::kConstant, .constant = *constant};
  }

  static std::optional<std::int64_t> quantity_of(Measure measure, const std::string& text) {
    if (text.empty()) return std::nullopt;
    std::int64_t value = 0;
    if (measure == Measure::kCpu) {
      const auto cpu = model::parse_cpu(text);
      if (!cpu) return std::nullopt;
      value = cpu->value();
    } else {
      const auto bytes = model::parse_bytes(text);
      if (!bytes) return std::nullopt;
      value = bytes->value();
    }
    if (value > kMaxConstant) return std::nullopt;
    return value;
  }

  Result<MappedColumn> read_amount(const KeyPath& path, const KnownColumn& known, const json& object,
                                   const json& columns) {
    if (auto keys = only(path, object, {"column", "unit", "of", "constant"}); !keys) return keys.error();
    const auto source = source_in(path, object);
    if (!source) return source.error();
    const bool is_cpu = known.measure == Measure::kCpu;
    const std::string_view want = is_cpu ? kWantCpuUnit : kWantMemoryUnit;
    const json* unit = member_at(object, "unit");
    if (unit == nullptr) return wrong(path, fmt::format("has no \"unit\"; want {}", want));
    const json* of = member_at(object, "of");
    MappedColumn value{.reading = Reading::kScaled, .source = *source};
    const std::string unit_text = text_in(*unit);
    if (unit_text == "percent") {
      if (of == nullptr) return wrong(path, "has no \"of\", and percent need it: a column's key, or a quantity");
      return read_percent(below(path, "of"), known, *of, columns, value);
    }
    if (is_cpu && unit_text == "mhz") {
      if (of == nullptr) return wrong(path, "has no \"of\", and mhz need it: MHz of a core");
      const double mhz = of->is_number() ? of->get<double>() : 0;
      if (!(mhz >= 1 && mhz <= kMaxMhz)) return unfit(below(path, "of"), *of, "MHz of a core, from 1 to 1000000");
      value.scale = 1000 / mhz;
      return value;
    }
    const auto scale = scale_of(is_cpu, unit_text);
    if (!scale) return unfit(below(path, "unit"), *unit, want);
    if (of != nullptr) return wrong(below(path, "of"), "is of no use to that unit; percent and mhz take it");
    value.scale = *scale;
    return value;
  }

  static std::optional<double> scale_of(bool is_cpu, std::string_view unit) {
    const auto of_unit = [unit](const auto& units) -> std::optional<double> {
      for (const KnownUnit& known : units) {
        if (unit == known.key) return known.scale;
      }
      return std::nullopt;
    };
    return is_cpu ? of_unit(kCpuUnits) : of_unit(kMemoryUnits);
  }

  /// `of`: a quantity, or the key of another column of the same kind that is no percentage itself.
  Result<MappedColumn> read_percent(const KeyPath& path, const KnownColumn& known, const json& of, const json& columns,
                                    MappedColumn value) const {
    const std::string text = text_in(of);
    if (const auto whole = quantity_of(known.measure, text); whole && *whole > 0) {
      value.scale = static_cast<double>(*whole) / 100;
      return value;
    }
    const KnownColumn* other = known_column(mapping_.kind, text);
    if (other == nullptr || other->measure != known.measure || other->id == known.id) {
      return unfit(path, of, "the key of another column of the same resource, or a quantity above 0");
    }
    const json* mapped = member_at(columns, text);
    if (mapped == nullptr) return wrong(path, fmt::format("is {}, which is not mapped", text));
    const json* unit = mapped->is_object() ? member_at(*mapped, "unit") : nullptr;
    if (unit != nullptr && text_in(*unit) == "percent") {
      return wrong(path, fmt::format("is {}, which is in percent itself", text));
    }
    value.reading = Reading::kPercent;
    value.of = other->id;
    return value;
  }

  Result<MappedColumn> read_end(const KeyPath& path, const json& object) {
    if (auto keys = only(path, object, {"column", "unit"}); !keys) return keys.error();
    const auto source = source_in(path, object);
    if (!source) return source.error();
    const auto unit = time_unit_in(path, object);
    if (!unit) return unit.error();
    return MappedColumn{.reading = Reading::kTime, .source = *source, .unit = *unit};
  }

  /// A count or a name, which have no unit.
  Result<MappedColumn> read_plain(const KeyPath& path, Measure measure, const json& object) {
    if (auto keys = only(path, object, {"column", "constant"}); !keys) return keys.error();
    const auto source = source_in(path, object);
    if (!source) return source.error();
    const Reading reading = measure == Measure::kQos ? Reading::kQos : Reading::kScaled;
    return MappedColumn{.reading = reading, .source = *source};
  }

  static constexpr std::uint64_t kMaxInstances = 1'000'000'000;
  static constexpr std::int64_t kMaxConstant = std::int64_t{1} << 53;
  static constexpr double kMaxMhz = 1e6;

  std::string_view text_;
  std::string_view name_;
  Mapping mapping_;
};

}  // namespace

Result<Mapping> parse_mapping(std::string_view text, std::string_view name) {
  const auto root = model::parse_json(text, {.max_bytes = MappingLimits::kMaxBytes, .max_depth = 8});
  if (!root) return model::invalid(fmt::format("{}: {}", readable(name, 120), root.error().message()));
  return MappingReader(text, name).read(*root);
}

}  // namespace tideline::traces
