#pragma once
// A record in the state directory that counts for one boot of the host: one JSON object with its boot id, replaced
// whole.

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "messages/model/result.h"

namespace tideline::guard {

/// nullopt: there is none, or it is of another boot. No object: it cannot be read, or is longer than `most` bytes.
std::optional<nlohmann::json> read_boot_record(const std::string& path, const std::string& boot_id,
                                               std::uintmax_t most);

/// `list` under the name `what`. Durable when it returns. Errors: kUnavailable, and the old one stays.
model::Result<void> replace_boot_record(const std::string& path, const std::string& boot_id, const char* what,
                                        nlohmann::json list);

}  // namespace tideline::guard
