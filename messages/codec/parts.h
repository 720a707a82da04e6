#pragma once
// What the readers and writers of wire.h share. Not for other rooms.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <capnp/message.h>
#include <fmt/format.h>

#include "messages/codec/kj_text.h"
#include "messages/codec/wire.h"
#include "messages/model/result.h"

namespace tideline::codec {

/// Collects the first thing that is wrong; reading goes on, and the caller gets the error instead of the value.
class Problems {
 public:
  void add(std::string_view field, const std::string& what) {
    if (!first_) first_ = model::Error(model::ErrorCode::kMalformed, fmt::format("{}: {}", field, what));
  }
  bool any() const { return first_.has_value(); }
  template <class T>
  model::Result<T> result(T&& value) const {
    if (first_) return *first_;
    return std::forward<T>(value);
  }
  /// The value, or a default one after noting the problem.
  template <class T>
  T take(std::string_view field, model::Result<T> value) {
    if (value) return *std::move(value);
    if (!first_) first_ = value.error().in(field);
    return T{};
  }
  /// An enumerator of `To` with the same number, which must be at most `last`.
  template <class To, class From>
  To enumerator(std::string_view field, From value, To last) {
    const auto number = static_cast<std::uint64_t>(value);
    if (number > static_cast<std::uint64_t>(last)) {
      add(field, fmt::format("value {} is not known to this build", number));
      return To{};
    }
    return static_cast<To>(number);
  }
  int integer(std::string_view field, std::int64_t value) {
    if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
      add(field, fmt::format("{} does not fit 32 bits", value));
      return 0;
    }
    return static_cast<int>(value);
  }
  std::optional<int> integer(std::string_view field, std::optional<std::int64_t> value) {
    if (!value) return std::nullopt;
    return integer(field, *value);
  }
  template <class List>
  bool bounded(std::string_view field, const List& list, std::size_t limit) {
    if (list.size() <= limit) return true;
    add(field, fmt::format("{} entries, limit {}", list.size(), limit));
    return false;
  }

 private:
  std::optional<model::Error> first_;
};

/// A pod's summary but for what the pod is.
model::PodSummary read_use(schema::PodSummary::Reader in);
void write_use(const model::PodSummary& summary, schema::PodSummary::Builder out);

/// Signs of trouble with memory; not written where nothing of it is known. What a build that did not know the fields
/// took into history may be any number: one that cannot be is not known.
void write_signals(const model::MemorySignals& signals, schema::MemorySignals::Builder out);
model::MemorySignals read_signals(schema::MemorySignals::Reader in);
void write_memory_side(const model::MemorySample& memory, schema::Sample::Builder out);
model::MemorySample read_memory_side(schema::MemorySample::Reader in);
void write_memory_qos(const model::MemoryQosOverride& qos, schema::MemoryQosOverride::Builder out);
model::MemoryQosOverride read_memory_qos(Problems& problems, schema::MemoryQosOverride::Reader in);

/// Labels and annotations of a node.
void write_texts(const std::map<std::string, std::string>& texts, capnp::List<schema::Label>::Builder out);
std::map<std::string, std::string> read_texts(Problems& problems, std::string_view field,
                                              capnp::List<schema::Label>::Reader in, std::size_t limit);

/// What host applications used.
void write_applications(const std::vector<model::HostApplicationSummary>& applications, schema::Report::Builder out);
std::vector<model::HostApplicationSummary> read_applications(Problems& problems,
                                                             capnp::List<schema::HostApplicationUse>::Reader in);

/// NUMA zones: of a report, and of an account.
void write_zones(const std::vector<model::ZoneUse>& zones, schema::Report::Builder out);
std::vector<model::ZoneUse> read_zones(Problems& problems, capnp::List<schema::Zone>::Reader in);
void write_zones(const std::vector<model::ZoneAccount>& zones, schema::Reclaimed::Builder out);
std::vector<model::ZoneAccount> read_zones(Problems& problems, capnp::List<schema::ZoneAccount>::Reader in);

inline void write_spread(const std::optional<model::Spread>& value, schema::Spread::Builder out) {
  out.setKnown(value.has_value());
  const model::Spread spread = value.value_or(model::Spread{});
  out.setMin(spread.min);
  out.setMean(spread.mean);
  out.setMax(spread.max);
}

inline std::optional<model::Spread> read_spread(schema::Spread::Reader in) {
  if (!in.getKnown()) return std::nullopt;
  return model::Spread{in.getMin(), in.getMean(), in.getMax()};
}

inline std::uint64_t ms_of(model::Duration duration) {
  return static_cast<std::uint64_t>(model::to_ms(duration));
}

template <class Unit>
void write_unit(const std::optional<Unit>& value, schema::OptInt::Builder out) {
  out.setKnown(value.has_value());
  out.setValue(value ? value->value() : 0);
}

template <class Unit>
std::optional<Unit> read_unit(schema::OptInt::Reader in) {
  if (!in.getKnown()) return std::nullopt;
  return Unit(in.getValue());
}

inline void write_float(const std::optional<double>& value, schema::OptFloat::Builder out) {
  out.setKnown(value.has_value());
  out.setValue(value.value_or(0));
}

inline std::optional<double> read_float(schema::OptFloat::Reader in) {
  if (!in.getKnown()) return std::nullopt;
  return in.getValue();
}

inline schema::YesNo yes_no(const std::optional<bool>& value) {
  if (!value) return schema::YesNo::UNKNOWN;
  return *value ? schema::YesNo::YES : schema::YesNo::NO;
}

/// What a newer node may say beside yes and no is not known here.
inline std::optional<bool> known(schema::YesNo value) {
  if (value == schema::YesNo::YES) return true;
  if (value == schema::YesNo::NO) return false;
  return std::nullopt;
}

inline std::optional<std::int64_t> widened(const std::optional<int>& value) {
  if (!value) return std::nullopt;
  return *value;
}

}  // namespace tideline::codec
