#pragma once
// Notices that certificate files were replaced.

#include <array>
#include <cstdint>
#include <string>

#include "messages/link/tls_files.h"

namespace tideline::admin {

class TlsWatch {
 public:
  explicit TlsWatch(const link::TlsFiles& files);
  /// Any of the files is another than at taken() (inode, size, time of change).
  bool changed();
  /// What changed() saw last is in use. Until then it says again and again that there is a change.
  void taken() { stamps_ = seen_; }

 private:
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t size = -1;  // -1 = not there
    std::int64_t changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  static Stamp stamp(const std::string& path);

  std::array<std::string, 3> paths_;
  std::array<Stamp, 3> stamps_;
  std::array<Stamp, 3> seen_;
};

}  // namespace tideline::admin
