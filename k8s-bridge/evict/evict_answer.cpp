#include "k8s-bridge/evict/evict_answer.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/model/json_text.h"

namespace tideline::evict {
namespace {

using Kind = EvictAnswer::Kind;
using nlohmann::json;

constexpr model::JsonLimits kLimits{.max_bytes = 64 << 10, .max_depth = 16};
constexpr std::size_t kMaxWhyBytes = 360;
constexpr std::size_t kMaxCauses = 4;

/// Of a metav1.Status what is looked at here; of anything else the first line.
struct Said {
  std::string message;
  std::string kind;    // details.kind
  std::string causes;  // of the budget
  bool is_budget = false;
};

std::string text_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void read_details(const json& details, Said& said) {
  said.kind = text_in(details, "kind");
  const auto causes = details.find("causes");
  if (causes == details.end() || !causes->is_array()) return;
  std::size_t read = 0;
  for (const auto& cause : *causes) {
    if (++read > kMaxCauses) return;
    if (!cause.is_object() || text_in(cause, "reason") != "DisruptionBudget") continue;
    said.is_budget = true;
    said.causes += (said.causes.empty() ? "" : "; ") + text_in(cause, "message");
  }
}

Said said_in(std::string_view body) {
  Said said;
  const auto status = model::parse_json(body, kLimits);
  if (!status || !status->is_object()) {
    said.message = std::string(body.substr(0, std::min(body.find_first_of("\r\n"), kMaxWhyBytes)));
    return said;
  }
  said.message = text_in(*status, "message");
  if (const auto details = status->find("details"); details != status->end() && details->is_object()) {
    read_details(*details, said);
  }
  // Servers of before the cause was there.
  said.is_budget = said.is_budget || said.message.find("disruption budget") != std::string::npos;
  return said;
}

bool has(const Said& said, std::string_view words) {
  return said.message.find(words) != std::string::npos;
}

bool is_of_the_pod(const Said& said) {
  return said.kind == "pods" || has(said, "pods \"");
}

bool is_version_unknown(unsigned status, const Said& said) {
  if (status == 404) return !is_of_the_pod(said);
  return status == 400 && (has(said, "no kind \"Eviction\"") || has(said, "unrecognized"));
}

Kind kind_of(unsigned status, const Said& said) {
  if (status >= 200 && status < 300) return Kind::kTaken;
  switch (status) {
    case 404:
      return is_of_the_pod(said) ? Kind::kGone : Kind::kNone;
    case 409:
      // Of the uid; one of the resourceVersion is a race that another try may win.
      return has(said, "UID in ") ? Kind::kGone : Kind::kNone;
    case 429:
      return said.is_budget ? Kind::kBudget : Kind::kNone;
    case 401:
    case 408:
      return Kind::kNone;
    case 500:
      return has(said, "more than one PodDisruptionBudget") ? Kind::kRefused : Kind::kNone;
    default:
      break;
  }
  if (is_version_unknown(status, said)) return Kind::kNone;
  return status >= 400 && status < 500 ? Kind::kRefused : Kind::kNone;
}

}  // namespace

EvictAnswer evict_answer(unsigned status, std::string_view body, std::optional<model::Duration> retry_after) {
  const Said said = said_in(body);
  std::string why = fmt::format("{}", status);
  if (!said.message.empty()) why += ": " + said.message;
  if (!said.causes.empty()) why += fmt::format(" ({})", said.causes);
  return {.kind = kind_of(status, said), .why = model::printable(why, kMaxWhyBytes), .retry_after = retry_after};
}

EvictAnswer no_evict_answer(std::string_view why) {
  return {.kind = Kind::kNone, .why = model::printable(why, kMaxWhyBytes), .retry_after = {}};
}

bool is_unknown_version(unsigned status, std::string_view body) {
  return is_version_unknown(status, said_in(body));
}

}  // namespace tideline::evict
