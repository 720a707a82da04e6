#pragma once
// Where a store is, by what an operator says.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "messages/model/result.h"

namespace tideline::history_program {

/// `directory`, or "history" below it. kNotFound names both where there is a store in neither.
model::Result<std::string> find_store(const std::string& directory);

/// Where a store is made: `directory` if it is called "history", else "history" below it.
std::string new_store(const std::string& directory);

/// Directories above a place, made where they were not there, and taken back unless kept.
class MadeParents {
 public:
  /// kUnavailable names the directory.
  static model::Result<MadeParents> of(const std::string& place);
  MadeParents(MadeParents&& other) noexcept : paths_(std::exchange(other.paths_, {})) {}
  MadeParents& operator=(MadeParents&&) = delete;
  ~MadeParents();
  void keep() { paths_.clear(); }

 private:
  MadeParents() = default;
  std::vector<std::filesystem::path> paths_;  // the innermost first
};

/// kUnavailable where a process has it open; `instead` says what to do then.
model::Result<void> check_free(const std::string& store, const std::string& instead);

/// kInvalidArgument where `inner` is `outer` or below it, whatever links lead there.
model::Result<void> check_outside(const std::string& inner, const std::string& outer);

}  // namespace tideline::history_program
