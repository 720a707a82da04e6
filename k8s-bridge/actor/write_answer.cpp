#include "k8s-bridge/actor/write_answer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "messages/model/json_text.h"

namespace tideline::bridge {
namespace {

constexpr model::JsonLimits kAnswerLimits{.max_bytes = std::size_t{4} << 20, .max_depth = 64};

std::string resource_version(const std::string& body) {
  const auto object = model::parse_json(body, kAnswerLimits);
  if (!object || !object->is_object()) return {};
  const auto metadata = object->find("metadata");
  if (metadata == object->end() || !metadata->is_object()) return {};
  const auto version = metadata->find("resourceVersion");
  return version != metadata->end() && version->is_string() ? version->get<std::string>() : std::string();
}

WriteOutcome failed(WriteOutcome::Kind kind, model::Duration retry_in, std::string why) {
  WriteOutcome outcome;
  outcome.kind = kind;
  outcome.retry_in = retry_in;
  outcome.why = std::move(why);
  return outcome;
}

}  // namespace

WriteOutcome outcome_of(const model::Result<k8s_api::Answer>& answer, unsigned failures) {
  using Kind = WriteOutcome::Kind;
  const model::Duration doubled = WriteOutcome::kFirstRetry * (std::int64_t{1} << std::min(failures, 10U));
  const model::Duration retry = std::min(doubled, WriteOutcome::kLongestRetry);
  if (!answer) return failed(Kind::kFailed, retry, answer.error().message());
  if (answer->status >= 200 && answer->status < 300) {
    WriteOutcome written;
    written.kind = Kind::kWritten;
    written.resource_version = resource_version(answer->body);
    return written;
  }
  const std::string why = k8s_api::describe(*answer);
  switch (answer->status) {
    case 404:
      return failed(Kind::kGone, model::kZeroDuration, why);
    case 403:
      return failed(Kind::kForbidden, WriteOutcome::kLongestRetry, why);
    case 401:
    case 408:
    case 409:
    case 429:
      break;
    default:
      if (answer->status < 500) return failed(Kind::kFailed, WriteOutcome::kRefusedRetry, why);
  }
  const auto asked = std::min(answer->retry_after.value_or(model::kZeroDuration), WriteOutcome::kRefusedRetry);
  return failed(Kind::kFailed, std::max(retry, asked), why);
}

}  // namespace tideline::bridge
