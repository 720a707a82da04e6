#pragma once
// What was computed before of the same question, for who was stopped and begins again. The room has no files: who calls
// it gives them, or none.

#include <functional>
#include <optional>
#include <string>

#include "messages/model/result.h"

namespace tideline::planner {

/// A piece by its name. Both from the caller's thread; what is found must be what was kept of the same data, policy and
/// options. A piece that does not read as one is computed again.
struct Kept {
  std::function<std::optional<std::string>(const std::string& name)> find = {};
  std::function<model::Result<void>(const std::string& name, const std::string& text)> keep = {};
};

/// The same, with `prefix` before the names of pieces.
inline Kept kept_as(const Kept& kept, const std::string& prefix) {
  Kept named;
  if (kept.find) {
    named.find = [find = kept.find, prefix](const std::string& name) { return find(prefix + name); };
  }
  if (kept.keep) {
    named.keep = [keep = kept.keep, prefix](const std::string& name, const std::string& text) {
      return keep(prefix + name, text);
    };
  }
  return named;
}

inline std::optional<std::string> find_kept(const Kept& kept, const std::string& name) {
  return kept.find ? kept.find(name) : std::nullopt;
}

inline model::Result<void> keep_now(const Kept& kept, const std::string& name, const std::string& text) {
  return kept.keep ? kept.keep(name, text) : model::Result<void>();
}

}  // namespace tideline::planner
