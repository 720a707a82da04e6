#include "coordinator/bootstrap/request.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "messages/certs/signing.h"
#include "messages/model/json_text.h"

namespace tideline::bootstrap {
namespace {

constexpr std::string_view kScheme = "Bearer ";
constexpr std::size_t kMaxReasonBytes = 600;

std::string_view phrase_of(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Payload Too Large";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

std::string_view more_headers_of(unsigned status) {
  switch (status) {
    case 401:
      return "WWW-Authenticate: Bearer\r\n";
    case 405:
      return "Allow: POST\r\n";
    default:
      return "";
  }
}

/// RFC 6750's b64token.
bool is_token(std::string_view text) {
  const std::string_view body = text.substr(0, text.find_last_not_of('=') + 1);
  return !body.empty() && std::all_of(body.begin(), body.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/").find(c) != std::string_view::npos;
  });
}

}  // namespace

Answer refusal(unsigned status, std::string_view why) {
  Answer answer;
  answer.status = status;
  answer.body = model::printable(why, kMaxReasonBytes) + "\n";
  return answer;
}

std::variant<Wanted, Answer> judge(const Head& head) {
  if (head.target != kRequestTarget) return refusal(404, fmt::format("there is {} and nothing else", kRequestTarget));
  if (!head.is_post) return refusal(405, "POST only");
  if (head.transfer_encoding || !head.content_length) return refusal(411, "want a body with a Content-Length");
  const std::string_view length = *head.content_length;
  Wanted wanted;
  const auto [end, problem] = std::from_chars(length.data(), length.data() + length.size(), wanted.body_bytes);
  if (problem == std::errc::result_out_of_range || wanted.body_bytes > certs::kMaxSigningRequestBytes) {
    return refusal(413, fmt::format("want a body of at most {} bytes", certs::kMaxSigningRequestBytes));
  }
  if (problem != std::errc() || end != length.data() + length.size() || wanted.body_bytes == 0) {
    return refusal(400, "Content-Length is no length of a request");
  }
  if (!head.authorization) return refusal(401, "want Authorization: Bearer, with a service account's token");
  std::string_view token = *head.authorization;
  if (!token.starts_with(kScheme)) return refusal(401, "Authorization is not Bearer");
  token.remove_prefix(kScheme.size());
  if (token.size() > kMaxTokenBytes || !is_token(token)) return refusal(401, "Authorization holds no token");
  wanted.token = token;
  return wanted;
}

std::string bytes_of(const Answer& answer) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n{}"
      "\r\n{}",
      answer.status, phrase_of(answer.status), answer.is_json ? "application/json" : "text/plain; charset=utf-8",
      answer.body.size(), more_headers_of(answer.status), answer.body);
}

}  // namespace tideline::bootstrap
