#include <utility>

#include "k8s-bridge/translate/fields.h"
#include "k8s-bridge/translate/objects.h"
#include "messages/model/json_text.h"

namespace tideline::k8s {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using nlohmann::json;

}  // namespace

Result<ConfigMapObject> config_map_from(const json& object) {
  // Of all of them; etcd's own bound on an object is 1.5 MiB.
  constexpr std::size_t kMaxDataBytes = 3 << 19;
  auto key = key_from(object, true);
  if (!key) return key.error();
  ConfigMapObject map;
  map.key = *std::move(key);
  const auto wrong = [&map](std::string what, ErrorCode code = ErrorCode::kMalformed) {
    return Error(code, std::move(what))
        .in(model::printable(fmt::format("{}/{}", map.key.name_space, map.key.name), 2 * kMaxNameBytes));
  };
  const auto data = object.find("data");
  if (data == object.end() || data->is_null()) return map;
  if (!data->is_object()) return wrong(fmt::format("data is {}; want an object", brief(*data)));
  std::size_t bytes = 0;
  for (const auto& [name, text] : data->items()) {
    const std::string shown_name = model::printable(name, model::MetadataProblem::kMaxShownBytes);
    if (!text.is_string()) return wrong(fmt::format("data[\"{}\"] is {}; want text", shown_name, brief(text)));
    const auto& value = text.get_ref<const std::string&>();
    bytes += name.size() + value.size();
    if (bytes > kMaxDataBytes) {
      return wrong(fmt::format("data with \"{}\" has more than {} bytes", shown_name, kMaxDataBytes),
                   ErrorCode::kOverloaded);
    }
    map.data.emplace(name, value);
  }
  return map;
}

}  // namespace tideline::k8s
