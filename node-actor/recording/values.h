#pragma once
// Values as JSON and back. A struct says its fields once, in fields(), for both ways:
//   template <class V> void fields(V& v, Of<V, model::Limit> limit) { v("cpu", limit.cpu); }
// A field more is a line more. What an older recording does not have keeps its default when it is read.

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/model/cpu_set.h"
#include "messages/model/ids.h"
#include "messages/model/knob.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/decide/cpu_pools.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/victims.h"

namespace tideline::recording {

using Json = nlohmann::json;

/// A struct that is read into, or only looked at.
template <class V, class T>
using Of = std::conditional_t<V::kReads, T&, const T&>;

// Names of enums that have none elsewhere.
std::string_view name_of(decide::CpusetSide side);
std::string_view name_of(decide::KubeletCpuManager manager);
std::string_view name_of(decide::EvictTask task);
std::string_view name_of(model::GroupRef::Level level);

class Writer {
 public:
  static constexpr bool kReads = false;
  template <class T>
  void operator()(const char* name, const T& value) {
    object_[name] = json_of(value);
  }
  Json take() { return std::move(object_); }

  static Json json_of(const Json& value) { return value; }
  static Json json_of(bool value) { return value; }
  static Json json_of(double value) { return value; }
  static Json json_of(const std::string& value) { return value; }
  static Json json_of(model::MonoTime value) { return value.ns; }
  static Json json_of(model::WallTime value) { return value.ms; }
  static Json json_of(model::Duration value) { return value.count(); }
  static Json json_of(model::Ratio value) { return value.hundredths(); }
  static Json json_of(decide::EvictAmount value) { return value.value(); }
  static Json json_of(const model::CpuSet& value) { return value.text(); }
  static Json json_of(const model::KnobValue& value);
  /// "unknown", "none" or the quota.
  static Json json_of(const decide::CurrentLimit& value);
  template <class Tag>
  static Json json_of(model::Quantity<Tag> value) {
    return value.value();
  }
  template <class Tag>
  static Json json_of(const model::StringId<Tag>& value) {
    return value.str();
  }
  template <class Tag>
  static Json json_of(model::NumberId<Tag> value) {
    return value.value();
  }
  template <class T>
  static Json json_of(const std::optional<T>& value) {
    return value ? json_of(*value) : Json(nullptr);
  }
  template <class T>
  static Json json_of(const std::shared_ptr<T>& value) {
    return value ? json_of(*value) : Json(nullptr);
  }
  template <class T>
  static Json json_of(const std::vector<T>& value) {
    return json_of(std::span<const T>(value));
  }
  template <class T, std::size_t N>
  static Json json_of(const std::array<T, N>& value) {
    return json_of(std::span<const T>(value));
  }
  template <class T>
  static Json json_of(std::span<const T> value) {
    Json list = Json::array();
    for (const auto& each : value)
      list.push_back(json_of(each));
    return list;
  }
  template <class T>
  static Json json_of(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      return std::string(name_of(value));
    } else if constexpr (std::is_integral_v<T>) {
      return value;
    } else {
      Writer inner;
      fields(inner, value);
      return inner.take();
    }
  }

 private:
  Json object_ = Json::object();
};

/// Remembers the first thing that is wrong; what is wrong keeps its default, so that callers read on and ask once.
class Reader {
 public:
  static constexpr bool kReads = true;
  /// All must outlive it.
  Reader(const Json& object, std::string path, std::optional<model::Error>& problem)
      : object_(object), path_(std::move(path)), problem_(problem) {
    if (!object.is_object()) fail(path_, "an object", object);
  }
  template <class T>
  void operator()(const char* name, T& value) {
    if (!object_.is_object()) return;
    const auto found = object_.find(name);
    if (found != object_.end()) read(*found, path_ + "." + name, value);
  }

