#include "messages/link/file_watch.h"

#include <utility>

#include <sys/stat.h>

namespace tideline::link {

FileWatch::FileWatch(std::vector<std::string> paths) : paths_(std::move(paths)) {
  std::erase(paths_, std::string());
  static_cast<void>(changed());
  taken();
}

bool FileWatch::changed() {
  seen_.clear();
  for (const auto& path : paths_)
    seen_.push_back(stamp(path));
  return seen_ != stamps_;
}

FileWatch::Stamp FileWatch::stamp(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_ino, info.st_size, info.st_ctim.tv_sec * 1'000'000'000LL + info.st_ctim.tv_nsec};
}

}  // namespace tideline::link
