#include "node-actor/fleet/issue_certs.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "messages/certs/authority.h"
#include "messages/link/identity.h"
#include "node-actor/fleet/node_names.h"

namespace tideline::rehearsal {
namespace {

using model::Error;
using model::ErrorCode;
using model::invalid;
using model::Result;

constexpr std::chrono::hours kAuthorityLife{24 * 3650};  // longer than anything it signs
constexpr std::size_t kProgressEvery = 1000;
constexpr std::size_t kMostNameBytes = 64;  // X.509: of a common name
constexpr const char* kAuthority = "ca";

/// Role and name.
Result<std::pair<std::string, std::string>> person(const std::string& text) {
  link::Certificate asked;
  asked.common_name = text;
  asked.for_client = true;
  const auto who = link::operator_of(asked);
  if (!who || text.size() > kMostNameBytes || who->name.find('/') != std::string::npos) {
    return invalid(
        fmt::format("person '{}': want viewer:NAME, operator:NAME or admin:NAME, a name that a file can have, "
                    "and at most {} bytes",
                    text, kMostNameBytes));
  }
  return std::pair(std::string(link::name_of(who->role)), who->name);
}

Result<certs::Authority> authority(const CertsRequest& request) {
  auto known = certs::Authority::open(request.directory, kAuthority);
  if (known || known.error().code() != ErrorCode::kNotFound) return known;
  return certs::Authority::create(request.directory, kAuthority, kAuthorityLife);
}

}  // namespace

Result<void> issue_certs(const CertsRequest& request, void (*progress)(std::size_t done, std::size_t of)) {
  if (auto good = check_prefix(request.prefix); !good) return good;
  // Before anything is written.
  std::vector<std::pair<std::string, std::string>> people;
  for (const std::string& text : request.people) {
    auto one = person(text);
    if (!one) return one.error();
    people.push_back(*std::move(one));
  }
  if (request.coordinator.empty() || request.coordinator.size() > kMostNameBytes ||
      request.coordinator.find('/') != std::string::npos) {
    return invalid(
        fmt::format("coordinator '{}': want a DNS name of at most {} bytes", request.coordinator, kMostNameBytes));
  }
  constexpr mode_t kOwnerOnly = 0700;
  if (::mkdir(request.directory.c_str(), kOwnerOnly) != 0 && errno != EEXIST) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("{}: cannot be made: {}", request.directory, std::strerror(errno)));
  }
  const auto from = authority(request);
  if (!from) return from.error();
  const auto issue = [&](const std::string& file, certs::CertSpec spec) -> Result<void> {
    spec.valid_to = request.valid;
    const auto files = from->issue(file, spec);
    return files ? Result<void>() : files.error();
  };
  if (auto done = issue("server-" + request.coordinator, certs::coordinator_spec(request.coordinator)); !done) {
    return done;
  }
  for (const auto& [role, name] : people) {
    if (auto done = issue(fmt::format("{}-{}", role, name), certs::person_spec(role, name)); !done) return done;
  }
  for (std::size_t i = 0; i < request.nodes; ++i) {
    const std::string node = node_name(request.prefix, request.first + i);
    if (auto done = issue("node-" + node, certs::node_spec(node)); !done) return done;
    if ((i + 1) % kProgressEvery == 0) progress(i + 1, request.nodes);
  }
  return {};
}

}  // namespace tideline::rehearsal
