#include "storage/files/gunzip.h"

#include <utility>

#include <fmt/format.h>

namespace tideline::files {
namespace {

constexpr std::size_t kOutBytes = 256 << 10;
constexpr int kGzipOnly = 15 + 16;  // the largest window; + 16: no zlib header (zlib.h)

}  // namespace

Gunzip::Gunzip(std::string name, const Sink& sink) : name_(std::move(name)), sink_(sink), out_(kOutBytes) {
  ready_ = inflateInit2(&stream_, kGzipOnly) == Z_OK;
}

Gunzip::~Gunzip() {
  if (ready_) inflateEnd(&stream_);
}

model::Error Gunzip::damaged(std::string_view what) const {
  return {model::ErrorCode::kMalformed,
          fmt::format("{}: damaged gzip at byte {}: {}", name_, added_ - stream_.avail_in, what)};
}

model::Result<void> Gunzip::add(std::string_view bytes) {
  if (!ready_) return model::Error(model::ErrorCode::kInternal, fmt::format("{}: zlib does not start", name_));
  added_ += bytes.size();
  // zlib does not write there; its type is older than const.
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream_.avail_in = static_cast<uInt>(bytes.size());
  bool full = false;  // more may be had without more input
  while (stream_.avail_in > 0 || full) {
    if (std::exchange(ended_, false)) inflateReset(&stream_);
    stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
    stream_.avail_out = static_cast<uInt>(out_.size());
    const int state = inflate(&stream_, Z_NO_FLUSH);
    const bool stuck = state == Z_BUF_ERROR && stream_.avail_in > 0;
    if ((state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) || stuck) {
      return damaged(stream_.msg != nullptr ? stream_.msg : "no way on");
    }
    ended_ = state == Z_STREAM_END;
    full = stream_.avail_out == 0 && !ended_;
    if (auto taken = sink_({out_.data(), out_.size() - stream_.avail_out}); !taken) return taken;
  }
  return {};
}

model::Result<void> Gunzip::finish() const {
  if (ended_) return {};
  return damaged("it ends before its end");
}

}  // namespace tideline::files
