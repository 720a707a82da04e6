#include "k8s-bridge/api/body.h"

#include <utility>

namespace tideline::k8s_api {
namespace {

using Whole = std::optional<std::string>;

class BodyReader {
 public:
  BodyReader(kj::Own<kj::AsyncInputStream> body, std::size_t most) : body_(kj::mv(body)), most_(most) {}

  kj::Promise<Whole> run() {
    KJ_IF_MAYBE (announced, body_->tryGetLength()) {
      if (*announced > most_) return Whole();
    }
    return read_on();
  }

 private:
  kj::Promise<Whole> read_on() {
    return body_->tryRead(buffer_, 1, sizeof buffer_).then([this](std::size_t size) -> kj::Promise<Whole> {
      if (size == 0) return Whole(std::move(text_));
      if (text_.size() + size > most_) return Whole();
      text_.append(buffer_, size);
      return read_on();
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
  auto whole = reader->run();
  return whole.attach(kj::mv(reader));
}

}  // namespace tideline::k8s_api
