#include "node-actor/enrol/wire.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "messages/model/json_text.h"

namespace tideline::enrol {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

constexpr model::JsonLimits kAnswerLimits{.max_bytes = kMaxAnswerBytes, .max_depth = 4};
constexpr std::size_t kMaxShownBytes = 200;
constexpr std::size_t kMaxShownNameBytes = 80;
constexpr std::string_view kBlank = " \t\r\n";

Error malformed(std::string text) {
  return {ErrorCode::kMalformed, std::move(text)};
}

Result<std::string> text_in(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return malformed(fmt::format("the answer has no \"{}\"", key));
  if (!found->is_string() || found->get_ref<const std::string&>().empty()) {
    return malformed(fmt::format("\"{}\" of the answer is {}, not a text", key, model::shown(*found)));
  }
  return found->get<std::string>();
}

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

Result<SignedAnswer> read_answer(std::string_view body, const model::NodeName& node) {
  const auto answer = model::parse_json(body, kAnswerLimits);
  if (!answer) return malformed(answer.error().message()).in("the answer");
  if (!answer->is_object()) return malformed("the answer is no JSON object");
  const auto named = text_in(*answer, "node");
  if (!named) return named.error();
  if (*named != node.str()) {
    return Error(ErrorCode::kPermissionDenied, fmt::format("the token is of a pod on node \"{}\", not on \"{}\"",
                                                           model::printable(*named, kMaxShownNameBytes), node.str()));
  }
  auto certificate = text_in(*answer, "certificate");
  if (!certificate) return certificate.error();
  auto ca = text_in(*answer, "ca");
  if (!ca) return ca.error();
  return SignedAnswer{*std::move(certificate), *std::move(ca)};
}

std::string text_of_refusal(unsigned status, std::string_view body) {
  const auto text = without_blanks(body);
  if (text.empty()) return fmt::format("answered {}", status);
  return fmt::format("answered {}: {}", status, model::printable(text, kMaxShownBytes));
}

Result<std::string> checked_token(std::string_view text) {
  const auto token = without_blanks(text);
  if (token.empty()) return model::invalid("empty");
  if (token.size() > kMaxTokenBytes) return model::invalid(fmt::format("longer than {} bytes", kMaxTokenBytes));
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; })) {
    return model::invalid("want one word of printable ASCII");
  }
  return std::string(token);
}

std::string without_token(std::string text, const std::string& token) {
  constexpr std::string_view kInstead = "(the token)";
  if (token.empty()) return text;
  for (auto at = text.find(token); at != std::string::npos; at = text.find(token, at + kInstead.size()))
    text.replace(at, token.size(), kInstead);
  return text;
}

bool is_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto host = text.substr(0, colon);
  const bool in_brackets = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (!in_brackets && host.find_first_of(":[]") != std::string_view::npos) return false;
  if (!std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c <= '~' && c != '/'; })) return false;
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return problem == std::errc() && end == digits.data() + digits.size() && port != 0;
}

std::string joined_authorities(const std::string& known, const std::string& issuer) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  std::string joined = known;
  if (!joined.empty() && joined.back() != '\n') joined += '\n';
  std::string_view rest = issuer;
  for (auto from = rest.find(kBegin); from != std::string_view::npos; from = rest.find(kBegin)) {
    rest.remove_prefix(from);
    const auto end = rest.find(kEnd);
    if (end == std::string_view::npos) break;
    const auto block = rest.substr(0, end + kEnd.size());
    rest.remove_prefix(block.size());
    if (joined.find(block) != std::string::npos) continue;
    joined += block;
    joined += '\n';
  }
  return joined;
}

}  // namespace tideline::enrol
