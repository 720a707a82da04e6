#include "k8s-bridge/translate/event.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tideline::k8s {
namespace {

constexpr std::string_view kCut = "...";

/// At most `most` bytes, and no half of a character.
std::string shortened(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most - kCut.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;
  text.resize(end);
  text += kCut;
  return text;
}

}  // namespace

std::string event_namespace(const EventNote& note) {
  return note.object.name_space.empty() ? "default" : note.object.name_space;
}

std::string time_text(model::WallTime at) {
  using namespace std::chrono;
  constexpr std::int64_t kFirst = -62'135'596'800;  // 0001-01-01
  constexpr std::int64_t kLast = 253'402'300'799;   // 9999-12-31
  const sys_seconds second{seconds(std::clamp(floor<seconds>(milliseconds(at.ms)).count(), kFirst, kLast))};
  const auto day = floor<days>(second);
  const year_month_day date{day};
  const hh_mm_ss of_day{second - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day.hours().count(),
                     of_day.minutes().count(), of_day.seconds().count());
}

std::string event_path(const EventNote& note) {
  return fmt::format("/api/v1/namespaces/{}/events", event_namespace(note));
}

std::string event_body(const EventNote& note, model::WallTime at) {
  const auto& object = note.object;
  nlohmann::json involved{{"apiVersion", "v1"},
                          {"kind", note.kind},
                          {"name", object.name},
                          {"uid", note.kind == "Node" ? object.name : object.uid}};
  if (!object.name_space.empty()) involved["namespace"] = object.name_space;
  if (!object.resource_version.empty()) involved["resourceVersion"] = object.resource_version;
  const std::string stamp = time_text(at);
  const std::string source(kEventSource);
  const nlohmann::json event{{"apiVersion", "v1"},
                             {"kind", "Event"},
                             // The API server cuts it to what fits and adds five characters of its own.
                             {"metadata", {{"generateName", object.name + "."}, {"namespace", event_namespace(note)}}},
                             {"involvedObject", std::move(involved)},
                             {"type", note.type == EventNote::Type::kWarning ? "Warning" : "Normal"},
                             {"reason", note.reason},
                             {"message", shortened(note.message, kMaxEventBytes)},
                             {"source", {{"component", source}}},
                             {"reportingComponent", source},
                             {"reportingInstance", source},
                             {"firstTimestamp", stamp},
                             {"lastTimestamp", stamp},
                             {"count", 1}};
  return event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace tideline::k8s
