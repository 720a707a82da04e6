#include "k8s-bridge/translate/containers.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "messages/model/report.h"

namespace tideline::k8s {
namespace {

using nlohmann::json;

Part part_of(const Fields& container, bool is_init, Problems& problems) {
  Part part;
  if (is_init) part.role = container.text("restartPolicy", kMaxNameBytes) == "Always" ? Role::kSidecar : Role::kInit;
  part.container.name = container.text("name", kMaxNameBytes).value_or("");
  Asked asked = asked_in(container.fields("resources"), problems);
  part.container.requests = asked.requests;
  part.container.limits = asked.limits;
  part.mid = asked.mid;
  part.batch = asked.batch;
  return part;
}

/// "containerd://3f2a" is 3f2a; "" where there is none yet, or it is no name of a cgroup.
std::string id_of(const Fields& status, Problems& problems) {
  const auto text = status.text("containerID", 2 * kMaxNameBytes);
  if (!text || text->empty()) return {};
  const auto scheme = text->find("://");
  std::string id = scheme == std::string::npos ? *text : text->substr(scheme + 3);
  if (id.empty() || (model::is_path_part(id) && id.size() <= kMaxNameBytes)) return id;
  problems.add(status.path("containerID"), *text, "it cannot be part of a cgroup's name; it is ignored");
  return {};
}

/// Calls `take` with the members of each object of the list, the first `most` of it.
template <class Take>
void for_each_object(const Fields& of, std::string_view name, std::size_t most, Problems& problems, Take take) {
  const json* list = of.list(name);
  if (list == nullptr) return;
  for (std::size_t i = 0; i < std::min(list->size(), most); ++i) {
    const json& entry = (*list)[i];
    auto path = fmt::format("{}[{}]", of.path(name), i);
    if (entry.is_object()) {
      take(Fields(&entry, std::move(path), problems));
    } else {
      problems.add_json(path, entry, "want an object; it is ignored");
    }
  }
  if (list->size() > most) {
    problems.add(of.path(name), fmt::format("{} entries", list->size()),
                 fmt::format("only the first {} are looked at", most));
  }
}

void take_ids(const Fields& status, std::string_view name, std::span<Part> parts, Problems& problems) {
  for_each_object(status, name, kMaxParts, problems, [&](const Fields& of_container) {
    const auto container = of_container.text("name", kMaxNameBytes);
    if (!container) return;
    const auto part =
        std::find_if(parts.begin(), parts.end(), [&](const Part& each) { return each.container.name == *container; });
    if (part != parts.end()) part->container.id = id_of(of_container, problems);
  });
}

}  // namespace

std::vector<Part> parts_of(const Fields& spec, const Fields& status, Problems& problems) {
  std::vector<Part> parts;
  const auto add = [&](std::string_view name, bool is_init) {
    for_each_object(spec, name, kMaxParts - parts.size(), problems,
                    [&](const Fields& container) { parts.push_back(part_of(container, is_init, problems)); });
  };
  add("initContainers", true);
  const std::size_t init = parts.size();
  add("containers", false);
  take_ids(status, "initContainerStatuses", std::span(parts).first(init), problems);
  take_ids(status, "containerStatuses", std::span(parts).subspan(init), problems);
  return parts;
}

}  // namespace tideline::k8s
