#include "admin-client/human.h"

#include <gmock/gmock.h>

#include "admin-client/table.h"

namespace tideline::tidectl::human_test {
namespace {

TEST(SafeText, TakesWhatCouldSteerATerminal) {
  EXPECT_EQ(safe_text("a\x1b[2J\x07\nb\r\t\x7f"), "a?[2J??b???");
  EXPECT_EQ(safe_text("c1 \xc2\x9b csi"), "c1 ? csi");          // U+009B
  EXPECT_EQ(safe_text("\xe2\x80\xae reversed"), "? reversed");  // U+202E
  EXPECT_EQ(safe_text("isolate \xe2\x81\xa6"), "isolate ?");    // U+2066
  EXPECT_EQ(safe_text(std::string_view("nul \0 x", 7)), "nul ? x");
}

TEST(SafeText, TakesBytesThatAreNoUtf8) {
  EXPECT_EQ(safe_text("\xff\xfe"), "??");
  EXPECT_EQ(safe_text("\xc0\xaf"), "??");            // overlong
  EXPECT_EQ(safe_text("\xed\xa0\x80"), "???");       // surrogate
  EXPECT_EQ(safe_text("\xe2\x82"), "??");            // cut
  EXPECT_EQ(safe_text("\xf4\x90\x80\x80"), "????");  // beyond U+10FFFF
}

TEST(SafeText, KeepsOrdinaryTextOfAnyScript) {
  EXPECT_EQ(safe_text("web-1 größe 节点 🙂"), "web-1 größe 节点 🙂");
}

TEST(Quantities, AreReadable) {
  EXPECT_EQ(cores(model::MilliCpu(1350)), "1.35");
  EXPECT_EQ(cores(std::nullopt), "-");
  EXPECT_EQ(bytes(model::Bytes(3435973836)), "3.2 GiB");
  EXPECT_EQ(bytes(model::Bytes(512)), "512 B");
  EXPECT_EQ(bytes(model::Bytes(1536)), "1.5 KiB");
  EXPECT_EQ(bytes(std::nullopt), "-");
  EXPECT_EQ(percent(0.125), "12.5 %");
  EXPECT_EQ(percent(std::nullopt), "-");
}

TEST(Table, AlignsByCharactersNotBytes) {
  Table table({{"NAME"}, {"CPU", Align::kRight}});
  table.row({"größe", "1.00"});
  table.row({"a", "10.00"});
  table.row({"b", ""});
  EXPECT_EQ(table.text(),
            "NAME     CPU\n"
            "größe   1.00\n"
            "a      10.00\n"
            "b          -\n");
}

TEST(Table, MakesForeignCellsHarmless) {
  Table table({{"NAME"}});
  table.row({"x\n\x1b[31my"});
  EXPECT_EQ(table.text(), "NAME\nx??[31my\n");
}

}  // namespace
}  // namespace tideline::tidectl::human_test
