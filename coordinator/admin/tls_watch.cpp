#include "coordinator/admin/tls_watch.h"

#include <sys/stat.h>

namespace tideline::admin {

TlsWatch::TlsWatch(const link::TlsFiles& files) : paths_{files.certificate, files.key, files.ca} {
  static_cast<void>(changed());
  taken();
}

bool TlsWatch::changed() {
  for (std::size_t i = 0; i < paths_.size(); ++i)
    seen_[i] = stamp(paths_[i]);
  return seen_ != stamps_;
}

TlsWatch::Stamp TlsWatch::stamp(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_ino, info.st_size, info.st_ctim.tv_sec * 1'000'000'000LL + info.st_ctim.tv_nsec};
}

}  // namespace tideline::admin
