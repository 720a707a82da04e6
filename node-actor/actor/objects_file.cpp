#include "node-actor/actor/objects_file.h"

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "messages/codec/report_bytes.h"
#include "messages/model/crc32.h"
#include "messages/model/report.h"
#include "node-actor/actor/state_file.h"

namespace tideline::node {
namespace {

/// A line with version and checksum, then the set as the codec has it.
constexpr std::string_view kHead = "tideline-objects 1 ";
constexpr std::size_t kHeadBytes = kHead.size() + 9;
constexpr std::size_t kMaxObjectsBytes = kHeadBytes + model::ReportLimits::kMaxWireBytes;
constexpr unsigned kObjectsMode = 0600;

std::string head_of(std::string_view set) {
  return fmt::format("{}{:08x}\n", kHead, model::crc32(set));
}

}  // namespace

std::string objects_path(const std::string& state_dir) {
  return state_dir + "/objects";
}

model::Result<std::optional<model::NodeObjects>> load_objects(const std::string& state_dir) {
  const auto path = objects_path(state_dir);
  const auto text = read_state_file(path, kMaxObjectsBytes);
  if (!text) return text.error();
  if (!*text) return std::optional<model::NodeObjects>();
  const auto malformed = [&](const std::string& what) {
    return model::Error(model::ErrorCode::kMalformed, what).in(path);
  };
  const auto head = std::string_view(**text).substr(0, kHeadBytes);
  const auto set = std::string_view(**text).substr(head.size());
  if (!head.starts_with(kHead)) return malformed(fmt::format("does not begin with \"{}\"", kHead));
  if (head != head_of(set)) return malformed("its checksum is another: it is torn or damaged");
  auto objects = codec::objects_from_bytes(std::as_bytes(std::span(set)));
  if (!objects) return objects.error().in(path);
  return std::optional<model::NodeObjects>(*std::move(objects));
}

model::Result<void> keep_objects(const std::string& state_dir, const model::NodeObjects& objects) {
  const auto bytes = codec::to_bytes(objects);
  if (!bytes) return bytes.error().in(objects_path(state_dir));
  const std::string_view set(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  return replace_state_file(state_dir, "objects", head_of(set).append(set), kObjectsMode);
}

}  // namespace tideline::node
