#include "messages/link/deny_list.h"

#include <algorithm>

#include <fmt/format.h>

#include "messages/link/small_file.h"

namespace tideline::link {
namespace {

constexpr std::string_view kBlank = " \t\r";

/// Without its comment and what is blank around it. A name may hold a '#', but none after a blank.
std::string_view trimmed(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at > 0 && kBlank.find(line[at - 1]) == std::string_view::npos) continue;
    line = line.substr(0, at);
    break;
  }
  const auto first = line.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlank) - first + 1);
}

bool is_name(std::string_view text) {
  Certificate certificate;
  certificate.for_client = true;
  certificate.common_name = text;
  certificate.dns_names = {std::string(text)};
  return node_of(certificate).ok() || operator_of(certificate).ok();
}

}  // namespace

model::Result<DenyList> DenyList::parse(std::string_view text) {
  DenyList list;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    const auto name = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (name.empty()) continue;
    if (!is_name(name)) {
      return model::invalid(fmt::format("line {}: \"{}\" is neither <node>{} nor viewer|operator|admin:<name>", line,
                                        name.substr(0, 64), kNodeDomain));
    }
    list.names_.emplace(name);
  }
  return list;
}

model::Result<DenyList> DenyList::load(const std::string& path) {
  if (path.empty()) return DenyList();
  const auto text = read_small_file("denied names", path);
  if (!text) return text.error();
  auto list = parse(*text);
  if (!list) return list.error().in("denied names " + path);
  return list;
}

bool DenyList::denies(const model::NodeName& node) const {
  return !names_.empty() && names_.contains(node.str() + std::string(kNodeDomain));
}

bool DenyList::denies(const Operator& who) const {
  return !names_.empty() && names_.contains(fmt::format("{}:{}", name_of(who.role), who.name));
}

}  // namespace tideline::link
