#include "messages/http/body.h"

#include <algorithm>
#include <utility>

namespace tideline::http {
namespace {

using Whole = std::optional<std::string>;

class BodyReader {
 public:
  BodyReader(kj::Own<kj::AsyncInputStream> body, std::size_t most) : body_(kj::mv(body)), most_(most) {}

  kj::Promise<Whole> whole() {
    KJ_IF_MAYBE (announced, body_->tryGetLength()) {
      if (*announced > most_) return Whole();
    }
    return read_whole();
  }

  kj::Promise<std::string> begin() {
    const std::size_t wanted = std::min(most_ - text_.size(), sizeof buffer_);
    if (wanted == 0) return std::move(text_);
    return body_->tryRead(buffer_, 1, wanted).then([this](std::size_t size) -> kj::Promise<std::string> {
      if (size == 0) return std::move(text_);
      text_.append(buffer_, size);
      return begin();
    });
  }

 private:
  kj::Promise<Whole> read_whole() {
    return body_->tryRead(buffer_, 1, sizeof buffer_).then([this](std::size_t size) -> kj::Promise<Whole> {
      if (size == 0) return Whole(std::move(text_));
      if (text_.size() + size > most_) return Whole();
      text_.append(buffer_, size);
      return read_whole();
    });
  }

  kj::Own<kj::AsyncInputStream> body_;
  const std::size_t most_;
  std::string text_;
  char buffer_[16 * 1024];
};

}  // namespace

kj::Promise<Whole> read_body(kj::Own<kj::AsyncInputStream> body, std::size_t most) {
  auto reader = kj::heap<BodyReader>(kj::mv(body), most);
  auto whole = reader->whole();
  return whole.attach(kj::mv(reader));
}

kj::Promise<std::string> read_begin(kj::Own<kj::AsyncInputStream> body, std::size_t most) {
  auto reader = kj::heap<BodyReader>(kj::mv(body), most);
  auto begin = reader->begin();
  return begin.attach(kj::mv(reader));
}

}  // namespace tideline::http
