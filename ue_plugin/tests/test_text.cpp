#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <limits>

#include "Csv.h"
#include "Json.h"
#include "Text.h"

using namespace openrelic;

TEST_CASE("numbers are printed as Python prints them") {
    CHECK(Fixed(0.1) == "0.100000");
    CHECK(Fixed(-0.0) == "-0.000000");
    CHECK(Fixed(60.0, 0) == "60");
    CHECK(Fixed(1e308).size() == 316);
    CHECK(Fixed(-std::nan("")) == "nan");
    CHECK(General(1.0 / 3.0) == "0.3333333333");
}

TEST_CASE("a locale with a decimal comma changes nothing") {
    if (std::setlocale(LC_NUMERIC, "de_DE.UTF-8") == nullptr) return;  // not installed here
    double value = 0.0;
    CHECK(Fixed(1.5) == "1.500000");
    CHECK(ParseNumber("1.5", value));
    CHECK(value == 1.5);
    CHECK_FALSE(ParseNumber("1,5", value));
    std::setlocale(LC_NUMERIC, "C");
}

TEST_CASE("numbers are read to the last digit") {
    double value = 0.0;
    REQUIRE(ParseNumber(" 1_0.5e-1\t", value));
    CHECK(value == 1.05);
    REQUIRE(ParseNumber("9007199254740993", value));
    CHECK(value == 9007199254740992.0);
    REQUIRE(ParseNumber("1e999", value));
    CHECK(value == std::numeric_limits<double>::infinity());
    for (const char* const bad : {"", " ", ".", "1__0", "_1", "1_", "0x10", "1e", "1 2", "--1", "+ 1", "1.5.2", "infinit"}) {
        CAPTURE(bad);
        CHECK_FALSE(ParseNumber(bad, value));
    }
}

TEST_CASE("JSON is one line with Python's separators") {
    JsonLine json;
    json.Open('{').Key("a").Whole(1).Key("b").Open('[').Open('[').Close(']').Number(0.5).Flag(true).Close(']');
    json.Key("c").Open('{').Close('}').Key("d").Point({1, 2, 3}).Close('}');
    CHECK(json.Line() == R"({"a": 1, "b": [[], 0.500000, true], "c": {}, "d": [1.000000, 2.000000, 3.000000]})");
}

TEST_CASE("text is escaped, and what is no UTF-8 replaced") {
    CHECK(JsonLine().Text("a\"\\\n\x01 \u00e9").Line() == "\"a\\\"\\\\\\n\\u0001 \u00e9\"");
    CHECK(JsonLine().Text("a\xff" "b").Line() == "\"a\uFFFD" "b\"");
    CHECK(JsonLine().Number(std::nan("")).Line() == "null");
}

TEST_CASE("cells keep what quotes hold") {
    std::vector<CsvRow> rows;
    std::string error;
    REQUIRE(SplitCsv("\xEF\xBB\xBF" "a,\"b\"\"\n,c\"\r\n\r\n,\n", rows, error));
    REQUIRE(rows.size() == 3);
    CHECK(rows[0] == CsvRow{"a", "b\"\n,c"});
    CHECK(rows[1].empty());
    CHECK(rows[2] == CsvRow{"", ""});
}

TEST_CASE("broken files are refused with a reason") {
    std::vector<CsvRow> rows;
    std::string error;
    CHECK_FALSE(SplitCsv("a,\"b", rows, error));
    CHECK(error == "unexpected end of data");
    CHECK_FALSE(SplitCsv("\"a\"b", rows, error));
    CHECK_FALSE(SplitCsv("ab\xC0\x80", rows, error));
    CHECK(error == "byte 2 is no part of UTF-8 text");
    CHECK_FALSE(SplitCsv(std::string(131073, 'x'), rows, error));
}