 private:
  /// Far beyond what a host runs for, and so that two of them can be added and subtracted.
  static constexpr std::int64_t kMostNs = std::int64_t{1} << 60;
  static constexpr std::string_view kTimeWanted = "a time of less than 36 years";
  static bool is_time(std::int64_t ns) { return ns > -kMostNs && ns < kMostNs; }
  void fail(const std::string& path, std::string_view wanted, const Json& found) {
    if (problem_) return;
    problem_ = model::Error(
        model::ErrorCode::kMalformed,
        fmt::format("{}: want {}, got {}", path, wanted, found.is_number() ? found.dump() : found.type_name()));
  }
  void read(const Json& json, const std::string& path, bool& value) {
    if (!json.is_boolean()) return fail(path, "true or false", json);
    value = json.get<bool>();
  }
  void read(const Json& json, const std::string& path, double& value) {
    if (!json.is_number()) return fail(path, "a number", json);
    value = json.get<double>();
  }
  void read(const Json& json, const std::string& path, std::string& value) {
    if (!json.is_string()) return fail(path, "text", json);
    value = json.get<std::string>();
  }
  void read(const Json& json, const std::string& path, model::MonoTime& value) {
    std::int64_t ns = value.ns;
    read(json, path, ns);
    // Until this a hold without end is; times are only compared with it.
    const bool is_never = ns == std::numeric_limits<std::int64_t>::max() && path.ends_with(".expires_ns");
    if (!is_never && !is_time(ns)) return fail(path, kTimeWanted, json);
    value.ns = ns;
  }
  void read(const Json& json, const std::string& path, model::WallTime& value) { read(json, path, value.ms); }
  void read(const Json& json, const std::string& path, model::Duration& value) {
    std::int64_t ns = value.count();
    read(json, path, ns);
    if (!is_time(ns)) return fail(path, kTimeWanted, json);
    value = model::Duration(ns);
  }
  void read(const Json& json, const std::string& path, model::Ratio& value) {
    // Quantities are divided by it.
    constexpr std::int64_t kMostHundredths = 100'000'000;
    std::int64_t hundredths = value.hundredths();
    read(json, path, hundredths);
    if (hundredths < 1 || hundredths > kMostHundredths) {
      return fail(path, fmt::format("1 to {} hundredths", kMostHundredths), json);
    }
    value = model::Ratio(hundredths);
  }
  void read(const Json& json, const std::string& path, decide::EvictAmount& value) {
    std::int64_t number = value.value();
    read(json, path, number);
    // In whatever currency its task has.
    value = model::MilliCpu(number);
  }
  void read(const Json& json, const std::string& path, model::CpuSet& value);
  void read(const Json& json, const std::string& path, model::KnobValue& value);
  void read(const Json& json, const std::string& path, decide::CurrentLimit& value);
  template <class Tag>
  void read(const Json& json, const std::string& path, model::Quantity<Tag>& value) {
    std::int64_t number = value.value();
    read(json, path, number);
    value = model::Quantity<Tag>(number);
  }
  template <class Tag>
  void read(const Json& json, const std::string& path, model::StringId<Tag>& value) {
    std::string text;
    read(json, path, text);
    value = model::StringId<Tag>(std::move(text));
  }
  template <class Tag>
  void read(const Json& json, const std::string& path, model::NumberId<Tag>& value) {
    std::uint64_t number = value.value();
    read(json, path, number);
    value = model::NumberId<Tag>(number);
  }
  template <class T>
  void read(const Json& json, const std::string& path, std::optional<T>& value) {
    value.reset();
    if (!json.is_null()) read(json, path, value.emplace());
  }
  template <class T>
  void read(const Json& json, const std::string& path, std::vector<T>& value) {
    value.clear();
    if (!json.is_array()) return fail(path, "a list", json);
    value.reserve(json.size());
    for (const auto& each : json)
      read(each, path, value.emplace_back());
  }
  template <class T, std::size_t N>
  void read(const Json& json, const std::string& path, std::array<T, N>& value) {
    if (!json.is_array() || json.size() != N) return fail(path, fmt::format("a list of {}", N), json);
    for (std::size_t i = 0; i < N; ++i)
      read(json[i], path, value[i]);
  }
  template <class T>
  void read(const Json& json, const std::string& path, T& value) {
    if constexpr (std::is_enum_v<T>) {
      read_enum(json, path, value);
    } else if constexpr (std::is_integral_v<T>) {
      read_integer(json, path, value);
    } else {
      Reader inner(json, path, problem_);
      fields(inner, value);
    }
  }
  template <class T>
  void read_integer(const Json& json, const std::string& path, T& value) {
    const bool fits = json.is_number_unsigned()
                          ? json.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<T>::max())
                          : json.is_number_integer() && std::is_signed_v<T> &&
                                json.get<std::int64_t>() >= static_cast<std::int64_t>(std::numeric_limits<T>::min());
    if (!fits) return fail(path, "a whole number that fits", json);
    value = json.get<T>();
  }
  template <class E>
  void read_enum(const Json& json, const std::string& path, E& value) {
    // Enums of the model count from 0 and have far fewer values.
    constexpr int kMostValues = 256;
    const auto* text = json.get_ptr<const Json::string_t*>();
    for (int number = 0; text != nullptr && number < kMostValues; ++number) {
      if (name_of(static_cast<E>(number)) != *text) continue;
      // Numbers without a name are called so, too.
      if (*text == "unknown" && number != 0) break;
      value = static_cast<E>(number);
      return;
    }
    fail(path, "a known name", json);
  }

  const Json& object_;
  std::string path_;
  std::optional<model::Error>& problem_;
};

}  // namespace tideline::recording
