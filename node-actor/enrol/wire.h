#pragma once
// What goes to the bootstrap port and what comes back, as texts. Plain functions.

#include <cstddef>
#include <string>
#include <string_view>

#include "messages/model/ids.h"
#include "messages/model/result.h"

namespace tideline::enrol {

inline constexpr const char* kCertificatePath = "/v1/node-certificate";
inline constexpr std::size_t kMaxTokenBytes = 16 << 10;
inline constexpr std::size_t kMaxAnswerBytes = 64 << 10;

/// PEM texts.
struct SignedAnswer {
  std::string certificate;
  std::string ca;
};

/// Of an answer 200. kMalformed for what is none, kPermissionDenied for another node's, naming both.
model::Result<SignedAnswer> read_answer(std::string_view body, const model::NodeName& node);
/// What any other answer says, on one line and short.
std::string text_of_refusal(unsigned status, std::string_view body);

/// One word of printable ASCII, without the blanks around it. No error shows it.
model::Result<std::string> checked_token(std::string_view text);
/// `text` without the token: a server may send back what it was sent.
std::string without_token(std::string text, const std::string& token);

/// "host:port", "[v6]:port", and a port of 1..65535.
bool is_address(std::string_view text);

/// `known`, and each certificate of `issuer` that is not in it; PEM texts.
std::string joined_authorities(const std::string& known, const std::string& issuer);

}  // namespace tideline::enrol
