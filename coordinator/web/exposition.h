#pragma once
// Prometheus' text format, version 0.0.4 (prometheus.io, "Exposition formats").

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace tideline::web {

class Exposition {
 public:
  enum class Type { kCounter, kGauge };
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// Begins a family; its samples follow. `name` and the labels' names must be metric names, as is not checked; help
  /// and the labels' values may be any UTF-8 text.
  void family(std::string_view name, Type type, std::string_view help);
  void sample(double value, Labels labels = {});
  /// A family of one sample.
  void one(std::string_view name, Type type, std::string_view help, double value);

  /// All families; nothing is left.
  std::string take();

 private:
  std::string text_;
  std::string name_;
};

}  // namespace tideline::web
