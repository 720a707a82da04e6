#include <string>

#include <gmock/gmock.h>

#include "k8s-bridge/api/client.h"

namespace tideline::k8s_api::describe_test {
namespace {

struct Case {
  unsigned status;
  std::string body;
  std::string text;
};

TEST(Describe, SaysTheStatusAndWhatTheServerSays) {
  for (const auto& [status, body, text] : {
           Case{404, R"({"kind":"Status","code":404,"message":"nodes \"n1\" not found"})",
                "404 Not Found: nodes \"n1\" not found"},
           Case{409, R"({"kind":"Status","message":"a\nb"})", "409 Conflict: a?b"},
           Case{200, R"({"kind":"Node"})", "200 OK"},
           Case{403, R"({"kind":"Status","message":7})", "403 Forbidden"},
           Case{500, "", "500 Internal Server Error"},
           Case{502, "<html>\r\n<h1>Bad</h1>", "502 Bad Gateway: <html>"},
           Case{418, "tea", "418: tea"},
       }) {
    Answer answer;
    answer.status = status;
    answer.body = body;
    EXPECT_EQ(describe(answer), text);
  }
}

TEST(Describe, IsShortWhateverTheServerSays) {
  Answer answer;
  answer.status = 500;
  answer.body = std::string(100'000, 'x');
  EXPECT_LE(describe(answer).size(), 300U);
  answer.body = R"({"kind":"Status","message":")" + std::string(10'000, 'x') + R"("})";
  EXPECT_LE(describe(answer).size(), 400U);
  EXPECT_THAT(describe(answer), testing::EndsWith("x..."));
}

}  // namespace
}  // namespace tideline::k8s_api::describe_test
