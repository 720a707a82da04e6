#include "test/support/certs.h"

#include <stdexcept>
#include <utility>

namespace tideline::test {
namespace {

template <class T>
T or_throw(model::Result<T> result) {
  if (!result) throw std::runtime_error("certs: " + result.error().message());
  return *std::move(result);
}

}  // namespace

CertAuthority::CertAuthority(std::string directory, const std::string& name)
    : authority_(or_throw(certs::Authority::create(std::move(directory), name))) {}

CertFiles CertAuthority::issue(const std::string& file, const CertSpec& spec) const {
  return or_throw(authority_.issue(file, spec));
}

CertFiles CertAuthority::node(const std::string& node) const {
  return issue("node-" + node, certs::node_spec(node));
}

CertFiles CertAuthority::coordinator(const std::string& name) const {
  return issue("server-" + name, certs::coordinator_spec(name));
}

CertFiles CertAuthority::person(const std::string& role, const std::string& name) const {
  return issue(role + "-" + name, certs::person_spec(role, name));
}

}  // namespace tideline::test
