#pragma once
// Where a store is, by what an operator says.

#include <string>

#include "messages/model/result.h"

namespace tideline::history_program {

/// `directory`, or "history" below it. kNotFound names both where there is a store in neither.
model::Result<std::string> find_store(const std::string& directory);

/// Where a store is made: `directory` if it is called "history", else "history" below it.
std::string new_store(const std::string& directory);

/// kUnavailable where a process has it open; `instead` says what to do then.
model::Result<void> check_free(const std::string& store, const std::string& instead);

/// kInvalidArgument where `inner` is `outer` or below it, whatever links lead there.
model::Result<void> check_outside(const std::string& inner, const std::string& outer);

}  // namespace tideline::history_program
