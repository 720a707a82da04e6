#pragma once
// What a request's head asks for, and what answers are as bytes. Plain functions.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace tideline::bootstrap {

inline constexpr std::string_view kRequestTarget = "/v1/node-certificate";
inline constexpr std::size_t kMaxTokenBytes = 16 << 10;

struct Head {
  bool is_post = false;
  std::string_view target;  // path and query
  // Headers as they came; of several of one name the values with commas between.
  std::optional<std::string_view> authorization = {};
  std::optional<std::string_view> content_length = {};
  std::optional<std::string_view> transfer_encoding = {};
};

struct Answer {
  unsigned status = 0;
  bool is_json = false;
  std::string body;
};
/// One line of text, whatever `why` holds.
Answer refusal(unsigned status, std::string_view why);

struct Wanted {
  std::string token;
  std::size_t body_bytes = 0;  // 1 to certs::kMaxSigningRequestBytes
};
/// What is to be read and asked next, or the answer already.
std::variant<Wanted, Answer> judge(const Head& head);

/// The whole answer as HTTP/1.1, after which the connection ends.
std::string bytes_of(const Answer& answer);

}  // namespace tideline::bootstrap
