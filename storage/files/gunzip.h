#pragma once
// gzip as it comes -> the bytes in it.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

#include "messages/model/result.h"

namespace tideline::files {

class Gunzip {
 public:
  using Sink = std::function<model::Result<void>(std::string_view bytes)>;
  /// `name` is for errors; `sink` must outlive it.
  Gunzip(std::string name, const Sink& sink);
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  static bool is_gzip(std::string_view beginning) { return beginning.starts_with("\x1f\x8b"); }

  /// kMalformed names the byte at which the data are damaged; else the sink's error. A file may have several members.
  model::Result<void> add(std::string_view bytes);
  /// kMalformed where more should have come.
  model::Result<void> finish() const;

 private:
  model::Error damaged(std::string_view what) const;

  std::string name_;
  const Sink& sink_;
  z_stream stream_{};
  std::vector<char> out_;
  std::size_t added_ = 0;
  bool ready_ = false;
  bool ended_ = false;  // at the end of a member
};

}  // namespace tideline::files
