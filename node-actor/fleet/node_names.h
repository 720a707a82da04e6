#pragma once
// How simulated nodes and their certificates are called.

#include <cstddef>
#include <string>

#include "messages/link/tls_files.h"
#include "messages/model/result.h"

namespace tideline::rehearsal {

/// kInvalidArgument where node names of that prefix would be no lower case DNS names.
model::Result<void> check_prefix(const std::string& prefix);
/// "sim-00042".
std::string node_name(const std::string& prefix, std::size_t index);
/// <directory>/node-<name>.{crt,key} and <directory>/ca.crt.
link::TlsFiles node_files(const std::string& directory, const std::string& node);

}  // namespace tideline::rehearsal
