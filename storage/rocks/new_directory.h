#pragma once
// A directory that is at its place at once and whole, or not at all.
// Only the .cpp files of this room include this header.

#include <string>
#include <string_view>
#include <utility>

#include "messages/model/result.h"

namespace tideline::rocks {

class NewDirectory {
 public:
  /// Makes nothing yet. `what` is what is being done, "restore"; it grows as `place` and `ending`. kInvalidArgument
  /// where something is at the place, but for an empty directory, or where it would grow: what a killed one left must
  /// be removed first.
  static model::Result<NewDirectory> plan(const std::string& place, std::string_view what, std::string_view ending);
  NewDirectory(NewDirectory&& other) noexcept
      : place_(std::move(other.place_)),
        part_(std::move(other.part_)),
        is_made_(std::exchange(other.is_made_, false)) {}
  NewDirectory& operator=(NewDirectory&&) = delete;
  /// Unless it is at its place nothing of it stays. Nobody may have a file of it open.
  ~NewDirectory();

  model::Result<void> make();
  /// Where it grows.
  const std::string& part() const { return part_; }
  /// Has all of it on the disk, and then at its place. Once; nothing is below it but files.
  model::Result<void> commit();

 private:
  NewDirectory(std::string place, std::string part) : place_(std::move(place)), part_(std::move(part)) {}

  std::string place_;
  std::string part_;
  bool is_made_ = false;
};

}  // namespace tideline::rocks
