#pragma once
// PEM texts for kj-tls.

#include <string>
#include <string_view>
#include <vector>

namespace tideline::link {

/// The certificates of a PEM text, each by itself: kj-tls takes one authority from a text, however many it holds.
inline std::vector<std::string> certificates_in(const std::string& pem) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  std::vector<std::string> found;
  auto from = pem.find(kBegin);
  while (from != std::string::npos) {
    const auto end = pem.find(kEnd, from);
    if (end == std::string::npos) break;
    found.push_back(pem.substr(from, end + kEnd.size() - from) + "\n");
    from = pem.find(kBegin, end);
  }
  return found;
}

}  // namespace tideline::link
