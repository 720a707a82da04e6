#pragma once
// Reading members of JSON that anyone may have written: what is not as it should be is a problem, and reads as absent.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/translate/objects.h"
#include "messages/model/metadata_json.h"
#include "messages/model/pod_metadata.h"
#include "messages/model/result.h"

namespace tideline::k8s {

/// Of uids, names and namespaces: as in Kubernetes, and in reports.
inline constexpr std::size_t kMaxNameBytes = 253;

/// What is wrong with one object, the first kMost of it: whoever wrote it must not choose how much is said.
class Problems {
 public:
  static constexpr std::size_t kMost = 32;

  void add(std::string_view key, std::string_view value, std::string_view why);
  void add_json(std::string_view key, const nlohmann::json& value, std::string_view why);
  std::vector<model::MetadataProblem> take() && { return std::move(found_); }

 private:
  std::vector<model::MetadataProblem> found_;
};

/// On one line and short; lists and objects only by their type, as their depth is the writer's choice.
std::string brief(const nlohmann::json& value);

/// Members of one object. A null, and what is no object, has none.
class Fields {
 public:
  /// `path` stands before members' names in problems. All outlive this.
  Fields(const nlohmann::json* object, std::string path, Problems& problems);

  std::string path(std::string_view name) const;
  /// nullptr: absent or null.
  const nlohmann::json* find(std::string_view name) const;
  const nlohmann::json* object(std::string_view name) const;
  const nlohmann::json* list(std::string_view name) const;
  Fields fields(std::string_view name) const { return {object(name), path(name), problems_}; }
  /// nullopt too where it is longer.
  std::optional<std::string> text(std::string_view name, std::size_t max_bytes) const;
  std::optional<int> integer(std::string_view name) const;

 private:
  const nlohmann::json* of_type(std::string_view name, bool (nlohmann::json::*is)() const noexcept,
                                std::string_view wanted) const;

  const nlohmann::json* object_;
  std::string path_;
  Problems& problems_;
};

/// The first of `names` that a ResourceList has; nullopt: it has none, or it cannot be read, which is a problem.
template <class Unit>
std::optional<Unit> amount(const nlohmann::json* list, std::string_view path,
                           std::initializer_list<std::string_view> names,
                           model::Result<Unit> (*parse)(std::string_view), std::int64_t limit, Problems& problems) {
  if (list == nullptr) return std::nullopt;
  for (const std::string_view name : names) {
    const auto found = list->find(std::string(name));
    if (found == list->end() || found->is_null()) continue;
    const auto read = model::metadata::quantity(*list, name, parse, limit);
    if (read) return *read;
    problems.add_json(fmt::format("{}.{}", path, name), *found, read.error().message() + "; it is ignored");
    return std::nullopt;
  }
  return std::nullopt;
}

/// metadata.name, uid, resourceVersion and of what has one the namespace. kMalformed names the field.
model::Result<ObjectKey> key_from(const nlohmann::json& object, bool has_namespace);

}  // namespace tideline::k8s
