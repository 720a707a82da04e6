#include "messages/link/send_queue.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "test/messages/link/fixture.h"

namespace tideline::link {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

/// A queue on a loop of its own, and what it sent, by slice.
class SendQueueTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(thread_.call([this](KjContext& context) -> model::Result<void> {
      lag_ = std::make_unique<LoopLag>(context);
      queue_ = std::make_unique<SendQueue>(
          context, *lag_, SendQueue::Pace{2, milliseconds(1), milliseconds(1)},
          [this](SessionId id) {
            signal_.update([&]() { slices_.back().push_back(id.value()); });
            return id != SessionId(2);
          },
          [this]() {
            bool has_room = false;
            signal_.update([&]() {
              slices_.emplace_back();
              has_room = has_room_;
            });
            return has_room;
          });
      for (std::uint64_t id = 1; id <= 6; ++id)
        queue_->add(SessionId(id));
      return {};
    }));
  }
  void TearDown() override {
    thread_.stop([this](KjContext&) {
      queue_.reset();
      lag_.reset();
    });
  }
  std::vector<std::uint64_t> sent() const {
    std::vector<std::uint64_t> all;
    for (const auto& slice : slices_)
      all.insert(all.end(), slice.begin(), slice.end());
    return all;
  }

  Signal signal_;
  bool has_room_ = false;
  std::vector<std::vector<std::uint64_t>> slices_;
  // On the loop only.
  std::unique_ptr<LoopLag> lag_;
  std::unique_ptr<SendQueue> queue_;
  KjThread thread_{"test"};
};

TEST_F(SendQueueTest, WaitsForRoomAndThenSendsAFewAtATimeInOrder) {
  ASSERT_TRUE(signal_.wait([this]() { return slices_.size() >= 3; })) << "it looks again and again";
  signal_.update([this]() {
    EXPECT_THAT(sent(), testing::IsEmpty());
    has_room_ = true;
  });
  ASSERT_TRUE(signal_.wait([this]() { return sent().size() == 6; }));
  const std::lock_guard lock(signal_.mutex);
  EXPECT_THAT(sent(), ElementsAre(1, 2, 3, 4, 5, 6));
  for (const auto& slice : slices_) {
    const auto counted = std::count_if(slice.begin(), slice.end(), [](std::uint64_t id) { return id != 2; });
    EXPECT_LE(counted, 2) << "one of which nothing was sent takes nobody's place";
  }
}

}  // namespace
}  // namespace tideline::link
